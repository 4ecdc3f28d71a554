"""YAML text to plain values that know their place: line and column of every key and value.

Only what a policy needs is read: one document of mappings, lists and plain values, no anchors, aliases or tags of one's
own. So what is read is what stands there, each error has one place, and no small file becomes a large one.

In: a text, e.g. `a: {b: [1]}`. Out: a `Document` with the value `{"a": {"b": (1,)}}`, and the 1 in line 1, column 9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

from egressaudit.evidence.yaml_errors import explain

_PLAIN = "tag:yaml.org,2002:"
_SCALARS = frozenset({f"{_PLAIN}{each}" for each in ("str", "int", "float", "bool", "null", "timestamp")})
_DEPTH = 16
"""A policy has 6 levels; deeper nesting is a slip, and would exhaust the stack."""
_LONGEST = 1000
"""Characters of a number or a date; what is longer takes long to read, and is none."""
# libyaml where PyYAML has it: ten times faster, the same events and places.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_UNREADABLE = (yaml.YAMLError, RecursionError)
"""What PyYAML raises for a text: its own errors, and Python's where it follows nesting by recursion."""

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
    """What was read: `value` of dicts, tuples and plain values, None if nothing could be."""

    value: Any
    values: dict[tuple[Step, ...], Place] = field(default_factory=dict)
    """Where each value stands."""
    keys: dict[tuple[Step, ...], Place] = field(default_factory=dict)
    """Where the key of each value stands."""
    problems: tuple[Problem, ...] = ()


def read_yaml(text: str) -> Document:
    """The document of a text, with everything that is wrong with its YAML, in our own words whatever PyYAML says."""
    unread = _UnreadYaml()
    try:
        unread.read(text)
        if unread.problems:
            return Document(None, problems=tuple(unread.problems))
        node = yaml.compose(text, Loader=_Loader)
    except _UNREADABLE as error:
        return Document(None, problems=(*unread.problems, _why(error, text, unread.reached)))
    if node is None:
        return Document(None, problems=(Problem(1, 1, "", "the file is empty"),))
    reader = _YamlReader()
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


class _UnreadYaml:
    """What is not read in a policy. Events come without recursion, so it also holds for hostile nesting."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.deep: Problem | None = None
        """Where it is nested too deep; nothing behind it is read."""
        self.reached = 0
        """Where the last event ends, in characters."""

    def read(self, text: str) -> None:
        depth = documents = 0
        for event in yaml.parse(text, Loader=_Loader):
            self.reached = event.end_mark.index if event.end_mark else self.reached
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self._complain(event, "a second document starts here", "A policy is a single document.")
            elif isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth == _DEPTH + 1:
                    self.deep = self._complain(event, f"this is nested more than {_DEPTH} levels deep")
                    return
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            anchor = getattr(event, "anchor", None)
            if isinstance(event, yaml.AliasEvent):
                self._complain(event, f"alias *{anchor} is not allowed in a policy", "Write the value out.")
            elif anchor:
                self._complain(event, f"anchor &{anchor} is not allowed in a policy", "Remove it.")

    def _complain(self, event: yaml.Event, message: str, hint: str = "") -> Problem:
        # PyYAML's types allow an event without a place; its readers give every event one.
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.problems.append(Problem(line, column, "", message, hint))
        return self.problems[-1]


def _why(error: Exception, text: str, reached: int) -> Problem:
    """What is wrong where PyYAML stopped with an error; `reached` is where its last event ends."""
    # PyYAML looks for the `:` of a key up to 1024 characters ahead before it hands out an event (yaml.org/spec/1.1,
    # "simple keys"). Some versions limit nesting themselves and stop in there, before our count can. With less text
    # to look ahead in, our count comes first.
    for ahead in (32, 64, 128, 256, 512, 1024):
        unread = _UnreadYaml()
        try:
            unread.read(text[: reached + ahead])
        except _UNREADABLE:
            continue
        if unread.deep:
            return unread.deep
    fault = explain(error, text)
    return Problem(fault.line, fault.column, "", fault.message, fault.hint)


class _YamlReader:
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
        self._complain(node, path, f"has the tag {node.tag.removeprefix(_PLAIN)!r}, which is not allowed in a policy")
        return None

    def _mapping(self, node: yaml.MappingNode, path: tuple[Step, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (f"{_PLAIN}str", f"{_PLAIN}merge"):
                self._complain(key, path, "has a key that is not text", "Put it into quotes if it is meant.")
                continue
            inner = (*path, key.value)
            if key.value in found:
                line, _ = self.keys[inner]
                self._complain(key, inner, f"duplicate key; the first one is in line {line}")
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
            except (ValueError, LookupError, AttributeError, OverflowError, ConstructorError):
                # With a tag in front PyYAML takes any text for a number, a date or a truth value, and stumbles.
                pass
        kind = {"timestamp": "date", "int": "number", "float": "number", "bool": "boolean"}.get(
            node.tag.removeprefix(_PLAIN), "value"
        )
        self._complain(node, path, f"{node.value[:40]!r} looks like a {kind} but isn't one")
        return None

    def _complain(self, node: yaml.Node, path: tuple[Step, ...], message: str, hint: str = "") -> None:
        self.problems.append(Problem(*_place(node), shown_path(path), message, hint))


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
