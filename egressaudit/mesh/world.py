"""The world of a snapshot: its objects, its pods, and what each pod's proxy is proven to be.

In: the objects of a snapshot. Out: `World`, from which all code that reads the configuration starts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from egressaudit.mesh.objects import Objects
from egressaudit.mesh.pods import pods_of
from egressaudit.mesh.roles import Role, roles_of, workload_roles
from egressaudit.mesh.trust import Trust
from egressaudit.model import ObjectRef, Pod, Reporter

_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class World:
    """The objects and the pods among them: where all code that reads the configuration starts."""

    objects: Objects
    pods_by_name: Mapping[ObjectRef, Pod]
    """Sorted by namespace and name."""
    roles: Mapping[ObjectRef, Role]
    """What the proxy of each pod is proven to be."""
    workload_roles: Mapping[tuple[str, ObjectRef], Role]
    """What the pods of each Deployment and DaemonSet would be, by its kind and name."""
    trust: Trust
    pods: tuple[Pod, ...]
    """All pods, sorted by namespace and name."""
    pods_in: Mapping[str, tuple[Pod, ...]]
    """The pods of each namespace that has any."""
    proxies: Mapping[Reporter | None, tuple[Pod, ...]]
    """The pods that are proven to run each kind of proxy."""

    @classmethod
    def of(cls, objects: Objects, read: frozenset[str] = frozenset(), trust: Trust | None = None) -> World:
        """The world of a snapshot that has all objects of the kinds `read`."""
        trusted = trust or Trust()
        roles = roles_of(objects, read, trusted)
        pods = {pod.ref: pod for pod in pods_of(objects, roles)}
        listed = tuple(pods.values())
        return cls(
            objects,
            pods,
            roles,
            workload_roles(objects, read, trusted),
            trusted,
            listed,
            _by(listed, lambda pod: pod.namespace),
            _by(listed, lambda pod: pod.role),
        )


def _by(pods: tuple[Pod, ...], key: Callable[[Pod], _Key]) -> dict[_Key, tuple[Pod, ...]]:
    found: dict[_Key, list[Pod]] = {}
    for pod in pods:
        found.setdefault(key(pod), []).append(pod)
    return {each: tuple(there) for each, there in found.items()}
