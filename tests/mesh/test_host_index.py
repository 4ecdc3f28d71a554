"""The index finds what a search of all objects finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from egressaudit.mesh.host_index import ByHost
from egressaudit.mesh.untyped import covers, words

hosts = st.sampled_from(["*", "*.", "*.example.com", "*.com", "a.example.com", "A.example.com.", "b.com", "*b.com", ""])
specs = st.fixed_dictionaries({"hosts": st.lists(hosts | st.integers(), max_size=3) | st.integers()})


@dataclass(frozen=True)
class Item:
    spec: dict[str, Any]


@given(st.lists(specs.map(Item), max_size=5), hosts)
def test_it_finds_what_a_search_of_all_objects_finds(items: list[Item], host: str) -> None:
    sought = [each for each in items if any(covers(pattern, host) for pattern in words(each.spec.get("hosts")))]
    assert list(ByHost.of(items).having(host)) == sought


def test_objects_come_once_and_in_their_order() -> None:
    both, wide, other = Item({"hosts": ["*.example.com", "docs.example.com"]}), Item({"hosts": ["*"]}), Item({})
    assert ByHost.of([wide, other, both]).having("docs.example.com") == (wide, both)
