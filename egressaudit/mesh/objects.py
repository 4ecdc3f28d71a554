"""The objects of a snapshot, indexed by kind and name, with their shape checked once.

In: manifests. Out: `Objects`; `objects.all(CORE, "Service")` are all Services as `Obj`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import CORE, ISTIO
from egressaudit.mesh.host_index import ByHost
from egressaudit.mesh.mesh_config import mesh_config
from egressaudit.mesh.untyped import rows, table, text, texts, words
from egressaudit.model import Fault, ObjectRef

ROOT_NAMESPACE = "istio-system"
"""Where mesh-wide policy lives unless meshConfig.rootNamespace says otherwise."""
_WITH_HOSTS = ("ServiceEntry", "VirtualService")


@dataclass(frozen=True, slots=True)
class Obj:
    """One object; `str()` is how a person names it: `Kind namespace/name`."""

    group: str
    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    raw: Mapping[str, Any]

    @property
    def ref(self) -> ObjectRef:
        """Its `namespace/name`."""
        return ObjectRef(self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def faults(self) -> tuple[Fault, ...]:
        """What its own status says is wrong with it: conditions that the controller set to False."""
        conditions = [*rows(self.status.get("conditions"))]
        for parent in rows(self.status.get("parents")):
            conditions += rows(parent.get("conditions"))
        # Waypoint conditions stand on routes of sidecar meshes too, where they mean nothing.
        telling = ("Accepted", "ResolvedRefs", "Programmed")
        found = {
            fault.condition_false(self, text(each.get("type")), " ".join(text(each.get("message")).split()))
            for each in conditions
            if each.get("status") == "False" and each.get("type") in telling
        }
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Objects:
    """All objects of a snapshot, sorted; the same whatever order they came in."""

    by_name: Mapping[tuple[str, str, str, str], Obj]
    """By group, kind, namespace and name, in that order."""
    by_kind: Mapping[tuple[str, str], tuple[Obj, ...]]
    config: Mapping[str, Any]
    """meshConfig; empty if it is not known."""
    hosts: Mapping[str, ByHost[Obj]]
    """The Istio objects of a kind by the hosts that they have."""
    places: Mapping[tuple[str, str, str], tuple[Obj, ...]]
    """By group, kind and namespace."""
    root: str
    """The namespace of mesh-wide policy."""

    @classmethod
    def of(cls, trimmed: Iterable[Mapping[str, Any]]) -> Objects:
        """The index of trimmed objects. Objects without kind or name are left out; of duplicates one is kept."""
        found: dict[tuple[str, str, str, str], Obj] = {}
        for raw in sorted(trimmed, key=lambda each: json.dumps(each, sort_keys=True, default=str)):
            obj = _obj(raw)
            if obj.kind and obj.name:
                found.setdefault((obj.group, obj.kind, obj.namespace, obj.name), obj)
        by_name = {key: found[key] for key in sorted(found)}
        by_kind: dict[tuple[str, str], list[Obj]] = {}
        for key, obj in by_name.items():
            by_kind.setdefault(key[:2], []).append(obj)
        kinds = {key: tuple(values) for key, values in by_kind.items()}
        maps, pods = kinds.get((CORE, "ConfigMap"), ()), kinds.get((CORE, "Pod"), ())
        hosts = {kind: ByHost.of(kinds.get((ISTIO, kind), ())) for kind in _WITH_HOSTS}
        places: dict[tuple[str, str, str], list[Obj]] = {}
        for key, obj in by_name.items():
            places.setdefault(key[:3], []).append(obj)
        config = mesh_config(maps, pods)
        root = text(config.get("rootNamespace")) or ROOT_NAMESPACE
        return cls(by_name, kinds, config, hosts, {key: tuple(values) for key, values in places.items()}, root)

    def all(self, group: str, *kinds: str) -> tuple[Obj, ...]:
        """The objects of these kinds."""
        return tuple(obj for kind in kinds for obj in self.by_kind.get((group, kind), ()))

    def within(self, group: str, kind: str, *namespaces: str) -> tuple[Obj, ...]:
        """The objects of a kind in some namespaces, sorted as all are."""
        wanted = sorted(set(namespaces))
        return tuple(obj for namespace in wanted for obj in self.places.get((group, kind, namespace), ()))

    def having(self, kind: str, host: str) -> tuple[Obj, ...]:
        """The ServiceEntries or VirtualServices that have a host."""
        return self.hosts[kind].having(host)

    def one(self, group: str, kind: str, namespace: str, name: str) -> Obj | None:
        """The object of that name, None if there is none."""
        return self.by_name.get((group, kind, namespace, name))

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace, empty if it is not known."""
        obj = self.one(CORE, "Namespace", "", namespace)
        return obj.labels if obj else {}

    def exported(self, obj: Obj, namespace: str) -> bool:
        """Whether an Istio object is visible in a namespace: its `exportTo`, else the mesh's default, else yes."""
        default = {
            "ServiceEntry": "defaultServiceExportTo",
            "VirtualService": "defaultVirtualServiceExportTo",
            "DestinationRule": "defaultDestinationRuleExportTo",
        }
        to = words(obj.spec.get("exportTo")) or words(self.config.get(default.get(obj.kind, "")))
        return not to or "*" in to or namespace in to or ("." in to and obj.namespace == namespace)

    def subset(self, name: str, host: str, client: str, service: str) -> Obj | None:
        """The DestinationRule that defines a subset of a host, as seen from a client's namespace; None without one.

        Istio looks in the client's namespace, the service's and the root (istio.io, ServiceEntry and DestinationRule
        scoping); rules elsewhere do not count.
        """
        for rule in self.within(ISTIO, "DestinationRule", client, service, self.root):
            named = text(rule.spec.get("host"))
            full = named if "." in named else f"{named}.{rule.namespace}.svc.cluster.local"
            named_so = any(each.get("name") == name for each in rows(rule.spec.get("subsets")))
            if named_so and full.rstrip(".").lower() == host.lower() and self.exported(rule, client):
                return rule
        return None


def _obj(raw: Mapping[str, Any]) -> Obj:
    metadata = table(raw.get("metadata"))
    group, slash, _version = text(raw.get("apiVersion")).partition("/")
    return Obj(
        group=group if slash else CORE,
        kind=text(raw.get("kind")),
        namespace=text(metadata.get("namespace")),
        name=text(metadata.get("name")),
        labels=texts(metadata.get("labels")),
        annotations=texts(metadata.get("annotations")),
        spec=table(raw.get("spec")),
        status=table(raw.get("status")),
        raw=raw,
    )
