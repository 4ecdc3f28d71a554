"""YAML text to plain values that know their place: line and column of every key and value.

Only what a policy needs is read: one document of mappings, lists and plain values, no anchors, aliases or tags of one's
own. So what is read is what stands there, each error has one place, and no small file becomes a large one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

_PLAIN = "tag:yaml.org,2002:"
_SCALARS = frozenset({f"{_PLAIN}{each}" for each in ("str", "int", "float", "bool", "null", "timestamp")})
_DEPTH = 16
"""A policy has 6 levels; deeper nesting is a slip, and would exhaust the stack."""
_LONGEST = 1000
"""Characters of a number or a date; what is longer takes long to read, and is none."""
# libyaml where PyYAML has it: ten times faster, the same events and places.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Step = str | int
Place = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error in a file. `path` is where it stands in the document: `spec.rules[0].via`."""

    line: int
    column: int
    path: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """What was read: `value` of dicts, tuples and plain values, None where nothing could be."""

    value: Any
    values: dict[tuple[Step, ...], Place] = field(default_factory=dict)
    """Where each value stands."""
    keys: dict[tuple[Step, ...], Place] = field(default_factory=dict)
    """Where the key of each value stands."""
    problems: tuple[Problem, ...] = ()


def read_yaml(text: str) -> Document:
    """The document of a text, with all that is wrong with its YAML."""
    try:
        problems = tuple(_unread(text))
        if problems:
            return Document(None, problems=problems)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        return Document(None, problems=(_syntax(error, text),))
    if node is None:
        return Document(None, problems=(Problem(1, 1, "", "the file is empty"),))
    reader = _Reader()
    value = reader.read(node, ())
    return Document(value, reader.values, reader.keys, tuple(sorted(reader.problems)))


def shown_path(path: tuple[Step, ...]) -> str:
    """A path as a person writes it: `spec.rules[0].via`."""
    said = ""
    for step in path:
        if isinstance(step, int):
            said += f"[{step}]"
        else:
            said += ("." if said else "") + (step if step.isidentifier() and len(step) < 60 else repr(step[:60]))
    return said


def _unread(text: str) -> Iterator[Problem]:
    """What this reads no YAML with. Events come without recursion, so it also holds for hostile nesting."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents == 2:
                yield Problem(line, column, "", "a second document begins here", "A policy is one document.")
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth == _DEPTH + 1:
                yield Problem(line, column, "", f"this is nested more than {_DEPTH} levels deep")
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            yield Problem(line, column, "", f"alias *{anchor} is not read in a policy", "Write it out.")
        elif anchor:
            yield Problem(line, column, "", f"anchor &{anchor} is not read in a policy", "Leave it out.")


def _syntax(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        said = " ".join(part for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part)
        return Problem(mark.line + 1, mark.column + 1, "", f"is not YAML: {said}")
    # A character that YAML forbids; the C reader counts bytes, so it is looked for again.
    for number, line in enumerate(text.split("\n"), start=1):
        for column, character in enumerate(line, start=1):
            if not (character.isprintable() or character in "\t\r\x85\xa0"):
                return Problem(number, column, "", f"is not YAML: character {character!r} is not allowed")
    return Problem(1, 1, "", f"is not YAML: {getattr(error, 'reason', error)}")


class _Reader:
    """One reading: the value, the places, the problems."""

    def __init__(self) -> None:
        self.values: dict[tuple[Step, ...], Place] = {}
        self.keys: dict[tuple[Step, ...], Place] = {}
        self.problems: list[Problem] = []

    def read(self, node: yaml.Node, path: tuple[Step, ...]) -> Any:
        """The value of a node; a problem's value is None and never counts as read."""
        self.values[path] = _place(node)
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_PLAIN}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_PLAIN}seq":
            return tuple(self.read(each, (*path, number)) for number, each in enumerate(node.value))
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return self._scalar(node, path)
        self._say(node, path, f"has the tag {node.tag.removeprefix(_PLAIN)!r}, which is not read in a policy")
        return None

    def _mapping(self, node: yaml.MappingNode, path: tuple[Step, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (f"{_PLAIN}str", f"{_PLAIN}merge"):
                self._say(key, path, "has a key that is not text", "Put it into quotes if it is meant.")
                continue
            inner = (*path, key.value)
            if key.value in found:
                line, _ = self.keys[inner]
                self._say(key, inner, f"stands here twice; the first is in line {line}")
                continue
            self.keys[inner] = _place(key)
            found[key.value] = self.read(value, inner)
        return found

    def _scalar(self, node: yaml.ScalarNode, path: tuple[Step, ...]) -> Any:
        if node.tag == f"{_PLAIN}str":
            return node.value
        if len(node.value) <= _LONGEST:
            try:
                return SafeConstructor().construct_object(node)
            except (ValueError, OverflowError, ConstructorError):
                pass
        kind = {"timestamp": "date", "int": "number", "float": "number"}.get(node.tag.removeprefix(_PLAIN), "value")
        self._say(node, path, f"{node.value[:40]!r} looks like a {kind} and is none")
        return None

    def _say(self, node: yaml.Node, path: tuple[Step, ...], message: str, hint: str = "") -> None:
        self.problems.append(Problem(*_place(node), shown_path(path), message, hint))


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
