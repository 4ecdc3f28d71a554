"""What the commands may ask a cluster for: each permission once, with the commands that need it.

In: a cluster and the namespace that probes are sent from. Out: `Permission`s, and the manifests that grant what is
missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from egressaudit.cluster.refusals import Action, granting
from egressaudit.mesh import RESOURCES
from egressaudit.model.analysis import Permission

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

_READING = ("analyze", "audit", "snapshot", "verify")
_REQUIRED = "nothing can be judged"


def permissions(cluster: Cluster, namespace: str) -> tuple[tuple[Permission, ...], str]:
    """Every permission that some command needs, and what grants those that are missing."""
    wanted = tuple(_wanted(namespace))
    answers = cluster.may([action for action, _, _ in wanted])
    found = tuple(
        Permission(
            verb=action.verbs[0],
            group=action.group,
            resource=action.resource,
            namespace=action.namespace,
            name=action.name,
            commands=commands,
            allowed=allowed,
            without=without,
        )
        for (action, commands, without), allowed in zip(wanted, answers, strict=True)
    )
    missing = (action for (action, _, _), allowed in zip(wanted, answers, strict=True) if allowed is False)
    return found, granting(missing)


def _wanted(namespace: str) -> Iterator[tuple[Action, tuple[str, ...], str]]:
    for each in RESOURCES:
        without = _REQUIRED if each.required else each.without
        if each.only is None:
            yield Action(("list",), each.plural, each.group), _READING, without
        else:
            one = each.only
            yield Action(("get",), each.plural, each.group, one.namespace, one.name), _READING, without
    yield Action(("get",), "pods/log"), ("audit", "verify"), "no log can be read, so nothing is proven"
    for verb in ("get", "create"):
        without = "no request can be sent from a pod"
        yield Action((verb,), "pods/exec", namespace=namespace), ("verify",), without
    for verb in ("get", "create", "watch", "delete"):
        without = "no probe pod can be made: name a workload with --from"
        yield Action((verb,), "pods", namespace=namespace), ("verify",), without
    yield Action(("list",), "pods", namespace=namespace), ("cleanup",), "leftover probe pods cannot be found"
