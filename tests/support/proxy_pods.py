"""Pods with and without proxies, in a line or two of YAML, and what a snapshot of them says."""

from __future__ import annotations

from egressaudit.mesh import Mesh
from support.scenarios import parse

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "accessLogFile: /dev/stdout"}
---
apiVersion: v1
kind: Namespace
metadata: {name: ambient, labels: {istio.io/dataplane-mode: ambient}}
---
"""


SIDECAR = "containers: [{name: app}, {name: istio-proxy}]"


INJECTED = 'annotations: {sidecar.istio.io/status: "{}"}'


ALONE = "containers: [{name: istio-proxy}]"


APP = "containers: [{name: app}]"


def pod(metadata: str, spec: str, namespace: str = "shop", status: str = "{}") -> str:
    about = f"{{name: p, namespace: {namespace}, {metadata}}}"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {about}\nspec: {{{spec}}}\nstatus: {status}\n---\n"


def owned(workload: str, metadata: str, spec: str, namespace: str = "shop", above: str = "") -> str:
    """A pod of a Deployment or DaemonSet (`Kind/name`): what proves that it is the proxy that its marks say."""
    kind, _, name = workload.partition("/")
    owner = f"{{kind: {kind}, name: {name}, controller: true}}"
    near = owner if kind == "DaemonSet" else f"{{kind: ReplicaSet, name: {name}-5d8f, controller: true}}"
    made = pod(f"{metadata}, ownerReferences: [{near}]", spec, namespace)
    template = f"{{template: {{metadata: {{{metadata}}}, spec: {{{spec}}}}}}}"
    made += (
        f"apiVersion: apps/v1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: {namespace}, ownerReferences: [{above}]}}\nspec: {template}\n---\n"
    )
    if kind == "Deployment":
        about = f"{{name: {name}-5d8f, namespace: {namespace}, ownerReferences: [{owner}]}}"
        made += f"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {about}\n---\n"
    return made


ASKS = "annotations: {inject.istio.io/templates: gateway}"


def of_gateway(gateway_class: str, namespace: str = "shop") -> str:
    """A Gateway `edge`, and the Deployment and pod that istiod makes for it."""
    api = "gateway.networking.k8s.io"
    about = f"{{name: edge, namespace: {namespace}}}"
    asked = (
        f"apiVersion: {api}/v1\nkind: Gateway\nmetadata: {about}\nspec: {{gatewayClassName: {gateway_class}}}\n---\n"
    )
    labels = f"{api}/gateway-name: edge, {api}/gateway-class-name: {gateway_class}, app: edge"
    name = "edge" if gateway_class == "istio-waypoint" else f"edge-{gateway_class}"
    above = f"{{apiVersion: {api}/v1, kind: Gateway, name: edge}}"
    return asked + owned(f"Deployment/{name}", f"labels: {{{labels}}}", ALONE, namespace, above)


def snapshot(*documents: str) -> Mesh:
    return Mesh.of(parse(CONFIG + "\n---\n".join(documents)))


def spots(*documents: str) -> list[tuple[str, str]]:
    return [(each.kind, each.reason) for each in snapshot(*documents).blind_spots()]
