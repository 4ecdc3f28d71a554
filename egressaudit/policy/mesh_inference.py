"""A policy made of the mesh configuration: external hosts of ServiceEntries go the way that routes claim for them.

In: the mesh of a snapshot. Out: the text of a policy.
Example: routes send docs.redhat.com through the gateway egress/gw. The policy has a rule for it with `via: gateway`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from egressaudit.mesh import Mesh
from egressaudit.mesh.apis import GATEWAY_API, ISTIO
from egressaudit.mesh.marks import WAYPOINT_CLASS
from egressaudit.mesh.steering.registry import ports
from egressaudit.mesh.untyped import text, words
from egressaudit.model import Claim, DataplaneMode, ObjectRef, Path, Pod, Reporter, Scheme, Target
from egressaudit.policy.inference import Allowed, checked_size, expressible
from egressaudit.policy.inferred_text import Facts, policy_text

_SCHEMES = {"http": Scheme.HTTP, "tls": Scheme.HTTPS, "tcp": Scheme.TCP}


def infer_from_mesh(mesh: Mesh) -> str:
    """The text of a policy that allows what the configuration claims for a gateway or waypoint, and denies the rest.

    Hosts that are registered and claimed by nothing are comments, and so are the configuration's own faults. Equal
    snapshots give the same text. UsageError if it would be larger than a policy may be.
    """
    pods = _workloads(mesh)
    claimed = {Path.VIA_GATEWAY: set[ObjectRef](), Path.VIA_WAYPOINT: set[ObjectRef]()}
    allowed = Allowed()
    unclaimed: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for host, port, scheme in sorted(_targets(mesh)):
        for (namespace, workload), pod in pods.items():
            claim = mesh.claim(pod, Target(host=host, port=port, scheme=scheme, path=""))
            if claim.path is None or claim.via is None or not expressible(namespace, workload, host):
                unclaimed[f"{host}:{port} from {namespace}"] += 1
                continue
            claimed[claim.path].add(claim.via)
            for other in claim.passing:
                # A chain is compliant only where each proxy on it is one that the policy knows.
                claimed[_path_of(mesh, other)].add(other)
            for name, number in {(host, port), *_reached(claim)}:
                if expressible(namespace, workload, name):
                    allowed.add(namespace, workload, name, number, (claim.path, (claim.via,)))
            faults.update(f"{host}:{port} from {namespace}: {fault}" for fault in claim.fault_texts)
    everybody: defaultdict[str, set[str]] = defaultdict(set)
    for namespace, workload in pods:
        everybody[namespace].add(workload)
    return checked_size(
        policy_text(
            Facts(
                title="Inferred from the mesh configuration by `egressaudit policy infer`. Read it before you use it.",
                gateways=tuple(sorted(claimed[Path.VIA_GATEWAY])),
                waypoints=tuple(sorted(claimed[Path.VIA_WAYPOINT])),
                rules=allowed.rules({namespace: frozenset(names) for namespace, names in everybody.items()}),
                refused=(
                    (
                        "Registered hosts that no gateway or waypoint claims (write a rule for one that may be used):",
                        tuple(sorted(unclaimed)),
                    ),
                    ("Faults in the configuration that may send traffic another way:", tuple(sorted(faults))),
                ),
            )
        )
    )


def _reached(claim: Claim) -> set[tuple[str, int]]:
    """Where a gateway leads it: for TLS that the gateway originates another port, for an alias another host."""
    ends = () if claim.way is None else claim.way.ends
    return {(end.to.host, end.to.port) for end in ends if end.to is not None and claim.via in end.proxies[-1:]}


def _path_of(mesh: Mesh, proxy: ObjectRef) -> Path:
    """Whether a proxy on a claimed way is a waypoint, or else a gateway."""
    found = mesh.world.objects.one(GATEWAY_API, "Gateway", proxy.namespace, proxy.name)
    is_waypoint = found is not None and text(found.spec.get("gatewayClassName")) == WAYPOINT_CLASS
    return Path.VIA_WAYPOINT if is_waypoint else Path.VIA_GATEWAY


def _workloads(mesh: Mesh) -> dict[tuple[str, str], Pod]:
    """A pod of each workload in the mesh that is not the mesh's own; all pods of one workload have the same labels."""
    found: dict[tuple[str, str], Pod] = {}
    for pod in mesh.pods:
        if pod.mode is not DataplaneMode.NONE and pod.role in (None, Reporter.SIDECAR):
            found.setdefault((pod.namespace, pod.owner or f"Pod/{pod.name}"), pod)
    return found


def _targets(mesh: Mesh) -> set[tuple[str, int, Scheme]]:
    return set(_external(mesh))


def _external(mesh: Mesh) -> Iterator[tuple[str, int, Scheme]]:
    for entry in mesh.world.objects.all(ISTIO, "ServiceEntry"):
        # MESH_EXTERNAL is what a ServiceEntry is where it does not say (istio.io, ServiceEntry.Location).
        if text(entry.spec.get("location")) == "MESH_INTERNAL":
            continue
        for host in words(entry.spec.get("hosts")):
            for number, kind in ports(entry):
                yield host, number, _SCHEMES[kind]
