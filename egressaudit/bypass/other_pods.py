"""The table of attempts from pods of our own that are changed so that the mesh may not capture them.

The injector takes every one of these annotations (istio/istio pkg/kube/inject/validate.go): an empty list of ranges
redirects nothing, and `0.0.0.0/0,::/0` excludes everything.

In: a `PodChange`, e.g. the label `sidecar.istio.io/inject: "false"`. Out: the ordinary request from such a pod.
"""

from __future__ import annotations

from egressaudit.bypass.attempt import (
    BOTH,
    ONLY_AMBIENT,
    ONLY_SIDECAR,
    PORT,
    Asking,
    Attempt,
    PodChange,
    PositiveControl,
    Scene,
)
from egressaudit.mesh.marks import DATAPLANE_MODE, INJECT, INTERCEPTION_MODE, SIDECAR_TRAFFIC

PROXY_USER = 1337
"""The user whose connections a sidecar's iptables leave alone (istio/istio tools/istio-iptables/pkg/capture/run.go).

On OpenShift the proxy has another one, of the namespace's range.
"""


def _ordinary(scene: Scene) -> Asking:
    return Asking(scene.target)


_REFUSED = "Admission that refuses the pod, or a network policy that denies its egress"
_REMOVED = "Admission that refuses the pod or removes the annotation, or a network policy that denies its egress"

OTHER_PODS = (
    Attempt(
        code="EB21",
        name="inject-false",
        title='a pod with the label sidecar.istio.io/inject: "false"',
        tries="The ordinary request from a pod that asks for no sidecar.",
        closed_by=f"{_REFUSED}.",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=ONLY_SIDECAR,
        pod=PodChange(labels={INJECT: "false"}),
    ),
    Attempt(
        code="EB22",
        name="exclude-ranges",
        title="a pod that excludes all addresses from its sidecar",
        tries="The ordinary request from a pod whose annotation excludeOutboundIPRanges covers every address.",
        closed_by=f"{_REMOVED}.",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=ONLY_SIDECAR,
        pod=PodChange(annotations={f"{SIDECAR_TRAFFIC}excludeOutboundIPRanges": "0.0.0.0/0,::/0"}),
    ),
    Attempt(
        code="EB23",
        name="exclude-ports",
        title="a pod that excludes the port from its sidecar",
        tries="The ordinary request from a pod whose annotation excludeOutboundPorts lists the port.",
        closed_by=f"{_REMOVED}.",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=ONLY_SIDECAR,
        pod=PodChange(annotations={f"{SIDECAR_TRAFFIC}excludeOutboundPorts": PORT}),
    ),
    Attempt(
        code="EB24",
        name="include-nothing",
        title="a pod that redirects no address to its sidecar",
        tries="The ordinary request from a pod whose annotation includeOutboundIPRanges is empty.",
        closed_by=f"{_REMOVED}.",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=ONLY_SIDECAR,
        pod=PodChange(annotations={f"{SIDECAR_TRAFFIC}includeOutboundIPRanges": ""}),
    ),
    Attempt(
        code="EB25",
        name="interception-none",
        title="a pod whose sidecar intercepts nothing",
        tries=f"The ordinary request from a pod with the annotation {INTERCEPTION_MODE}: NONE.",
        closed_by=f"{_REMOVED}.",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=ONLY_SIDECAR,
        pod=PodChange(annotations={INTERCEPTION_MODE: "NONE"}),
    ),
    Attempt(
        code="EB26",
        name="ambient-opt-out",
        title="a pod that opts out of ambient mode",
        tries=f"The ordinary request from a pod with the label {DATAPLANE_MODE}: none.",
        closed_by=f"{_REFUSED}.",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=ONLY_AMBIENT,
        pod=PodChange(labels={DATAPLANE_MODE: "none"}),
    ),
    Attempt(
        code="EB31",
        name="uid-1337",
        title="a container that runs as the proxy's user",
        tries=f"The ordinary request from a container with runAsUser {PROXY_USER}: its connections bypass the sidecar.",
        closed_by=f"{_REFUSED}.",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=ONLY_SIDECAR,
        pod=PodChange(user=PROXY_USER),
        only_named=True,
    ),
    Attempt(
        code="EB32",
        name="host-network",
        title="a pod on the host's network",
        tries="The ordinary request from a pod with hostNetwork, which no mode captures.",
        closed_by=f"{_REFUSED} (hostNetwork breaks the baseline profile of Pod Security Admission).",
        control=PositiveControl.SAME_POD,
        request=_ordinary,
        modes=BOTH,
        pod=PodChange(host_network=True),
        only_named=True,
    ),
)
"""The rows, in the order of reports."""
