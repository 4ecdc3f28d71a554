"""Where an object and its fields are written, found when a line is asked for: most objects have no fault.

In: a piece of a file, and a field such as `spec.http[0].match`. Out: its line, e.g. 27; the object's own line where it
has no such field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from egressaudit.model.analysis import Written

_STEP = re.compile(r"\.?([A-Za-z0-9_-]+)|\[([0-9]+)\]|\['([^']*)'\]")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Step = str | int


@dataclass(frozen=True, slots=True)
class Slice:
    """The text of one object in a file, YAML or JSON, and where it starts."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 0."""
    text: str

    @classmethod
    def of_node(cls, node: yaml.Node, content: str, file: str) -> Slice:
        """The slice of a node that was read from `content`."""
        start = node.start_mark
        return cls(file, start.line + 1, start.column, content[start.index : node.end_mark.index])

    def written(self, field: str = "") -> Written:
        """The line of a field, else of the nearest one above it that is there, else of the object."""
        try:
            # The first line lacks its indentation, which YAML needs to be that of the others.
            root = yaml.compose(" " * self.column + self.text, Loader=_Loader)
        except (yaml.YAMLError, RecursionError, ValueError):
            return Written(self.file, self.line)
        return Written(self.file, self.line + _lines_down(root, steps_of(field)))


def steps_of(field: str) -> tuple[Step, ...]:
    """`spec.http[0].match` in steps: `("spec", "http", 0, "match")`."""
    return tuple(int(number) if number else name or quoted for name, number, quoted in _STEP.findall(field))


def value_of(node: yaml.Node, key: str) -> yaml.Node | None:
    """The value of a key, None if it is not there."""
    return next((value for name, value in _pairs(node) if name.value == key), None)


def _lines_down(root: yaml.Node | None, steps: tuple[Step, ...]) -> int:
    """How many lines below its object a field is, as far as its steps lead."""
    node, down = root, 0
    for step in steps:
        if isinstance(step, int):
            node = node.value[step] if isinstance(node, yaml.SequenceNode) and step < len(node.value) else None
            place = node
        else:
            place, node = next(((key, value) for key, value in _pairs(node) if key.value == step), (None, None))
        if place is None:
            break
        down = place.start_mark.line
    return down


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []
