"""Pods: how the mesh captures them, which log they write, whether their traffic provably escapes."""

from __future__ import annotations

import pytest
from support.scenarios import mesh, parse, scenario

from egressaudit.mesh import Mesh
from egressaudit.model import DataplaneMode, LogSource, ObjectRef, Pod, Reporter
from egressaudit.selectors import Selector

SIDECAR, AMBIENT, NONE = DataplaneMode.SIDECAR, DataplaneMode.AMBIENT, DataplaneMode.NONE

NAMESPACES = """
apiVersion: v1
kind: Namespace
metadata: {name: plain}
---
apiVersion: v1
kind: Namespace
metadata: {name: ambient, labels: {istio.io/dataplane-mode: ambient}}
---
apiVersion: v1
kind: Pod
"""
STATUS = 'annotations: {sidecar.istio.io/status: "{}"}'
APP = "containers: [{name: app}]"
WITH_PROXY = "containers: [{name: app}, {name: istio-proxy}]"
PROXY_ALONE = "containers: [{name: istio-proxy}]"


def pod(metadata: str, spec: str, namespace: str = "plain") -> Pod:
    """The pod `p` of that metadata and spec, as the snapshot has it."""
    made = f"metadata: {{name: p, namespace: {namespace}, {metadata}}}\nspec: {{{spec}}}\n"
    found = Mesh.of(parse(NAMESPACES + made)).pod(ObjectRef(namespace, "p"))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("metadata", "spec", "namespace", "mode", "escapes"),
    [
        ("", APP, "plain", NONE, "the pod has no sidecar and is not in ambient mode"),
        (STATUS, WITH_PROXY, "plain", SIDECAR, ""),
        (STATUS, f"{APP}, initContainers: [{{name: istio-proxy}}]", "plain", SIDECAR, ""),
        ("", WITH_PROXY, "plain", NONE, ""),
        (STATUS, APP, "plain", NONE, "the pod has no sidecar and is not in ambient mode"),
        ("", APP, "ambient", AMBIENT, ""),
        ("labels: {istio.io/dataplane-mode: ambient}", APP, "plain", AMBIENT, ""),
        (
            "labels: {istio.io/dataplane-mode: none}",
            APP,
            "ambient",
            NONE,
            "the pod has no sidecar and is not in ambient mode",
        ),
        ("annotations: {ambient.istio.io/redirection: enabled}", APP, "plain", AMBIENT, ""),
        ("annotations: {ambient.istio.io/redirection: pending}", APP, "plain", NONE, ""),
        (STATUS, WITH_PROXY, "ambient", SIDECAR, ""),
        (
            "",
            f"{APP}, hostNetwork: true",
            "ambient",
            NONE,
            "the pod uses the host's network, which the mesh never captures",
        ),
        (
            'labels: {sidecar.istio.io/inject: "false"}, annotations: {sidecar.istio.io/inject: "true"}',
            APP,
            "plain",
            NONE,
            "the pod has no sidecar (sidecar.istio.io/inject is 'false') and is not in ambient mode",
        ),
        ("annotations: {inject.istio.io/templates: gateway}", WITH_PROXY, "plain", NONE, ""),
        # Labels alone take no pod out of ambient mode: below is what does.
        ("labels: {gateway.networking.k8s.io/gateway-class-name: istio-waypoint}", PROXY_ALONE, "ambient", AMBIENT, ""),
        ("labels: {app: ztunnel}", PROXY_ALONE, "ambient", AMBIENT, ""),
    ],
)
def test_how_the_mesh_captures_a_pod(metadata, spec, namespace, mode, escapes):
    found = pod(metadata, spec, namespace)
    assert found.mode is mode
    assert Mesh.of([]).uncaptured(found, 80) == escapes


OUT = "traffic.sidecar.istio.io/"


@pytest.mark.parametrize(
    ("annotations", "address", "escapes"),
    [
        ({f"{OUT}excludeOutboundPorts": "22, 80"}, None, "excludes port 80 from its sidecar"),
        ({f"{OUT}excludeOutboundPorts": "8080,443"}, None, ""),
        ({f"{OUT}excludeOutboundPorts": "80", f"{OUT}includeOutboundPorts": "80"}, None, "excludes port 80"),
        ({f"{OUT}excludeOutboundIPRanges": "192.0.2.0/24"}, "192.0.2.7:80", "excludes 192.0.2.0/24 from its sidecar"),
        ({f"{OUT}excludeOutboundIPRanges": "192.0.2.0/24"}, "192.0.2.7", "excludes 192.0.2.0/24 from its sidecar"),
        ({f"{OUT}excludeOutboundIPRanges": "192.0.2.0/24"}, "198.51.100.1:80", ""),
        ({f"{OUT}excludeOutboundIPRanges": "192.0.2.0/24"}, None, ""),
        ({f"{OUT}excludeOutboundIPRanges": "junk,2001:db8::/32"}, "[2001:db8::7]:80", "excludes 2001:db8::/32"),
        ({f"{OUT}includeOutboundIPRanges": "*"}, "192.0.2.7:80", ""),
        ({f"{OUT}includeOutboundIPRanges": ""}, None, "redirects no addresses to its sidecar"),
        ({f"{OUT}includeOutboundIPRanges": "", f"{OUT}includeOutboundPorts": "80"}, None, ""),
        ({f"{OUT}includeOutboundIPRanges": "10.0.0.0/8"}, "192.0.2.7:80", "redirects only 10.0.0.0/8 to its sidecar"),
        ({f"{OUT}includeOutboundIPRanges": "10.0.0.0/8"}, "10.1.2.3:80", ""),
        ({f"{OUT}includeOutboundIPRanges": "10.0.0.0/8"}, None, ""),
        ({f"{OUT}includeOutboundIPRanges": "10.0.0.0/8,junk"}, "192.0.2.7:80", ""),
        ({"sidecar.istio.io/interceptionMode": "NONE"}, None, "interceptionMode is NONE"),
        ({"sidecar.istio.io/interceptionMode": "TPROXY"}, None, ""),
    ],
)
def test_annotations_that_lead_around_the_sidecar(annotations, address, escapes):
    source = Pod("curl", "p", (), SIDECAR, annotations=annotations, containers=("app", "istio-proxy"))
    reason = Mesh.of([]).uncaptured(source, 80, address)
    assert escapes in reason
    assert bool(reason) == bool(escapes)


@pytest.mark.parametrize(
    ("metadata", "spec", "claimed"),
    [
        (STATUS, WITH_PROXY, Reporter.SIDECAR),
        ("annotations: {inject.istio.io/templates: 'gateway,custom'}", WITH_PROXY, Reporter.EGRESS_GATEWAY),
        ("labels: {istio: egressgateway}", PROXY_ALONE, Reporter.EGRESS_GATEWAY),
        (
            "labels: {gateway.networking.k8s.io/gateway-name: g, gateway.networking.k8s.io/gateway-class-name: istio}",
            PROXY_ALONE,
            Reporter.EGRESS_GATEWAY,
        ),
        ("labels: {gateway.istio.io/managed: istio.io-mesh-controller}", PROXY_ALONE, Reporter.WAYPOINT),
        ("labels: {app: ztunnel}", PROXY_ALONE, Reporter.ZTUNNEL),
        ("labels: {gateway.networking.k8s.io/gateway-class-name: istio-east-west}", PROXY_ALONE, None),
        # Gateways of other projects bear the same Gateway API labels.
        ("labels: {gateway.networking.k8s.io/gateway-name: g}", "containers: [{name: nginx}]", None),
    ],
)
def test_marks_claim_a_kind_of_proxy_and_prove_none_but_a_sidecar(metadata, spec, claimed):
    made = f"metadata: {{name: p, namespace: plain, {metadata}}}\nspec: {{{spec}}}\n"
    snapshot = Mesh.of(parse(NAMESPACES + made))
    assert snapshot.role(ObjectRef("plain", "p")).claimed is claimed
    proven = claimed if claimed is Reporter.SIDECAR else None
    assert snapshot.reporter(LogSource("plain", "p", "istio-proxy")) is proven
    assert snapshot.reporter(LogSource("plain", "p", "app")) is None
    assert snapshot.reporter(LogSource("plain", "gone", "istio-proxy")) is None


GATEWAY = "gateway.networking.k8s.io"
WORKLOAD = """
---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: w, namespace: ambient, {metadata}}}
spec: {{template: {{metadata: {{{template}}}, spec: {{{containers}}}}}}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: w-5d8f, namespace: ambient, ownerReferences: [{{kind: Deployment, name: w}}]}}
---
apiVersion: {gateway}/v1
kind: Gateway
metadata: {{name: w, namespace: ambient}}
spec: {{gatewayClassName: {of_class}}}
"""


@pytest.mark.parametrize(
    ("kind", "of_class", "metadata", "template", "reporter"),
    [
        ("Deployment", "istio-waypoint", True, f"labels: {{{GATEWAY}/gateway-class-name: istio-waypoint}}", "waypoint"),
        ("Deployment", "istio", True, f"labels: {{{GATEWAY}/gateway-class-name: istio}}", "egress-gateway"),
        ("Deployment", "istio", False, "annotations: {inject.istio.io/templates: gateway}", "egress-gateway"),
        ("DaemonSet", "istio", False, "annotations: {inject.istio.io/templates: gateway}", "egress-gateway"),
        # ztunnel is where the control plane is, and nowhere else.
        ("DaemonSet", "istio", False, "labels: {app: ztunnel}", None),
        ("Deployment", "istio", False, f"labels: {{{GATEWAY}/gateway-class-name: istio-waypoint}}", None),
        # A proxy alone in a pod, which nobody asked to be a gateway.
        ("Deployment", "istio", False, "labels: {app: proxy}", None),
    ],
)
def test_a_workload_proves_the_kind_of_proxy_and_takes_its_pod_out_of_ambient_mode(
    kind, of_class, metadata, template, reporter
):
    owned = f"ownerReferences: [{{apiVersion: {GATEWAY}/v1, kind: Gateway, name: w}}]" if metadata else ""
    owner = "{kind: ReplicaSet, name: w-5d8f}" if kind == "Deployment" else "{kind: DaemonSet, name: w}"
    made = (
        f"metadata: {{name: p, namespace: ambient, ownerReferences: [{owner}], {template}}}\nspec: {{{PROXY_ALONE}}}\n"
    )
    more = WORKLOAD.format(
        kind=kind, metadata=owned, template=template, containers=PROXY_ALONE, gateway=GATEWAY, of_class=of_class
    )
    snapshot = Mesh.of(parse(NAMESPACES + made + more))
    assert snapshot.reporter(LogSource("ambient", "p", "istio-proxy")) == reporter
    found = snapshot.pod(ObjectRef("ambient", "p"))
    assert found is not None
    assert found.mode is (NONE if reporter else AMBIENT)


@pytest.mark.parametrize(
    ("owner", "reporter"),
    [
        # Where the control plane is, a proxy alone is a gateway if its owners are there.
        ("{kind: ReplicaSet, name: w-5d8f}", "egress-gateway"),
        ("{kind: ReplicaSet, name: gone-5d8f}", None),
        ("{kind: StatefulSet, name: gone}", None),
    ],
)
def test_a_chain_of_owners_that_is_broken_proves_no_role(owner, reporter):
    made = (
        f"metadata: {{name: w-5d8f-0, namespace: istio-system, ownerReferences: [{owner}]}}\nspec: {{{PROXY_ALONE}}}\n"
    )
    more = WORKLOAD.format(
        kind="Deployment", metadata="", template="", containers=PROXY_ALONE, gateway=GATEWAY, of_class="istio"
    ).replace("namespace: ambient", "namespace: istio-system")
    snapshot = Mesh.of(parse(NAMESPACES + made + more))
    assert snapshot.reporter(LogSource("istio-system", "w-5d8f-0", "istio-proxy")) == reporter


def test_a_deployments_pods_are_found_through_their_replica_set():
    found = mesh("istio-apis").workload("Deployment", "curl", "curl")
    assert [(each.name, each.owner, each.mode, each.ready) for each in found] == [
        ("curl-5d8f-0", "Deployment/curl", SIDECAR, True)
    ]


def test_a_deployment_is_known_by_the_template_hash_where_replica_sets_may_not_be_read():
    objects = [each for each in scenario("istio-apis") if each["kind"] != "ReplicaSet"]
    for each in objects:
        if each["kind"] == "Pod":
            each["metadata"].setdefault("labels", {})["pod-template-hash"] = "5d8f"
    assert [each.name for each in Mesh.of(objects).workload("Deployment", "curl", "curl")] == ["curl-5d8f-0"]


def test_pods_are_selected_by_label_in_their_namespace():
    snapshot = mesh("istio-apis")
    assert [each.name for each in snapshot.select("curl", Selector.parse("app=curl"))] == ["curl-5d8f-0"]
    assert snapshot.select("other", Selector.parse("app=curl")) == ()


def test_an_ambient_pod_is_carried_by_the_ztunnel_of_its_own_node():
    objects = scenario("ambient")
    source = next(each for each in objects if each["metadata"]["name"] == "test-pod")
    source["spec"]["nodeName"] = "node-2"
    snapshot = Mesh.of(objects)
    found = snapshot.pod(ObjectRef("egress-gateway", "test-pod"))
    assert found is not None
    assert snapshot.source_log(found) == LogSource("ztunnel", "ztunnel-node-2", "istio-proxy")
    assert snapshot.proxy_log(found) is None


def test_during_a_restart_the_ready_ztunnel_of_a_node_counts():
    objects = scenario("ambient")
    old = next(each for each in objects if each["metadata"]["name"] == "ztunnel-node-1")
    new = {**old, "metadata": {**old["metadata"], "name": "ztunnel-new"}}
    old = {**old, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    snapshot = Mesh.of([*(each for each in objects if each["metadata"]["name"] != "ztunnel-node-1"), old, new])
    found = snapshot.pod(ObjectRef("egress-gateway", "test-pod"))
    assert found is not None
    assert str(snapshot.source_log(found)) == "ztunnel/ztunnel-new/istio-proxy"


def test_no_ztunnel_is_named_for_pods_outside_ambient_mode():
    snapshot = mesh("ambient")
    waypoint = snapshot.select("egress-gateway", Selector.parse("gateway.networking.k8s.io/gateway-name=waypoint"))[0]
    assert str(snapshot.source_log(waypoint)) == "egress-gateway/waypoint-5d8f-0/istio-proxy"


def test_a_native_sidecar_logs_in_the_same_container():
    snapshot = Mesh.of(scenario("istio-apis", native=True))
    source = snapshot.select("curl", Selector.parse("app=curl"))[0]
    assert (source.containers, source.init_containers, source.mode) == (("curl",), ("istio-proxy",), SIDECAR)
    assert str(snapshot.proxy_log(source)) == "curl/curl-5d8f-0/istio-proxy"


def test_a_pod_being_deleted_is_not_ready():
    ready = "status: {conditions: [{type: Ready, status: 'True'}], podIPs: [{ip: 10.0.0.1}, {ip: 'fd01:0::B0'}]}\n"
    made = "metadata: {name: p, namespace: plain%s}\n" + ready
    live = Mesh.of(parse(NAMESPACES + made % "")).pods[0]
    going = Mesh.of(parse(NAMESPACES + made % ", deletionTimestamp: 'now'")).pods[0]
    assert (live.ready, live.addresses) == (True, ("10.0.0.1", "fd01::b0"))
    assert going.ready is False


def test_the_addresses_are_those_of_pods_and_of_services_without_what_a_tenant_writes_into_them():
    service = """
apiVersion: v1
kind: Service
metadata: {name: s, namespace: curl}
spec: {clusterIP: 172.30.0.1, clusterIPs: [172.30.0.1, "fd02::1"], externalIPs: [192.0.2.9]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.10}]}}
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: curl}
spec: {clusterIP: None}
"""
    assert mesh("istio-apis", service).addresses == {
        "10.0.0.1",
        "10.0.0.2",
        "172.30.0.1",
        "fd02::1",
        "192.0.2.10",
    }
