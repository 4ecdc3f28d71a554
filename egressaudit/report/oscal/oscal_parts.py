"""The small parts of an OSCAL document: identifiers, tokens, properties, texts.

In: words of a report. Out: what OSCAL's datatypes allow. Example: `token("pci-dss-v4-1.3.2")` is the same
text, and `prop("code", "EA101")` is a property in our own namespace.

OSCAL reads titles, descriptions and remarks as Markdown, so they go through `marked`; values of properties are plain
text, so they go through `plain`. Neither can be empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid5

from egressaudit.report.inert_markdown import inert
from egressaudit.report.safe import printable

OSCAL = "1.2.1"
"""The version of OSCAL; what is written here is the same in 1.1."""
NAMESPACE: Final = "https://egressaudit.io/ns/oscal"
"""Of our own properties."""
NIST: Final = "http://csrc.nist.gov/ns/oscal"
RMF: Final = "http://csrc.nist.gov/ns/rmf"
"""Of properties that NIST's risk management framework defines, `method` among them."""

_UUIDS = UUID("6a5bb0a3-9a2d-5d0c-8f0e-2a7d2f1f8c11")
"""Never to be changed: the same finding has the same identifier in the reports of next year."""
_NOTHING = "(nothing)"
_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
_BRACE = re.compile(r"([{}])")

Json = dict[str, Any]


def identifier(*parts: str) -> str:
    """A UUID of version 5 that is the same for the same parts, and for no others."""
    # As JSON, no two lists of parts give the same text, whatever characters they have.
    return str(uuid5(_UUIDS, json.dumps(parts)))


def token(text: str) -> str:
    """The text as OSCAL's token: letters, digits, `.`, `_` and `-`, beginning with a letter or `_`.

    Two texts never give the same token: where a character had to go, a digest of the text is added.
    """
    kept = _TOKEN.sub("_", text)
    if not re.match(r"[A-Za-z_]", kept):
        kept = f"_{kept}"
    return kept if kept == text else f"{kept}-{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def plain(text: str) -> str:
    """The text for a string: harmless to look at, without spaces around it, never empty."""
    return printable(text).strip() or _NOTHING


def marked(text: str) -> str:
    """The text for a field of Markdown: no structure, no HTML, no link, and none of OSCAL's insertions `{{ }}`."""
    return " ".join(map(_word, printable(text).split())) or _NOTHING


def prop(name: str, value: str, *, ns: str = NAMESPACE) -> Json:
    """A property; `ns` is NIST's for those that OSCAL itself defines."""
    return {"name": name, "ns": ns, "value": plain(value)}


def props(pairs: Iterable[tuple[str, str]]) -> list[Json]:
    """The properties that have a value."""
    return [prop(name, value) for name, value in pairs if value]


def filled(parts: Json) -> Json:
    """The parts without the arrays that are empty, which OSCAL does not allow."""
    return {key: value for key, value in parts.items() if value not in ([], ())}


def items(texts: Iterable[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {marked(text)}" for text in texts)


def _word(word: str) -> str:
    # Even in a code span, where `inert` would leave them, OSCAL's tools look for braces.
    parts = (part for part in _BRACE.split(word) if part)
    return "".join(f"&#{ord(part)};" if _BRACE.fullmatch(part) else inert(part) for part in parts)
