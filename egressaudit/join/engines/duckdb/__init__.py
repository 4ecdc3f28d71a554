"""Hops joined by DuckDB: SQL within a memory limit, spilling to disk.

    HopStore ──▶ rules/*.sql ──▶ groups ──▶ model.FlowGroup
    hops         joined          counted

The rules are SQL text; docs/evidence.md explains them in words.
"""

from __future__ import annotations

from egressaudit.join.engines.duckdb.flow_groups import flows_of, span
from egressaudit.join.engines.duckdb.store import HopStore
from egressaudit.join.results import Flows
from egressaudit.model import Window

__all__ = ["DuckDbEngine"]


class DuckDbEngine(HopStore):
    """`engines.Engine` by DuckDB. See there."""

    def span(self) -> Window | None:
        """From the first hop to just behind the last; None if there is none."""
        return span(self)

    def flows(self, window: Window, parts: int = 0) -> Flows:
        """The flows that overlap the window, grouped, and their spread over that many `parts` of it."""
        return flows_of(self, window, parts)
