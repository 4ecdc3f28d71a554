"""Every command imports what it needs and no more, or everybody who runs it waits."""

from __future__ import annotations

import pytest
from support.tools import load_tool

imports = load_tool("imports")


@pytest.mark.parametrize("name", imports.BUDGETS)
def test_a_command_imports_no_more_than_its_budget(name: str) -> None:
    assert list(imports.over(name)) == []


def test_what_is_over_a_budget_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = frozenset({"egressaudit", "egressaudit.causes", "egressaudit.model", "kubernetes.client", "json"})
    monkeypatch.setattr(imports, "imported", lambda _: loaded)
    monkeypatch.setitem(imports.BUDGETS, "x", imports.Budget(("x",), 2, never=("egressaudit.causes",)))
    assert list(imports.over("x")) == [
        "x: imports 3 modules of our own, 2 are its budget",
        "x: imports egressaudit.causes",
        "x: imports kubernetes",
    ]
