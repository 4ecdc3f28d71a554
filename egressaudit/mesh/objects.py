"""The objects of a snapshot, indexed by kind and name, with their shape checked once.

In: manifests. Out: `Objects`; `objects.all(CORE, "Service")` are all Services as `Obj`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO, SECURITY, TELEMETRY, Resource
from egressaudit.mesh.control_planes import (
    READ_FIRST,
    ROOT_NAMESPACE,
    ControlPlanes,
    NamedPlanes,
    PlaneRef,
    config_maps,
)
from egressaudit.mesh.host_index import ByHost
from egressaudit.mesh.marks import REVISION
from egressaudit.mesh.routes.label_selectors import selects
from egressaudit.mesh.untyped import rows, table, text, texts, words
from egressaudit.model import Fault, ObjectRef

_REVISIONED = frozenset({ISTIO, TELEMETRY, SECURITY, GATEWAY_API})
"""The APIs whose objects may be for the control plane of one revision alone."""
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
    """MeshConfig as all proxies have it, or as the one has it for which `seen_by` made this; empty if not known."""
    hosts: Mapping[str, ByHost[Obj]]
    """The Istio objects of a kind by the hosts that they have."""
    places: Mapping[tuple[str, str, str], tuple[Obj, ...]]
    """By group, kind and namespace."""
    root: str
    """The namespace of mesh-wide policy."""
    planes: ControlPlanes = field(default_factory=ControlPlanes)
    """The control planes, and whose each proxy is."""
    _views: dict[tuple[PlaneRef, ...], Objects] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, trimmed: Iterable[Mapping[str, Any]], named: NamedPlanes | None = None) -> Objects:
        """The index of trimmed objects. Objects without kind or name are left out; of duplicates one is kept.

        `named` are the control planes that the user names.
        """
        found: dict[tuple[str, str, str, str], Obj] = {}
        for obj in map(_obj, trimmed):
            if obj.kind and obj.name:
                key = (obj.group, obj.kind, obj.namespace, obj.name)
                if key not in found or _written(obj) < _written(found[key]):
                    found[key] = obj
        by_name = {key: found[key] for key in sorted(found)}
        planes = ControlPlanes.of(_grouped(by_name, 2), named or NamedPlanes())
        return cls._indexed(by_name, planes.shared, planes)

    @classmethod
    def _indexed(
        cls, by_name: Mapping[tuple[str, str, str, str], Obj], config: Mapping[str, Any], planes: ControlPlanes
    ) -> Objects:
        kinds = _grouped(by_name, 2)
        hosts = {kind: ByHost.of(kinds.get((ISTIO, kind), ())) for kind in _WITH_HOSTS}
        return cls(by_name, kinds, config, hosts, _grouped(by_name, 3), _root(config), planes)

    def config_for(self, pod: ObjectRef) -> Mapping[str, Any]:
        """MeshConfig as it holds for a pod's proxy, by its own control plane; empty if it is not known."""
        return self.planes.config_of(pod)

    def seen_by(self, pod: ObjectRef) -> Objects:
        """The objects as the control plane of a pod's proxy sees them, with its MeshConfig.

        It leaves out what is labelled for another revision (istio/istio pkg/config/model.go LabelsInRevision; a tag is
        none), and namespaces that `discoverySelectors` leave out (pkg/kube/namespace/filter.go).
        """
        candidates = self.planes.candidates(pod)
        if candidates not in self._views:
            plane = self.planes.plane_of(pod)
            self._views[candidates] = self._view(self.config_for(pod), None if plane is None else plane.revision)
        return self._views[candidates]

    def _view(self, config: Mapping[str, Any], revision: str | None) -> Objects:
        selectors = rows(config.get("discoverySelectors"))
        spaces = self.all(CORE, "Namespace") if selectors else ()
        hidden = {each.name for each in spaces if not any(selects(one, each.labels) for one in selectors)}
        shown = {
            key: obj
            for key, obj in self.by_name.items()
            if obj.namespace not in hidden and (revision is None or _in_revision(obj, revision))
        }
        if len(shown) == len(self.by_name):
            return self if config == self.config else replace(self, config=config, root=_root(config))
        return Objects._indexed(shown, config, self.planes)

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


def _written(obj: Obj) -> str:
    """An object as text: of two with one name the same is kept, in whichever order they come."""
    return json.dumps(obj.raw, sort_keys=True, default=str)


def _grouped(by_name: Mapping[tuple[str, str, str, str], Obj], parts: int) -> dict[Any, tuple[Obj, ...]]:
    """Objects by the first parts of their names: group, kind, namespace."""
    found: dict[Any, list[Obj]] = {}
    for key, obj in by_name.items():
        found.setdefault(key[:parts], []).append(obj)
    return {key: tuple(values) for key, values in found.items()}


def _root(config: Mapping[str, Any]) -> str:
    return text(config.get("rootNamespace")) or ROOT_NAMESPACE


def _in_revision(obj: Obj, revision: str) -> bool:
    """Whether a control plane of this revision reads the object. Waypoints' Gateways are read whatever their label."""
    if obj.group not in _REVISIONED or (obj.group == GATEWAY_API and obj.kind in ("Gateway", "GatewayClass")):
        return True
    return obj.labels.get(REVISION, revision) == revision


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


def still_to_read(trimmed: Iterable[Mapping[str, Any]], named: NamedPlanes) -> tuple[Resource, ...]:
    """What is to be read by name once everything is listed: MeshConfig of the control planes that are there."""
    return config_maps(_first(trimmed, named).by_kind, named)


def planes_in_doubt(trimmed: Iterable[Mapping[str, Any]], named: NamedPlanes) -> tuple[str, ...]:
    """The namespaces in which proxies look for their control plane and that nothing proves to be one's; sorted."""
    return _first(trimmed, named).planes.in_doubt


def _first(trimmed: Iterable[Mapping[str, Any]], named: NamedPlanes) -> Objects:
    return Objects.of((each for each in trimmed if each.get("kind") in READ_FIRST), named)
