"""Where the objects of files are written: for a fault, the file and the line of its first object.

In: manifests, or a snapshot. Out: `Written`, e.g. `egress.yaml:20` for `spec.gateways` of a VirtualService.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as File
from typing import Any

from egressaudit.evidence.field_places import Slice
from egressaudit.evidence.manifests import WrittenObject
from egressaudit.given_files import read_given
from egressaudit.mesh.untyped import table, text
from egressaudit.model import Fault
from egressaudit.model.analysis import Written

_OBJECTS = re.compile(r'"objects"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


class WrittenPlaces:
    """The places of the objects of all files that were read; those of a snapshot only when one is asked for."""

    def __init__(self, manifests: Iterable[WrittenObject] = (), snapshot: File | None = None) -> None:
        self._found: dict[str, list[Slice]] = {}
        self._snapshot = snapshot
        for each in manifests:
            self._found.setdefault(_named(each.value), []).append(each.place)

    def written(self, fault: Fault) -> Written | None:
        """Where the first object of a fault is written, and its field; None if it is in no file."""
        if not fault.objects:
            return None
        named = fault.objects[0]
        if named not in self._found:
            self._read_snapshot()
        # Two APIs have a Gateway: the one that has the field is meant.
        places = [(place, place.written(fault.field)) for place in self._found.get(named, ())]
        return max(places, key=lambda each: each[1].line - each[0].line, default=(None, None))[1]

    def _read_snapshot(self) -> None:
        if self._snapshot is not None:
            content, file = read_given(self._snapshot).decode("utf-8", "replace"), str(self._snapshot)
            for value, place in _slices(content, file):
                self._found.setdefault(_named(value), []).append(place)
            self._snapshot = None


def _slices(content: str, file: str) -> Iterator[tuple[Mapping[str, Any], Slice]]:
    """The objects of a snapshot with their places, one after the other; up to the first that is not JSON."""
    start = _OBJECTS.search(content)
    if start is None:
        return
    decoder, place, line, counted = json.JSONDecoder(), start.end(), 1, 0
    while True:
        between = _BETWEEN.match(content, place)
        place = between.end() if between else place
        try:
            value, end = decoder.raw_decode(content, place)
        except (ValueError, RecursionError):
            return
        line += content.count("\n", counted, place)
        counted = place
        column = place - content.rfind("\n", 0, place) - 1
        if isinstance(value, dict):
            yield value, Slice(file, line, column, content[place:end])
        place = end


def _named(obj: Mapping[str, Any]) -> str:
    """As faults name it: `Kind namespace/name`."""
    metadata = table(obj.get("metadata"))
    kind, namespace, name = text(obj.get("kind")), text(metadata.get("namespace")), text(metadata.get("name"))
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
