"""The table of the first stage: no proxy of the mesh carries what the source sends.

In: `Symptoms`. Out: `Because`. Example: a pod without a sidecar whose namespace asks for none is EC01.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import Because, CauseRule
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.marks import DATAPLANE_MODE, INJECT, REVISION
from egressaudit.mesh.modes.ambient import NOT_ENROLLED
from egressaudit.model import PROXY_CONTAINER, Cause, DataplaneMode, LookAlike, Path, Reporter, Stage

_INJECTION = "istio-injection"


def _pod_is(seen: Symptoms, *clauses: str) -> Because:
    return Because((*clauses,), (seen.workload,))


def _is_of_ambient(seen: Symptoms) -> bool:
    """Whether a ztunnel was to carry it: it should leave through a waypoint, or nothing else carries what pods send."""
    return seen.expected is Path.VIA_WAYPOINT or (seen.code == "EA306" and seen.mesh.is_only_ambient)


def _not_injected(seen: Symptoms) -> Because | None:
    pod = seen.source
    if pod is None or pod.host_network or pod.mode is not DataplaneMode.NONE or _opted_out(seen):
        return None
    if PROXY_CONTAINER in (*pod.containers, *pod.init_containers) or _is_of_ambient(seen):
        return None
    labels = seen.mesh.world.objects.namespace_labels(pod.namespace)
    asks = [f"{key}={labels[key]}" for key in (_INJECTION, REVISION) if key in labels]
    why = (
        f"its namespace has {asks[0]}: the pod is older than that, or the webhook did not see it"
        if asks
        else (f"its namespace has neither {_INJECTION} nor {REVISION}")
    )
    facts = (f"pod {pod.ref} has no container {PROXY_CONTAINER} and is not in ambient mode", why)
    objects = (seen.workload,) if asks else (f"Namespace {pod.namespace}", seen.workload)
    return Because(facts, objects, "" if asks else "metadata.labels")


def _opted_out(seen: Symptoms) -> Because | None:
    pod = seen.source
    if pod is None or pod.mode is not DataplaneMode.NONE:
        return None
    # The label overrides the annotation (istio/istio pkg/kube/inject/inject.go, injectRequired).
    for where, values in (("labels", pod.labels), ("annotations", pod.annotations)):
        if values.get(INJECT) is not None:
            if values[INJECT] != "false":
                return None
            field = f"spec.template.metadata.{where}"
            return Because((f"pod {pod.ref} has {INJECT}: false among its {where}",), (seen.workload,), field)
    return None


def _host_network(seen: Symptoms) -> Because | None:
    if seen.source is None or not seen.source.host_network:
        return None
    said = f"pod {seen.source.ref} uses the network of its node"
    return Because((said,), (seen.workload,), "spec.template.spec.hostNetwork")


def _not_enrolled(seen: Symptoms) -> Because | None:
    spots = seen.spots_of(NOT_ENROLLED)
    if _not_injected(seen) or _opted_out(seen) or _host_network(seen):
        return None
    if spots:
        return Because(tuple(each.reason for each in spots), (seen.workload,))
    pod = seen.source
    if pod is None or pod.mode is not DataplaneMode.NONE or not _is_of_ambient(seen):
        return None
    said = f"pod {pod.ref} is not in ambient mode, and a waypoint takes only what a ztunnel sends it"
    return Because((said,), (f"Namespace {pod.namespace}", seen.workload), "metadata.labels")


def _both_modes(seen: Symptoms) -> Because | None:
    pod, line = seen.source, seen.source_line
    if pod is None or pod.mode is not DataplaneMode.SIDECAR or seen.expected is not Path.VIA_WAYPOINT:
        return None
    if line is not None and line.reporter is not Reporter.SIDECAR:
        return None
    labels = seen.mesh.world.objects.namespace_labels(pod.namespace)
    asked = pod.labels.get(DATAPLANE_MODE) or labels.get(DATAPLANE_MODE)
    if asked != "ambient":
        return None
    said = f"pod {pod.ref} has a sidecar and asks for ambient mode too; sidecars do not use waypoints"
    return Because((said,), (seen.workload,), "spec.template.metadata.labels")


_INJECT_GO = "istio/istio pkg/kube/inject/inject.go"
_PROXY_EXISTS = f"there the pod has a container {PROXY_CONTAINER}"

ROWS = (
    CauseRule(
        finds=_host_network,
        cause=Cause(
            code="EC03",
            name="host-network",
            title="the pod uses its node's network",
            stage=Stage.CAPTURED,
            modes="IGA",
            looks="no line of any proxy, and `hostNetwork: true`; the pod has the address of its node",
            unlike=(
                LookAlike("EC01", "there the pod has an address of its own"),
                LookAlike("EC73", _PROXY_EXISTS),
            ),
            remedy="Drop hostNetwork, or restrict the nodes with a NetworkPolicy or EgressFirewall.",
            sources=(_INJECT_GO, "istio/istio cni/pkg/util/enablement_selector.go"),
        ),
    ),
    CauseRule(
        finds=_opted_out,
        cause=Cause(
            code="EC02",
            name="opted-out",
            title="the pod opts out of injection",
            stage=Stage.CAPTURED,
            modes="IG",
            looks='no line of any proxy, and `sidecar.istio.io/inject: "false"` in the pod template',
            unlike=(LookAlike("EC01", "there the pod says nothing about injection"), LookAlike("EC73", _PROXY_EXISTS)),
            remedy="Remove the label or annotation sidecar.istio.io/inject, and restart the workload.",
            fix="opt-in",
            search=("IST0102", "IST0103"),
            sources=(_INJECT_GO,),
        ),
    ),
    CauseRule(
        finds=_not_injected,
        cause=Cause(
            code="EC01",
            name="not-injected",
            title="the pod is not in the mesh",
            stage=Stage.CAPTURED,
            modes="IG",
            looks="no line of any proxy although the request succeeds; no `sidecar.istio.io/status` on the pod",
            unlike=(
                LookAlike("EC73", _PROXY_EXISTS),
                LookAlike("EC08", "there the pod or its namespace asks for ambient mode"),
                LookAlike("EC02", "there the pod template itself says inject: false"),
            ),
            remedy="Label the namespace for injection, and restart the workload.",
            fix="inject",
            search=("IST0102", "IST0103"),
            sources=(_INJECT_GO,),
        ),
    ),
    CauseRule(
        finds=_both_modes,
        at=(Stage.CAPTURED, Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC09",
            name="both-modes",
            title="the pod has a sidecar and asks for ambient mode",
            stage=Stage.CAPTURED,
            modes="A",
            looks="a line of the sidecar, none of a ztunnel; `istio.io/dataplane-mode: ambient` on pod or namespace",
            unlike=(
                LookAlike("EC41", "there nothing asks for ambient mode"),
                LookAlike("EC08", f"there the pod has no container {PROXY_CONTAINER}"),
            ),
            remedy="Use one mode for each pod: remove the sidecar, or the label for ambient mode.",
            fix="one-mode",
            search=("KIA1311", "KIA1314", "KIA1315", "KIA1316"),
            sources=("istio/istio cni/pkg/util/enablement_selector.go", "istio/istio#54483"),
        ),
    ),
    CauseRule(
        finds=_not_enrolled,
        cause=Cause(
            code="EC08",
            name="not-enrolled",
            title="the pod is not enrolled in ambient mode",
            stage=Stage.CAPTURED,
            modes="A",
            looks="no line of a ztunnel; `ambient.istio.io/redirection` is not `enabled`, or the node has no ztunnel",
            unlike=(
                LookAlike("EC03", "there the pod uses its node's network"),
                LookAlike("EC09", "there the sidecar has a line"),
            ),
            remedy="Label the namespace istio.io/dataplane-mode=ambient, and look at istio-cni and ztunnel there.",
            fix="enrol",
            sources=("istio/istio cni/pkg/util/podutil.go",),
        ),
    ),
)
