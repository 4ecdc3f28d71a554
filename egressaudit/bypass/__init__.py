"""The bypass battery: ways around the gateway, each tried with a positive control and proven open or closed.

    catalogue ─▶ scene (what this mesh and host allow) ─▶ pods, curl ─▶ judge ─▶ ruling

In: `--bypass`, a host and a pod. Out: a `BypassReport`, e.g. EB01 `address` open: the request left through
PassthroughCluster. A request that merely failed is never called closed.

To add an attempt: a row in `from_the_pod` (what curl is asked) or `other_pods` (how the pod is changed).
"""

from __future__ import annotations

from egressaudit.bypass.attempt import Attempt
from egressaudit.bypass.from_the_pod import FROM_THE_POD
from egressaudit.bypass.other_pods import OTHER_PODS


def attempts() -> dict[str, Attempt]:
    """The catalogue by code, in the order in which reports show it."""
    return {each.code: each for each in (*FROM_THE_POD, *OTHER_PODS)}


def named_attempts() -> tuple[str, ...]:
    """The names of those that need more permissions, and are made only if `--bypass-with` names them."""
    return tuple(each.name for each in attempts().values() if each.only_named)
