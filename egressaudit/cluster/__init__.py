"""Everything that is asked of Kubernetes; no other room imports its client.

    client ──┬─ objects, pods            what there is; the probe pod
             ├─ execution                a command in a container, over a WebSocket
             └─ logs                     a container's log, followed
                  └─ streams ── rest ── access        one socket each; pooled requests; who we are and where
                                  └─ refusals         what went wrong, and the Role that helps

Every failure is an error of `egressaudit.errors`; every call is bounded in time; everything may be used from several
threads.
"""

from egressaudit.cluster.client import Cluster
from egressaudit.cluster.execution import Completed
from egressaudit.cluster.logs import LogStream

__all__ = ["Cluster", "Completed", "LogStream"]
