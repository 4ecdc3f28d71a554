"""Text that a server or a container wrote, made fit to be shown: one line, bounded, and without what may be a secret.

In: the body of an answer that is not 2xx. Out: the `message` of its `v1.Status`, else a few words on what it is.
Example: `token "Bearer eyJhbGciOi..." is expired` becomes `token "Bearer [redacted]" is expired`.
"""

from __future__ import annotations

import json
import re
from typing import Any

_LONGEST = 1000
_GONE = "[redacted]"

_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic|negotiate|digest)[ \t]+(?!tokens?\b)[^\s\"',;]{3,}"), rf"\1 {_GONE}"),
    (re.compile(r"(?i)\b(authorization|cookie|set-cookie)\b(\W{0,3}[:=]\s*).*"), rf"\1\2{_GONE}"),
    (
        re.compile(r"(?i)\b([\w-]*(?:token|password|passwd|secret|api[_-]?key))(\W{0,2}[=:]\s*)[^\s\"',;&]{3,}"),
        rf"\1\2{_GONE}",
    ),
    (re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*)*"), _GONE),  # a JSON Web Token
    (re.compile(r"\bsha256~[\w-]+"), _GONE),  # a token of OpenShift's OAuth server
    (re.compile(r"(?<=://)[^\s/@]*@"), ""),
    (re.compile(r"-----BEGIN [^-]*-----.*"), _GONE),
)
"""What credentials look like in the words of servers and programs; the first one first."""


def shown(text: str, longest: int = _LONGEST) -> str:
    """The text as one line of bounded length, controls as escapes, without a secret that can be told by its form."""
    line = " ".join(text[: 4 * longest].split())
    for pattern, instead in _SECRETS:
        line = pattern.sub(instead, line)
    line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)
    return line if len(line) <= longest else f"{line[:longest]}…"


def message_of(body: bytes) -> str:
    """The `message` of a `v1.Status`; of other text itself, unless it is a page of HTML, which is somebody else's."""
    text = body[: 64 * _LONGEST].decode("utf-8", "replace")
    said = json_of(body)
    if isinstance(said, dict):
        words = said.get("message") or said.get("reason")
        return shown(words) if isinstance(words, str) else ""
    if text.lstrip()[:1] == "<":
        return "a page of HTML, not an answer of Kubernetes"
    return shown(text)


def json_of(data: bytes) -> Any:
    """The JSON value, None if it is none: also if it is nested too deeply, or has numbers that JSON does not know."""
    try:
        return json.loads(data, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None


def _refused(constant: str) -> float:
    raise ValueError(constant)
