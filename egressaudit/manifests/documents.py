"""Objects as a stream of YAML documents, each with a comment that says what it does.

In: manifests. Out: text for `kubectl diff -f -`. Example: a `Manifest` of a ServiceEntry is printed as

    ---
    # Makes docs.redhat.com known to the mesh.
    apiVersion: networking.istio.io/v1
    kind: ServiceEntry
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from egressaudit.manifests.changes import Change
from egressaudit.model import ObjectRef

_WIDTH = 100
_COMMENT = "# "
_LIKE_NUMBERS = re.compile(r"[-+.]?\d")
"""Texts that another YAML parser may take for a number: kubectl's reads `1e3` as one, PyYAML does not."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, and what it does, one sentence each."""

    obj: Mapping[str, Any]
    what: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Its kind, e.g. `ServiceEntry`."""
        return str(self.obj["kind"])

    @property
    def group(self) -> str:
        """Its API group; '' for the core."""
        group, slash, _ = str(self.obj["apiVersion"]).partition("/")
        return group if slash else ""

    @property
    def ref(self) -> ObjectRef:
        """Its `namespace/name`."""
        metadata = self.obj["metadata"]
        return ObjectRef(metadata.get("namespace", ""), metadata["name"])

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}" if self.ref.namespace else f"{self.kind} {self.ref.name}"


def as_yaml(documents: Iterable[Manifest | Change]) -> str:
    """The objects as YAML, each under its comment. A change is a comment: the command that shows what it would do."""
    return "".join(f"---\n{_changed(each) if isinstance(each, Change) else _written(each)}" for each in documents)


def _written(manifest: Manifest) -> str:
    return "".join(map(comment, manifest.what)) + _dumped(manifest.obj)


def _changed(change: Change) -> str:
    # The command is one line, so that it can be copied.
    return f"{comment(f'{change} exists. {change.what}')}{_COMMENT}{inert(change.showing)}\n"


def comment(sentence: str) -> str:
    """A sentence as lines that nothing in it can end: names in it may come from a snapshot."""
    lines = textwrap.wrap(inert(sentence), _WIDTH - len(_COMMENT), break_on_hyphens=False, break_long_words=False) or [
        ""
    ]
    return "".join(f"{_COMMENT}{line}".rstrip() + "\n" for line in lines)


def inert(text: str) -> str:
    """The text on one line, with every character that does not print as an escape."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
    )


class _Dumper(yaml.SafeDumper):
    """Writes block style, without anchors, and quotes what another parser could take for a number."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's signature
        """Write every value where it belongs: a reader should not have to look up an anchor."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002
        """Indent lists under their key, as kubectl's own examples do."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "'" if _LIKE_NUMBERS.match(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _dumped(obj: Mapping[str, Any]) -> str:
    return str(yaml.dump(_plain(obj), Dumper=_Dumper, sort_keys=False, width=float("inf"), allow_unicode=False))


def _plain(value: Any) -> Any:
    """The value with nothing but dicts, lists and scalars."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value
