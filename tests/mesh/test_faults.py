"""The page of faults: each has a slug to be found by, names its objects, and is one sentence."""

from __future__ import annotations

import inspect
import re

import pytest

from egressaudit.mesh import fault_texts as faults
from egressaudit.mesh import way_fault_texts as way_faults
from egressaudit.model import Fault, RuleRef

EVERY = [each for page in (faults, way_faults) for _, each in inspect.getmembers(page, inspect.isfunction)]


def example(make) -> Fault:
    """A fault whose arguments are their own names."""
    values = {"port": 80, "number": 1, "weight": 10, "conditions": ["headers"], "listed": ["./*"], "entries": ["X a/b"]}
    values["by"] = RuleRef("X a/b", "spec.http[0]")
    return make(**{name: values.get(name, name) for name in inspect.signature(make).parameters})


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_a_fault_has_a_slug_its_objects_and_a_sentence(make) -> None:
    fault = example(make)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", fault.slug)
    assert str(fault) == fault.message
    assert all(type(each) is str for each in fault.objects)


def test_faults_with_the_same_sentence_are_one_and_sort_by_it() -> None:
    one, other = Fault.of("b", "it is wrong", "X a/b"), Fault.of("a", "it is wrong")
    assert len({one, other}) == 1
    assert min(one, Fault.of("c", "all is wrong")).slug == "c"
