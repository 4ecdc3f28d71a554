"""The table of what goes around a sidecar that is there, or before it is ready.

In: `Symptoms`. Out: `Because`. Example: a pod with `excludeOutboundPorts: "443"` and no line about port 443 is EC04.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from egressaudit.causes.cause_rule import Because, CauseRule
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.modes.sidecar import EXCLUDED, INIT_CONTAINER, PROXY_USER
from egressaudit.model import PROXY_CONTAINER, Cause, DataplaneMode, LookAlike, Path, Stage


def _pod_is(seen: Symptoms, *clauses: str) -> Because:
    return Because((*clauses,), (seen.workload,))


_YOUNG = timedelta(seconds=10)
"""How long after its start a proxy may lack its configuration."""


_NOTHING = "nothing is redirected to its sidecar"
_OVER_IPV6 = "connections over IPv6"


def _excluded(seen: Symptoms) -> Because | None:
    if seen.mode is not DataplaneMode.SIDECAR:
        return None
    clauses = [each.reason for each in seen.spots_of(EXCLUDED) if not each.reason.startswith((_NOTHING, _OVER_IPV6))]
    if seen.curl is not None:
        clauses = [each for each in clauses if _is_about(each, seen.target.port)]
    return Because(tuple(clauses), (seen.workload,), "spec.template.metadata.annotations") if clauses else None


_PORTS = re.compile(r"connections to port ([0-9, ]+) go around")


def _is_about(clause: str, port: int) -> bool:
    """Whether a clause about what goes around a sidecar may be about this port."""
    ports = _PORTS.match(clause)
    return ports is None or str(port) in ports[1].split(", ")


def _nothing_redirected(seen: Symptoms) -> Because | None:
    clauses = [each.reason for each in seen.spots_of(EXCLUDED) if each.reason.startswith(_NOTHING)]
    return Because(tuple(clauses), (seen.workload,), "spec.template.metadata.annotations") if clauses else None


def _as_proxy(seen: Symptoms) -> Because | None:
    clauses = [each.reason for each in seen.spots_of(PROXY_USER) if _names(each.reason, seen.container)]
    return Because(tuple(clauses), (seen.workload,), "spec.template.spec.containers") if clauses else None


def _names(reason: str, container: str) -> bool:
    """Whether a clause `what a, b sends goes ...` names a container; any clause will do where none is known."""
    return not container or container in reason.removeprefix("what ").partition(" send")[0].split(", ")


def _before_proxy(seen: Symptoms) -> Because | None:
    clauses = [each.reason for each in seen.spots_of(INIT_CONTAINER) if _names_init(each.reason, seen)]
    return Because(tuple(clauses), (seen.workload,)) if clauses else None


def _names_init(reason: str, seen: Symptoms) -> bool:
    return seen.code == "EA306" or _names(reason.replace("init containers ", ""), seen.container or "-")


def _too_young(seen: Symptoms) -> Because | None:
    pod, line = seen.source, seen.source_line
    if pod is None or line is None or pod.mode is not DataplaneMode.SIDECAR or seen.faults or seen.proxy_line:
        return None
    if not seen.entries or seen.expected not in (Path.VIA_GATEWAY, Path.DIRECT):
        return None
    began, started = line.get("start_time"), pod.run(PROXY_CONTAINER).started
    if not isinstance(began, datetime) or started is None or not timedelta(0) <= began - started <= _YOUNG:
        return None
    seconds = (began - started).total_seconds()
    said = f"the flow began {seconds:.0f} s after the proxy of pod {pod.ref}, and the configuration has no fault"
    return _pod_is(seen, said)


def _ipv6_twin(seen: Symptoms) -> Because | None:
    clauses = [each.reason for each in seen.spots_of(EXCLUDED) if each.reason.startswith(_OVER_IPV6)]
    over = seen.curl is None or (seen.curl.remote_address or "").startswith("[")
    return _pod_is(seen, *clauses) if clauses and over else None


_IPTABLES = "istio/istio tools/istio-iptables/pkg/capture/run.go"

ROWS = (
    CauseRule(
        finds=_nothing_redirected,
        cause=Cause(
            code="EC05",
            name="nothing-redirected",
            title="nothing is redirected to the pod's sidecar",
            stage=Stage.CAPTURED,
            modes="IG",
            looks="the pod has a sidecar without any line about what it sends; interceptionMode NONE, or DISABLE_ENVOY",
            unlike=(
                LookAlike("EC04", "there other ports of the same pod have lines"),
                LookAlike("EC73", "there the configuration keeps the lines out of the log"),
            ),
            remedy="Set sidecar.istio.io/interceptionMode to REDIRECT or TPROXY, and restart the workload.",
            fix="interception",
            sources=(_IPTABLES, "istio/istio cni/pkg/plugin/plugin.go"),
        ),
    ),
    CauseRule(
        finds=_ipv6_twin,
        cause=Cause(
            code="EC12",
            name="ipv6-twin",
            title="IPv6 goes around the sidecar",
            stage=Stage.CAPTURED,
            modes="IG",
            looks="lines for IPv4 alone; the pod has both families, and ISTIO_DUAL_STACK is off",
            unlike=(LookAlike("EC04", "there a port or a range is excluded, whatever the family"),),
            remedy="Enable dual stack in istiod and the proxies, or give the pod one family.",
            sources=("istio/istio tools/istio-iptables/pkg/capture/run.go getLocalIP",),
        ),
    ),
    CauseRule(
        finds=_excluded,
        cause=Cause(
            code="EC04",
            name="excluded",
            title="the port or range is excluded from capture",
            stage=Stage.CAPTURED,
            modes="IG",
            looks="no line for this port or address, and lines for others of the same pod; "
            "`traffic.sidecar.istio.io/exclude...` or `include...`",
            unlike=(
                LookAlike("EC73", "there no port of the pod has lines"),
                LookAlike("EC05", "there nothing of the pod is redirected"),
            ),
            remedy="Take it out of the pod's traffic.sidecar.istio.io annotations, or of the mesh's settings.",
            fix="include",
            sources=(_IPTABLES, "istio/istio#11130"),
        ),
    ),
    CauseRule(
        finds=_as_proxy,
        cause=Cause(
            code="EC06",
            name="runs-as-proxy",
            title="the container runs as the proxy's user",
            stage=Stage.CAPTURED,
            modes="IG",
            looks="no line for what this container sends, and lines for other containers of the pod; runAsUser 1337",
            unlike=(LookAlike("EC04", "there the annotations exclude a port or a range"),),
            remedy="Run the container as another user and group than the proxy.",
            search=("IST0144",),
            sources=(_IPTABLES,),
        ),
    ),
    CauseRule(
        finds=_before_proxy,
        cause=Cause(
            code="EC07",
            name="before-proxy",
            title="an init container sends before the proxy runs",
            stage=Stage.CAPTURED,
            modes="IG",
            looks="no line, and only in the first seconds of a pod: its init containers run before its sidecar",
            unlike=(LookAlike("EC11", "there the proxy runs and has lines"),),
            remedy="Use native sidecars (ENABLE_NATIVE_SIDECARS), which start before the init containers.",
            sources=("istio/istio pilot/pkg/features/pilot.go EnableNativeSidecars",),
        ),
    ),
    CauseRule(
        finds=_too_young,
        at=(Stage.KNOWN, Stage.STEERED, Stage.DELIVERED),
        cause=Cause(
            code="EC11",
            name="proxy-too-young",
            title="the proxy had no configuration yet",
            stage=Stage.CAPTURED,
            modes="IG",
            looks="UH, NR or passthrough within seconds of the pod's start, and the right way later",
            unlike=(LookAlike("EC89", "there the proxy has run for longer than some seconds"),),
            remedy="Set holdApplicationUntilProxyStarts, or use native sidecars.",
            search=("holdApplicationUntilProxyStarts",),
            sources=("istio/istio pkg/kube/inject/webhook.go",),
        ),
    ),
)
