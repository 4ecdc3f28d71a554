"""What the snapshot shows will be missing from the logs: traffic that no proxy sees, and proxies that don't log.

In: a snapshot. Out: the logs to expect, and e.g. `BlindSpot("host-network", "shop/cart-1", ...)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from egressaudit.mesh.apis import CORE
from egressaudit.mesh.logging.telemetry import OFF, log_gaps
from egressaudit.mesh.marks import EAST_WEST_CLASS, GATEWAY_CLASS
from egressaudit.mesh.modes.ambient import NOT_ENROLLED, enrolment
from egressaudit.mesh.modes.capture import captured_by, outside
from egressaudit.mesh.modes.redirection import beside_proxy
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.pods import gateway_of, proxy_log
from egressaudit.mesh.world import World
from egressaudit.model import PROXY_CONTAINER, BlindSpot, Family, LogSource, Pod, Reporter

SYSTEM = "system"
HOST_NETWORK = "host-network"
NOT_INJECTED = "not-injected"
NOT_READ = "not-read"
BESIDE_PROXY = "beside-proxy"
LOGGING_UNKNOWN = "logging-unknown"

# Kubernetes' own namespaces, and those of Istio's and the Sail operator's components.
_SYSTEM = frozenset({"istio-cni", "istio-system", "kube-node-lease", "kube-public", "kube-system", "ztunnel"})
_ENDED = ("Succeeded", "Failed")


def expected_logs(world: World) -> tuple[tuple[LogSource, Reporter], ...]:
    """Every log that a proxy of the snapshot writes or wrote, with the kind of proxy; sorted.

    A proxy whose container has not started yet has no log.
    """
    found = []
    for pod in world.pods:
        log, reporter = proxy_log(pod), pod.role
        if log is not None and reporter is not None and not _waiting(world, pod):
            found.append((log, reporter))
    return tuple(sorted(found))


def blind_spots(world: World) -> tuple[BlindSpot, ...]:
    """All traffic that the snapshot shows no proxy will log, each pod or proxy by name; sorted.

    What containers do at run time is not in a snapshot: a root process can switch to the proxy's user and escape.
    """
    found = [*_of_pods(world), *_of_logs(world)]
    return tuple(sorted(set(found), key=lambda each: (each.subject, each.kind, each.reason)))


# ---------------------------------------------------------------- traffic that no proxy sees


def _of_pods(world: World) -> Iterator[BlindSpot]:
    nodes = {role: frozenset(pod.node for pod in world.pods if pod.role is role) for role in Reporter}
    for pod in world.pods:
        obj = world.objects.one(CORE, "Pod", pod.namespace, pod.name)
        phase = "" if obj is None else obj.status.get("phase")
        # A pending pod without an address has sent nothing yet, and a pod that ended sends nothing more.
        if obj is None or phase in _ENDED or (phase == "Pending" and not pod.addresses):
            continue
        system = _is_system(world, pod.namespace)
        for kind, reason in _of_pod(pod, obj, nodes):
            yield BlindSpot(SYSTEM if system else kind, str(pod.ref), _workload(pod), reason)


def _of_pod(pod: Pod, obj: Obj, nodes: Mapping[Reporter, frozenset[str]]) -> Iterator[tuple[str, str]]:
    role = pod.role
    if role not in (None, Reporter.SIDECAR):
        if beside := beside_proxy(obj.spec):
            what = f"the pod is a proxy ({role}), and nothing captures its containers {', '.join(beside)}"
            yield BESIDE_PROXY, what
    elif pod.host_network:
        yield HOST_NETWORK, outside(pod)
    elif (mode := captured_by(pod)) is not None:
        yield from mode.blind_spots(pod, obj, nodes)
    elif pod.labels.get(GATEWAY_CLASS) == EAST_WEST_CLASS:
        yield NOT_READ, "the pod is an east-west gateway: what it passes on to other networks is not judged"
    elif reason := outside(pod):
        yield NOT_INJECTED, reason
    elif role is Reporter.SIDECAR:
        yield (
            NOT_INJECTED,
            f"its container {PROXY_CONTAINER} was not injected: whether that captures anything is not known",
        )
    elif PROXY_CONTAINER in (*pod.containers, *pod.init_containers):
        yield (
            NOT_INJECTED,
            f"nothing proves its container {PROXY_CONTAINER} to be the mesh's, and nothing captures the pod",
        )
    else:
        yield NOT_ENROLLED, enrolment(pod)


# ---------------------------------------------------------------- proxies that do not log


def _of_logs(world: World) -> Iterator[BlindSpot]:
    """Ztunnel logs every connection unless its own log level is lowered (ztunnel src/proxy/metrics.rs)."""
    envoys = [(log, reporter) for log, reporter in expected_logs(world) if reporter.family is Family.ENVOY]
    pods = {proxy_log(pod): pod for pod in world.pods}
    views = {log: world.objects.seen_by(pods[log].ref) for log, _ in envoys}
    unknown = [log for log, view in views.items() if not view.config]
    if unknown and len(unknown) == len(envoys):
        reason = "the snapshot has no meshConfig: whether proxies write access logs is not known"
        yield BlindSpot(LOGGING_UNKNOWN, "meshConfig", "", reason)
        unknown = []
    for log in unknown:
        reason = "the snapshot has no meshConfig of its control plane: whether it writes access logs is not known"
        yield BlindSpot(LOGGING_UNKNOWN, str(log), _workload(pods[log]), reason)
    for log, reporter in envoys:
        pod = pods[log]
        ref = pod.ref if reporter is Reporter.SIDECAR else gateway_of(pod)
        for gap in log_gaps(views[log], ref, pod.labels, reporter):
            yield BlindSpot(gap.kind, str(log), _workload(pod), gap.reason)


def silence(world: World, pod: Pod, reporter: Reporter) -> str:
    """Why a proxy writes no access lines at all, one sentence; '' if it should, or where that is not known."""
    if reporter.family is not Family.ENVOY:
        return ""
    ref = pod.ref if reporter is Reporter.SIDECAR else gateway_of(pod)
    gaps = log_gaps(world.objects.seen_by(pod.ref), ref, pod.labels, reporter)
    return next((gap.reason for gap in gaps if gap.kind == OFF), "")


def _waiting(world: World, pod: Pod) -> bool:
    obj = world.objects.one(CORE, "Pod", pod.namespace, pod.name)
    run = pod.run(PROXY_CONTAINER)
    began = run.started or run.previous_started or run.restarts
    return obj is not None and obj.status.get("phase") == "Pending" and not began


def _is_system(world: World, namespace: str) -> bool:
    own = {*_SYSTEM, *world.objects.planes.believed, world.objects.root}
    return namespace in own or namespace.startswith("openshift-")


def _workload(pod: Pod) -> str:
    return pod.owner or f"Pod/{pod.name}"
