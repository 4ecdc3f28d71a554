"""What a pod's proxy is proven to be: sidecar, gateway, waypoint or ztunnel.

Labels, annotations and names of containers only claim it: whoever may write pods writes them. What proves it, short of
being named by the policy or the command line, is hard to write from another namespace:

  ztunnel   a DaemonSet in the namespace of the control plane, its service account, a node
  waypoint  a Deployment that belongs to a Gateway of a waypoint's class (istiod makes it: files/waypoint.yaml)
  gateway   the same for other classes (files/kube-gateway.yaml); or a Deployment or DaemonSet whose template asks for
            gateway injection; or, where a gateway is trusted or the control plane is, any workload of a proxy alone
  sidecar   the mark of the injector beside other containers; it speaks for its own pod alone

Whoever may write pods in the namespace of such a proxy could have made all of this: `writers` names them.

In: the objects of a snapshot, and the proxies that the user trusts. Out: a `Role` for each pod.
Example: a Deployment `gw` asks for gateway injection in its template. Its pods have the role `egress-gateway`, and the
proof is `Deployment/gw asks for gateway injection`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.mesh.apis import APPS, CORE, GATEWAY_API, SAIL
from egressaudit.mesh.control_planes import ROOT_NAMESPACE
from egressaudit.mesh.marks import (
    EAST_WEST_CLASS,
    GATEWAY_CLASS,
    GATEWAY_NAME,
    MANAGED,
    MESH_CONTROLLER,
    SIDECAR_STATUS,
    TEMPLATES,
    WAYPOINT_CLASS,
)
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.owners import Chain, Owners
from egressaudit.mesh.trust import KINDS, Trust
from egressaudit.mesh.untyped import rows, table, text, texts
from egressaudit.model import PROXY_CONTAINER, ObjectRef, Reporter

_ZTUNNEL_NAMESPACES = frozenset({ROOT_NAMESPACE, "kube-system", "ztunnel"})
"""Where Istio's charts, its OpenShift profile and the Sail operator put ztunnel; only administrators write there."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a pod, or the pods of a workload, are proven to be. All texts are clauses without a full stop."""

    reporter: Reporter | None = None
    """What it is judged as; None if nothing is proven. A sidecar's lines also count against it without proof."""
    claimed: Reporter | None = None
    """What its marks say; None if it has no mark of a proxy that we read."""
    proof: tuple[str, ...] = ()
    """Why it is believed: each follows `because`, and calls the proxy `it`."""
    doubts: tuple[str, ...] = ()
    """What could not be checked of the proof; or, without proof, why there is none."""
    writers: tuple[str, ...] = ()
    """The namespaces whose writers could have made the proof."""
    gateway: ObjectRef | None = None
    """What a gateway or waypoint belongs to: its Gateway API Gateway, else its workload."""
    owners: tuple[str, ...] = ()

    @property
    def unproven(self) -> bool:
        """Whether it has the marks of a proxy, and nothing proves that it is one."""
        return self.claimed is not None and not self.proof


NO_ROLE = Role()


def claimed_role(
    labels: Mapping[str, str], annotations: Mapping[str, str], containers: tuple[str, ...]
) -> Reporter | None:
    """The kind of proxy that these marks claim, None if they claim none that we read.

    Istio's manifests/charts: ztunnel is labelled `app: ztunnel`; istiod labels what it makes of a Gateway with its
    name and class (files/kube-gateway.yaml, files/waypoint.yaml); an injected gateway has the injection template
    `gateway`; older gateways are pods of a proxy alone.
    """
    if PROXY_CONTAINER not in containers:
        return None
    if labels.get("app") == "ztunnel" or labels.get("app.kubernetes.io/name") == "ztunnel":
        return Reporter.ZTUNNEL
    gateway_class = labels.get(GATEWAY_CLASS, "")
    if gateway_class == WAYPOINT_CLASS or labels.get(MANAGED) == MESH_CONTROLLER:
        return Reporter.WAYPOINT
    if gateway_class == EAST_WEST_CLASS:
        return None
    if GATEWAY_NAME in labels or _asks_for_gateway(annotations) or set(containers) == {PROXY_CONTAINER}:
        return Reporter.EGRESS_GATEWAY
    return Reporter.SIDECAR


def roles_of(objects: Objects, read: frozenset[str], trust: Trust) -> dict[ObjectRef, Role]:
    """The role of every pod of a snapshot, by its name."""
    proving = _Proving(objects, read, trust)
    return {each.ref: proving.of_pod(each) for each in objects.all(CORE, "Pod")}


def workload_roles(objects: Objects, read: frozenset[str], trust: Trust) -> dict[tuple[str, ObjectRef], Role]:
    """The role that the pods of every Deployment and DaemonSet would have, by its kind and name."""
    proving = _Proving(objects, read, trust)
    found = objects.all(APPS, "Deployment", "DaemonSet")
    return {(each.kind, each.ref): proving.of_workload(each) for each in found}


@dataclass(frozen=True, slots=True)
class _Marks:
    """What is said about a pod, or of the pods of a workload."""

    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    containers: tuple[str, ...]
    """Those that stay, without init containers."""
    claimed: Reporter | None
    account: str
    node: str | None
    """None for the pods of a workload, which may run anywhere."""

    @property
    def injected(self) -> bool:
        """Whether it bears the injector's mark beside containers of its own: no gateway, waypoint or ztunnel does."""
        return SIDECAR_STATUS in self.annotations and any(each != PROXY_CONTAINER for each in self.containers)


class _Proving:
    def __init__(self, objects: Objects, read: frozenset[str], trust: Trust) -> None:
        self._objects = objects
        self._owners = Owners(objects, read)
        self._trust = trust
        kinds = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT)
        named = {each.namespace for kind in kinds for each in trust.named(kind)}
        listed = {each.namespace for kind in kinds for each in trust.listed(kind)}
        self._trusted_namespaces = frozenset({objects.root, *objects.planes.believed, *named, *listed})
        deployments = objects.all(APPS, "Deployment")
        self._managed = {chain.gateway.ref for each in deployments if (chain := self._owners.of_workload(each)).gateway}

    def of_pod(self, pod: Obj) -> Role:
        containers, init = names_of(pod.spec.get("containers")), names_of(pod.spec.get("initContainers"))
        claimed = claimed_role(pod.labels, pod.annotations, (*containers, *init))
        chain = self._owners.of_pod(pod)
        account, node = text(pod.spec.get("serviceAccountName")), text(pod.spec.get("nodeName"))
        marks = _Marks(pod.namespace, pod.labels, pod.annotations, containers, claimed, account, node)
        if PROXY_CONTAINER not in (*containers, *init) or (claimed is None and not marks.injected):
            return Role(owners=chain.owners)
        return self._role(marks, chain)

    def of_workload(self, workload: Obj) -> Role:
        labels, annotations, containers, init = template_marks(workload)
        claimed = claimed_role(labels, annotations, (*containers, *init))
        chain = self._owners.of_workload(workload)
        if claimed is None:
            return Role(owners=chain.owners)
        spec = table(table(workload.spec.get("template")).get("spec"))
        account = text(spec.get("serviceAccountName"))
        return self._role(_Marks(workload.namespace, labels, annotations, containers, claimed, account, None), chain)

    def _role(self, marks: _Marks, chain: Chain) -> Role:
        gateway = self._belongs_to(marks, chain)
        # A gateway may have containers of its own too: then its workload's template says so, not the pod alone.
        by_template = marks.claimed is Reporter.EGRESS_GATEWAY and self._asks_for_injection(marks, chain)
        if marks.injected and not by_template:
            odd = marks.claimed not in (None, Reporter.SIDECAR)
            doubts = (f"its marks also claim that it is {_a(marks.claimed)}",) if odd else ()
            return self._made(Reporter.SIDECAR, marks, chain, ("the injector marked it",), doubts, None)
        if kind := self._trusted(marks, chain, gateway):
            return self._made(kind, marks, chain, (_named(kind),), chain.doubts, gateway)
        if marks.claimed is Reporter.SIDECAR:
            why = "it has no mark of the injector"
            return Role(Reporter.SIDECAR, Reporter.SIDECAR, (), (why,), (marks.namespace,), None, chain.owners)
        kind, proof, why = self._proven(marks, chain)
        if kind is not None and self._trust.listed(kind):
            proof, why = "", f"{kind}s are listed as trusted, and it is none of them"
        if not proof or kind is None:
            return Role(None, marks.claimed, (), (why,), (marks.namespace,), None, chain.owners)
        return self._made(kind, marks, chain, (proof,), chain.doubts, gateway)

    def _made(
        self,
        kind: Reporter,
        marks: _Marks,
        chain: Chain,
        proof: tuple[str, ...],
        doubts: tuple[str, ...],
        gateway: ObjectRef | None,
    ) -> Role:
        own = gateway if kind in (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT) else None
        return Role(kind, marks.claimed, proof, doubts, (marks.namespace,), own, chain.owners)

    def _belongs_to(self, marks: _Marks, chain: Chain) -> ObjectRef | None:
        """What the proxy is called. A label names a Gateway only where istiod made no proxy for it itself."""
        if chain.gateway is not None:
            return chain.gateway.ref
        if not chain.top[1]:
            return None
        named = ObjectRef(marks.namespace, marks.labels.get(GATEWAY_NAME, ""))
        there = self._objects.one(GATEWAY_API, "Gateway", named.namespace, named.name)
        return named if there is not None and named not in self._managed else ObjectRef(marks.namespace, chain.top[1])

    def _trusted(self, marks: _Marks, chain: Chain, gateway: ObjectRef | None) -> Reporter | None:
        """The kind that the policy or the command line names this workload as; its own labels make it none of these."""
        if gateway is None or (chain.broken and not chain.foreign):
            return None
        # Not the Gateway that a label names: that the proxy belongs to it is only claimed.
        refs = {ObjectRef(marks.namespace, chain.top[1])} | ({chain.gateway.ref} if chain.gateway else set())
        for kind in KINDS.values():
            # Namespaces of ztunnels may be listed as a whole, and have other proxies in them.
            fits = marks.claimed is kind or Reporter.ZTUNNEL not in (kind, marks.claimed)
            if fits and self._trust.entry(kind, refs, marks.account):
                return kind
            by_name = marks.claimed is kind and not chain.broken and not self._trust.listed(kind)
            if by_name and refs & self._trust.named(kind):
                return kind
        return None

    def _proven(self, marks: _Marks, chain: Chain) -> tuple[Reporter | None, str, str]:
        """The kind that evidence proves, with what proves it; else why nothing does."""
        if chain.broken:
            return None, "", chain.broken
        if marks.claimed is Reporter.ZTUNNEL:
            why = self._no_ztunnel(marks, chain)
            proof = f"it belongs to DaemonSet/{chain.top[1]} in namespace {marks.namespace}"
            return (None, "", why) if why else (Reporter.ZTUNNEL, proof, "")
        if chain.gateway is not None:
            return _of_gateway(chain.gateway, marks.labels)
        if marks.claimed is Reporter.WAYPOINT:
            if chain.workload is None and chain.top[0] == "Deployment":
                return Reporter.WAYPOINT, f"it belongs to Deployment/{chain.top[1]}, which was not read", ""
            return None, "", f"{'/'.join(chain.top)} belongs to no Gateway, and istiod makes each waypoint for one"
        if self._asks_for_injection(marks, chain):
            return Reporter.EGRESS_GATEWAY, f"{'/'.join(chain.top)} asks for gateway injection", ""
        if GATEWAY_NAME in marks.labels:
            return None, "", f"{'/'.join(chain.top)} belongs to no Gateway, and a label says that it does"
        if marks.namespace in self._trusted_namespaces:
            where = f"namespace {marks.namespace}, where a gateway or the control plane is trusted"
            return Reporter.EGRESS_GATEWAY, f"it belongs to {'/'.join(chain.top)} in {where}", ""
        return None, "", f"it has a container {PROXY_CONTAINER}, and no mark of injection"

    def _asks_for_injection(self, marks: _Marks, chain: Chain) -> bool:
        if chain.broken:
            return False
        if chain.workload is None:
            # Not read: the pod itself is all that says so.
            return chain.top[0] in ("Deployment", "DaemonSet") and _asks_for_gateway(marks.annotations)
        return _asks_for_gateway(template_marks(chain.workload)[1])

    def _no_ztunnel(self, marks: _Marks, chain: Chain) -> str:
        kind, name = chain.top
        if kind != "DaemonSet":
            return f"{kind}/{name} is no DaemonSet, and ztunnel is one"
        if marks.node == "":
            return "it is on no node"
        if marks.account not in ("", name, "ztunnel"):
            return f"its service account is {marks.account}"
        sail = (text(each.spec.get("namespace")) for each in self._objects.all(SAIL, "ZTunnel"))
        near = {self._objects.root, *self._objects.planes.believed, *sail, *_ZTUNNEL_NAMESPACES} - {""}
        if marks.namespace not in near:
            return f"namespace {marks.namespace} is not the control plane's ({', '.join(sorted(near))})"
        return ""


def template_marks(
    workload: Obj,
) -> tuple[Mapping[str, str], Mapping[str, str], tuple[str, ...], tuple[str, ...]]:
    """Labels, annotations, containers and init containers that a Deployment or DaemonSet gives its pods."""
    template = table(workload.spec.get("template"))
    metadata, spec = table(template.get("metadata")), table(template.get("spec"))
    containers, init = names_of(spec.get("containers")), names_of(spec.get("initContainers"))
    return texts(metadata.get("labels")), texts(metadata.get("annotations")), containers, init


def _of_gateway(gateway: Obj, labels: Mapping[str, str]) -> tuple[Reporter | None, str, str]:
    gateway_class = text(gateway.spec.get("gatewayClassName"))
    if gateway_class == EAST_WEST_CLASS:
        return None, "", f"{gateway} is of class {gateway_class}"
    # Other classes may be of the same controller; whose it is stands in a label that istiod sets.
    mesh_controller = labels.get(MANAGED) == MESH_CONTROLLER
    waypoint = gateway_class == WAYPOINT_CLASS or (mesh_controller and gateway_class != "istio")
    return (Reporter.WAYPOINT if waypoint else Reporter.EGRESS_GATEWAY), f"istiod made it for {gateway}", ""


def _asks_for_gateway(annotations: Mapping[str, str]) -> bool:
    return "gateway" in (each.strip() for each in annotations.get(TEMPLATES, "").split(","))


def names_of(containers: object) -> tuple[str, ...]:
    """The names of the containers of a list."""
    return tuple(name for each in rows(containers) if (name := text(each.get("name"))))


def _named(kind: Reporter) -> str:
    # --expect names a way out, and no ztunnel is one.
    return f"the policy{' or --trust' if kind is Reporter.ZTUNNEL else ', --trust or --expect'} names it"


def _a(kind: Reporter | None) -> str:
    return f"an {kind}" if kind is Reporter.EGRESS_GATEWAY else f"a {kind}"
