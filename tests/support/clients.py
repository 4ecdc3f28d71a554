"""A client of the lab's cluster."""

from __future__ import annotations

import time
from typing import Any

from egressaudit.cluster import Cluster
from egressaudit.model import LogSource, ObjectRef
from support.lab_fakes import Lab

CURL = ObjectRef("curl", "curl-1")


LOG = LogSource("curl", "curl-1", "curl")


def cluster_of(lab: Lab, **options: Any) -> Cluster:
    return Cluster.connect(kubeconfig=str(lab.kubeconfig), **options)


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds
