"""Flows of a window: millions of hops joined and named by SQL, and grouped; only groups become Python objects.

    HopStore ──▶ rules/*.sql ──▶ groups ──▶ window.FlowGroup
    hops         joined, named   counted

The rules are SQL text run by DuckDB within a memory limit, spilling to disk; docs/evidence.md explains them in words.
"""

from egressaudit.flows.groups import Flows, Proof, flows_of, span
from egressaudit.flows.store import HOP_NEEDS, HopStore, disk_full
from egressaudit.flows.surroundings import Surroundings, workload_of

__all__ = ["HOP_NEEDS", "Flows", "HopStore", "Proof", "Surroundings", "disk_full", "flows_of", "span", "workload_of"]
