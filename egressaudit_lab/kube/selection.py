"""Label and field selectors, as `kubectl -l` and `--field-selector` send them.

In: `app in (cart, shop),!canary`. Out: which objects match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from egressaudit_lab.kube.refusal import bad_request
from egressaudit_lab.world import Manifest

Predicate = Callable[[Manifest], bool]

_SET = re.compile(r"\s*([^\s,!=()]+)\s+(in|notin)\s*\(([^)]*)\)\s*")
_COMPARED = re.compile(r"\s*([^\s,!=()]+)\s*(==|=|!=)\s*([^\s,!=()]*)\s*")
_PRESENT = re.compile(r"\s*(!?)\s*([^\s,!=()]+)\s*")
_LabelTest = Callable[[Mapping[str, str]], bool]


def _one_of(key: str, values: frozenset[str], *, wanted: bool) -> _LabelTest:
    # "!=" and "notin" also hold where the label is absent (apimachinery/pkg/labels/selector.go).
    return lambda labels: (labels.get(key) in values) is wanted


def _presence(key: str, *, wanted: bool) -> _LabelTest:
    return lambda labels: (key in labels) is wanted


def labels_selector(text: str) -> Predicate:
    """True for objects whose labels meet all requirements of `text`; an empty text takes all.

    Raises Refusal 400 for a selector that cannot be read.
    """
    tests: list[_LabelTest] = []
    position = 0
    while position < len(text):
        if found := _SET.match(text, position):
            values = frozenset(value.strip() for value in found[3].split(","))
            tests.append(_one_of(found[1], values, wanted=found[2] == "in"))
        elif found := _COMPARED.match(text, position):
            tests.append(_one_of(found[1], frozenset({found[3]}), wanted=found[2] != "!="))
        elif found := _PRESENT.match(text, position):
            tests.append(_presence(found[2], wanted=not found[1]))
        else:
            raise bad_request(f"unable to parse requirement: found '{text[position:]}'")
        position = found.end()
        if position < len(text) and text[position] != ",":
            raise bad_request(
                f"unable to parse requirement: found '{text[position:]}', expected: ',' or 'end of string'"
            )
        position += 1
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def fields_selector(text: str) -> Predicate:
    """True for objects whose fields (dotted paths) equal, or with `!=` differ from, the values of `text`.

    A real API server knows only a few fields for each kind; this one takes any path, absent being the empty text.
    """
    terms = [_COMPARED.fullmatch(term) for term in text.split(",") if term]
    if not all(terms):
        raise bad_request(f"invalid selector: '{text}'; can't understand it")
    wanted = [(term[1].split("."), term[3], term[2] != "!=") for term in terms if term]

    def matches(obj: Manifest) -> bool:
        return all((_field(obj, path) == value) is equal for path, value, equal in wanted)

    return matches


def _field(obj: Manifest, path: list[str]) -> str:
    value: object = obj
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)
