"""Logs out of a cluster: followed while probes are sent, or copied for a window of time; no line lost or read twice.

follower ── reader ──┬─ resume          all logs; one log in its thread; what was read already
window ── one_log ── copying            many logs; one with the run before a restart; one stream into a file
          └─ coverage, manifest         what is proven to be there; and how `collection.json` says it
"""

from egressaudit.collect.copy.many_logs import collect_window, summary
from egressaudit.collect.follow.follower import Follower
from egressaudit.collect.selection import select_sources
from egressaudit.evidence.collection import CollectedLog, Collection, State, load_collection

__all__ = [
    "CollectedLog",
    "Collection",
    "Follower",
    "State",
    "collect_window",
    "load_collection",
    "select_sources",
    "summary",
]
