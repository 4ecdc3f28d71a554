"""Logs from a cluster: followed while probes are sent, or copied for a window of time. No line is lost or read twice.

follow/follower ── reader ────────────┬─ resume   all logs; one log in its thread; what was read already
copy/many_logs ── one_log ── log_copy ┘           many logs; one with the run before a restart; one stream into a file
                  └─ proven                       what is proven to be there

In: a cluster and the logs that `selection` chose. Out: lines as they come, or a folder and its `Collection`.
"""

from egressaudit.collect.copy.many_logs import Collecting, summary
from egressaudit.collect.copy.one_log import CopyPlan
from egressaudit.collect.follow.follower import Follower
from egressaudit.collect.selection import select_sources
from egressaudit.evidence.collection import CollectedLog, Collection, State, load_collection

__all__ = [
    "CollectedLog",
    "Collecting",
    "Collection",
    "CopyPlan",
    "Follower",
    "State",
    "load_collection",
    "select_sources",
    "summary",
]
