"""Names that stay when pods are replaced: of a pod's log, the workload's; of a Job's name, its CronJob's.

In: what a finding is about, and which workload owns each pod, e.g. `legacy/batch-x95fcpjrv6-fhmxl/istio-proxy`. Out: a
name for its fingerprint, e.g. `legacy/Deployment/batch/istio-proxy`. Reports show the names that things really have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from egressaudit.model import Pod

_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes random names of (k8s.io/apimachinery pkg/util/rand, alphanums)."""
_SUFFIX = re.compile(rf"(-{_RANDOM}{{6,10}})?-{_RANDOM}{{5}}$|-[0-9]{{1,5}}$")
"""What controllers append: a ReplicaSet's hash and random characters, only the latter, or a StatefulSet's number."""
_OF_CRON_JOB = re.compile(r"(Job/.+)-[0-9]{8}$")
"""A CronJob's Job has the minute of its time in its name (k8s.io/kubernetes pkg/controller/cronjob, getJobName)."""


def owners_of(pods: Iterable[Pod]) -> dict[str, str]:
    """The workload of each pod: `{"shop/cart-5d4f-x2x8q": "shop/Deployment/cart"}`."""
    return {str(pod.ref): f"{pod.namespace}/{stable_workload(pod.owner or f'Pod/{pod.name}')}" for pod in pods}


def stable_workload(workload: str) -> str:
    """The workload, a CronJob's Job without its time: `Job/backup-29384756` is `Job/backup`."""
    return _OF_CRON_JOB.sub(r"\1", workload)


def stable_name(name: str, owners: Mapping[str, str]) -> str:
    """The name of a pod, of its log or of a file of it with its workload in place of the pod.

    A pod that the snapshot does not have loses what controllers append to names. What names no pod stays as it is.
    """
    namespace, slash, rest = name.partition("/")
    pod, more, end = rest.partition("/")
    if not slash:
        return name
    if (owner := owners.get(f"{namespace}/{pod}")) is not None:
        return f"{owner}{more}{end}"
    if more and "/" not in end:
        return f"{namespace}/{_SUFFIX.sub('', pod) or pod}/{end}"
    return name
