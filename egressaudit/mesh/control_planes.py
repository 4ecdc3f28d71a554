"""Control planes: which istiod configures a proxy, and the ConfigMap that holds that one's MeshConfig.

In: the objects of a snapshot. Out: `ControlPlanes`. Example: a sidecar that asks `istiod-canary.mesh.svc:15012` for its
configuration has the control plane mesh/canary, which reads the ConfigMap mesh/istio-canary.

What a proxy asks for is in its own environment, and which revision injected it in the injector's mark. Whoever may
write pods writes both, so a namespace is a control plane's only if the user or the Sail operator names it, if it is
istio-system, or if the one istiod of the cluster is there and every proxy asks for it. Other ConfigMaps say nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from egressaudit.mesh.apis import APPS, CORE, SAIL, Resource
from egressaudit.mesh.marks import REVISION, SIDECAR_STATUS, TAG
from egressaudit.mesh.mesh_config import parsed
from egressaudit.mesh.shapes import CONDITIONS, KEEP, Shape
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.model import PROXY_CONTAINER, ObjectRef

if TYPE_CHECKING:
    from egressaudit.mesh.objects import Obj

    Kinds = Mapping[tuple[str, str], tuple[Obj, ...]]

ROOT_NAMESPACE = "istio-system"
"""Where the control plane and mesh-wide policy live unless something says otherwise."""
DEFAULT = "default"
"""The revision of a control plane without a name; its ConfigMap is `istio`."""
DISCOVERY = "discovery"
"""The container of istiod."""
ISTIOD_SWITCHES = ("ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS",)
"""(istio/istio pilot/pkg/features)"""
_ISTIOD = "istiod"
_ADDRESS = re.compile(r"(?P<service>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc(\.[a-z0-9.-]+)?(:[0-9]+)?")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ADDRESSES = ("CA_ADDR", "CA_ADDRESS", "XDS_ADDRESS")
_ELSEWHERE = "(elsewhere)"
"""In place of an address that is no Service of the cluster."""
_MOST = 20
"""Of the revisions that only proxies name: how many ConfigMaps are asked for."""

_SAIL = {
    "spec": {"version": KEEP, "namespace": KEEP},
    "status": {"activeRevisionName": KEEP, "state": KEEP, "conditions": CONDITIONS},
}
RESOURCES = tuple(
    Resource(SAIL, ("v1", "v1alpha1"), plural, kind, namespaced=False, keep=Shape(_SAIL), newer=True)
    for plural, kind in (("istios", "Istio"), ("istiorevisions", "IstioRevision"), ("ztunnels", "ZTunnel"))
)


@dataclass(frozen=True, slots=True, order=True)
class PlaneRef:
    """One istiod."""

    namespace: str
    revision: str

    @property
    def config_map(self) -> ObjectRef:
        """Where its MeshConfig is (istio/istio pilot/pkg/bootstrap/mesh.go getMeshConfigMapName)."""
        return ObjectRef(self.namespace, "istio" if self.revision == DEFAULT else f"istio-{self.revision}")

    def __str__(self) -> str:
        return f"{self.namespace}/{self.revision}"


@dataclass(frozen=True, slots=True)
class NamedPlanes:
    """The control planes that the user names: `--istio-namespace` and `--revision`."""

    namespaces: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, saved: object) -> NamedPlanes:
        """What a snapshot says, nothing of it in an older one."""
        return cls(words(table(saved).get("namespaces")), words(table(saved).get("revisions")))

    def to_json(self) -> dict[str, Any]:
        """As `mesh.json` has it; empty if none is named."""
        found = {"namespaces": list(self.namespaces), "revisions": list(self.revisions)}
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which control plane a proxy is of, as far as its pod says; '' for what it does not say."""

    namespace: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class ControlPlanes:
    """The control planes of a snapshot, and whose each proxy is."""

    believed: frozenset[str] = frozenset({ROOT_NAMESPACE})
    """The namespaces that are a control plane's."""
    configs: Mapping[PlaneRef, Mapping[str, Any]] = field(default_factory=dict)
    """MeshConfig, trimmed, of each control plane that the snapshot has it of."""
    asked: Mapping[ObjectRef, Asked] = field(default_factory=dict)
    """What each pod with a proxy says."""
    usual: str = ""
    """The revision of proxies that name none; '' if that is not known."""
    switches: tuple[Mapping[str, str], ...] = ()
    """What is kept of the environment of each istiod."""

    @classmethod
    def of(cls, kinds: Kinds, named: NamedPlanes) -> ControlPlanes:
        """Those of a snapshot's objects, by group and kind."""
        asked = _asked(kinds)
        believed = _believed(kinds, asked, named)
        maps = {each.ref: each for each in kinds.get((CORE, "ConfigMap"), ()) if each.namespace in believed}
        configs = {
            PlaneRef(ref.namespace, ref.name.removeprefix("istio-") if ref.name != "istio" else DEFAULT): config
            for ref, each in maps.items()
            if ref.name == "istio" or ref.name.startswith("istio-")
            if (config := parsed(each.raw)) is not None
        }
        revisions = _meant(kinds, believed, named)
        istiods = (each for each in kinds.get((CORE, "Pod"), ()) if each.labels.get("app") == _ISTIOD)
        switches = tuple(_environment(each, DISCOVERY) or {} for each in istiods if each.namespace in believed)
        return cls(believed, configs, asked, revisions[0] if len(revisions) == 1 else "", switches)

    def switched(self, name: str) -> bool:
        """Whether a switch is on in every istiod; no if it is off by default and nothing is known."""
        return bool(self.switches) and all(each.get(name, "").lower() in ("1", "t", "true") for each in self.switches)

    def candidates(self, pod: ObjectRef) -> tuple[PlaneRef, ...]:
        """The control planes that may be the one of a pod's proxy; one where it is known."""
        said = self.asked.get(pod, Asked())
        revision = said.revision or self.usual
        if said.namespace and said.namespace not in self.believed:
            return ()
        fitting = tuple(
            each
            for each in sorted(self.configs)
            if said.namespace in ("", each.namespace) and revision in ("", each.revision)
        )
        if not fitting and said.namespace and revision:
            return (PlaneRef(said.namespace, revision),)
        return fitting

    def plane_of(self, pod: ObjectRef) -> PlaneRef | None:
        """The control plane of a pod's proxy; None if it is not known."""
        found = self.candidates(pod)
        return found[0] if len(found) == 1 else None

    def config_of(self, pod: ObjectRef) -> Mapping[str, Any]:
        """MeshConfig as it holds for a pod's proxy; empty if it is not known. Two are never mixed."""
        first, *others = [self.configs.get(each, {}) for each in self.candidates(pod)] or [{}]
        return first if all(each == first for each in others) else {}

    @property
    def shared(self) -> Mapping[str, Any]:
        """What MeshConfig says to every proxy alike: of several in use, the fields that are the same in all."""
        used = [config for pod in self.asked if (config := self.config_of(pod))]
        found = used or list(self.configs.values())
        if not found:
            return {}
        return {key: value for key, value in found[0].items() if all(each.get(key) == value for each in found)}

    @property
    def complete(self) -> bool:
        """Whether MeshConfig is known for every proxy."""
        return all(self.config_of(pod) for pod in self.asked)

    @property
    def in_doubt(self) -> tuple[str, ...]:
        """The namespaces in which proxies look for their control plane and that nothing proves to be one's; sorted."""
        said = {each.namespace for each in self.asked.values()}
        return tuple(sorted(said - self.believed - {"", _ELSEWHERE}))


READ_FIRST = frozenset({"ConfigMap", "Deployment", "Istio", "IstioRevision", "Pod", "Service"})
"""The kinds that say which ConfigMaps there are to read."""


def config_maps(kinds: Kinds, named: NamedPlanes) -> tuple[Resource, ...]:
    """What is still to be read once all is listed: MeshConfig of each control plane, by name."""
    planes = ControlPlanes.of(kinds, named)
    found = {
        PlaneRef(namespace, revision).config_map
        for namespace in planes.believed
        for revision in (DEFAULT, *_meant(kinds, planes.believed, named), *_revisions(kinds, namespace, planes))
        if _NAME.fullmatch(namespace) and _NAME.fullmatch(revision)
    }
    return tuple(
        Resource(CORE, ("v1",), "configmaps", "ConfigMap", only=ref)
        for ref in sorted(found - {ObjectRef(ROOT_NAMESPACE, "istio")})
    )


# ---------------------------------------------------------------- what a pod says


def _asked(kinds: Kinds) -> dict[ObjectRef, Asked]:
    services = {each.ref: each.labels.get(REVISION, "") for each in kinds.get((CORE, "Service"), ())}
    pods = kinds.get((CORE, "Pod"), ())
    proxies = ((each, _environment(each, PROXY_CONTAINER)) for each in pods)
    return {each.ref: _of_pod(each, env, services) for each, env in proxies if env is not None}


def _environment(pod: Obj, container: str) -> Mapping[str, str] | None:
    """What is kept of the environment of a container; None if the pod has none of that name."""
    containers = (*rows(pod.spec.get("initContainers")), *rows(pod.spec.get("containers")))
    found = [each for each in containers if each.get("name") == container]
    if not found:
        return None
    return {text(each.get("name")): text(each.get("value")) for own in found for each in rows(own.get("env"))}


def istiod_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What a snapshot keeps of istiod's environment: the switches that change what it generates."""
    return {name: env[name] for name in ISTIOD_SWITCHES if env.get(name)}


def control_plane_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What a snapshot keeps of a proxy's environment: Services that may be its control plane's, and nothing else."""
    kept = {name: env[name] for name in _ADDRESSES if _ADDRESS.fullmatch(_bare(env, name))}
    if env.get("PROXY_CONFIG"):
        address = text(_json(env["PROXY_CONFIG"]).get("discoveryAddress"))
        known = address if _ADDRESS.fullmatch(address) else _ELSEWHERE
        # That it names none tells too: the proxy then asks where it asks by default.
        kept["PROXY_CONFIG"] = json.dumps({"discoveryAddress": known} if address else {})
    return kept


def _bare(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").removeprefix("https://")


def _of_pod(pod: Obj, env: Mapping[str, str], services: Mapping[ObjectRef, str]) -> Asked:
    marked, address = _marked(pod), _discovery_address(env)
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return Asked(_ELSEWHERE if address else "", marked)
    service, namespace = found["service"], found["namespace"]
    # What it asks cannot be changed while it runs; the marks are annotations and can.
    return Asked(namespace, services.get(ObjectRef(namespace, service)) or _named_by(service) or marked)


def _named_by(service: str) -> str:
    """The revision in the name of istiod's Service; '' if it has none, or a tag."""
    if service == _ISTIOD:
        return DEFAULT
    own = service.startswith(f"{_ISTIOD}-") and not service.startswith(f"{_ISTIOD}-revision-tag-")
    return service.removeprefix(f"{_ISTIOD}-") if own else ""


def _discovery_address(env: Mapping[str, str]) -> str:
    """Whom the proxy asks. Istio's agent takes its default where PROXY_CONFIG leaves the address out.

    CA_ADDR is the same unless a CA of its own signs certificates (istio/istio files/injection-template.yaml).
    """
    if said := _bare(env, "XDS_ADDRESS"):
        return said
    if env.get("PROXY_CONFIG"):
        own = text(_json(env["PROXY_CONFIG"]).get("discoveryAddress"))
        return own or f"{_ISTIOD}.{ROOT_NAMESPACE}.svc:15012"
    by_ca = _bare(env, "CA_ADDR") or _bare(env, "CA_ADDRESS")
    return by_ca if by_ca.startswith(_ISTIOD) else ""


def _marked(pod: Obj) -> str:
    """The revision of the control plane that made the proxy, never a tag: the injector's mark; '' without one."""
    status = text(_json(pod.annotations.get(SIDECAR_STATUS, "")).get("revision"))
    return status or pod.annotations.get(REVISION, "")


def _json(said: str) -> Mapping[str, Any]:
    try:
        return table(json.loads(said))
    except (ValueError, RecursionError):
        return {}


# ---------------------------------------------------------------- where control planes are


def _believed(kinds: Kinds, asked: Mapping[ObjectRef, Asked], named: NamedPlanes) -> frozenset[str]:
    sail = {text(each.spec.get("namespace")) for each in _of_sail(kinds)}
    found = {ROOT_NAMESPACE, *named.namespaces, *sail} - {""}
    return frozenset(found | ({alone} if (alone := _alone(kinds, asked)) else set()))


def _alone(kinds: Kinds, asked: Mapping[ObjectRef, Asked]) -> str:
    """The namespace of the only istiod of the cluster, if every proxy asks there; else ''."""
    homes = {each.namespace for each in _istiods(kinds)}
    if len(homes) == 1 and asked and {each.namespace for each in asked.values()} == homes:
        return homes.pop()
    return ""


def _istiods(kinds: Kinds) -> Iterable[Obj]:
    return (each for each in kinds.get((APPS, "Deployment"), ()) if each.labels.get("app") == _ISTIOD)


def _of_sail(kinds: Kinds) -> Iterable[Obj]:
    """What the operator reads: its objects are the cluster's, so tenants cannot write them."""
    found = (*kinds.get((SAIL, "Istio"), ()), *kinds.get((SAIL, "IstioRevision"), ()))
    return (each for each in found if not each.namespace)


def _revisions(kinds: Kinds, namespace: str, planes: ControlPlanes) -> Iterable[str]:
    """The revisions that may be in a control plane's namespace: those that are there, and what most proxies ask for."""
    there = (*_istiods(kinds), *kinds.get((CORE, "Service"), ()))
    of_sail = (each for each in _of_sail(kinds) if each.kind == "IstioRevision")
    labelled = [each for each in there if each.namespace == namespace and each.labels.get("app") == _ISTIOD]
    found = {each.labels.get(REVISION, "") for each in labelled}
    found |= {each.name for each in of_sail if text(each.spec.get("namespace")) == namespace}
    said = Counter(each.revision for each in planes.asked.values() if each.namespace in ("", namespace))
    return sorted(found | {revision for revision, _ in said.most_common(_MOST)})


def _meant(kinds: Kinds, believed: frozenset[str], named: NamedPlanes) -> tuple[str, ...]:
    """The revisions that the user names. A tag is another name for one, as Services of istiod show.

    (istio/istio manifests/charts/istio-control/istio-discovery/templates/revision-tags-svc.yaml; releases before 1.28
    show tags only in MutatingWebhookConfigurations, which nothing here reads: proxies that run do not name tags.)
    """
    services = (each for each in kinds.get((CORE, "Service"), ()) if each.namespace in believed)
    tags = {each.labels[TAG]: each.labels.get(REVISION, "") for each in services if TAG in each.labels}
    return tuple(dict.fromkeys(tags.get(each) or each for each in named.revisions))
