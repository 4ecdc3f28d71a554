"""What the image of a proxy says of CVE-2024-45808, and what a snapshot says of the logs' encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenarios import parse as manifests

from egressaudit.mesh import Mesh, Standing, trim
from egressaudit.mesh.logging.versions import version_of

OLD, NEW, DIGEST = "istio/proxyv2:1.22.3", "istio/proxyv2:1.27.1", f"istio/proxyv2@sha256:{64 * 'a'}"
FIXED, VULNERABLE, UNKNOWN = Standing.FIXED, Standing.VULNERABLE, Standing.UNKNOWN

IMAGES = [
    ("docker.io/istio/proxyv2:1.27.1", FIXED),
    ("istio/proxyv2:1.24.0", FIXED),
    ("istio/proxyv2:1.24", FIXED),
    ("istio/proxyv2:1.23.2", FIXED),
    ("istio/proxyv2:1.23.2-distroless", FIXED),
    ("istio/proxyv2:1.22.5-debug", FIXED),
    ("istio/proxyv2:1.21.6", FIXED),
    ("istio/proxyv2:1.30-alpha.0f3c0d1", FIXED),
    ("istio/proxyv2:v1.26.0-rc.1", FIXED),
    (f"registry.example.com:5000/istio/proxyv2:1.27.1@sha256:{64 * 'a'}", FIXED),
    ("cgr.dev/chainguard/istio-proxy:1.25.1", FIXED),
    ("gcr.io/istio-release/proxyv2:1.22.10", FIXED),
    ("istio/proxyv2:1.23.1", VULNERABLE),
    ("istio/proxyv2:1.23-alpha.0f3c0d1", VULNERABLE),
    ("istio/proxyv2:1.23.0-rc.1", VULNERABLE),
    ("istio/proxyv2:1.22.3", VULNERABLE),
    ("istio/proxyv2:1.22.4-distroless", VULNERABLE),
    ("istio/proxyv2:1.21.5", VULNERABLE),
    ("istio/proxyv2:1.20.8", VULNERABLE),
    ("istio/proxyv2:1.9", VULNERABLE),
    (f"registry.example.com:5000/istio/proxyv2:1.22.3@sha256:{64 * 'a'}", VULNERABLE),
    ("gcr.io/gke-release/asm/proxyv2:1.20.8-asm.33", VULNERABLE),
    ("istio/proxyv2:1.24-alpha.0f3c0d1", UNKNOWN),
    ("istio/proxyv2:1.24.0-alpha.0", UNKNOWN),
    ("istio/proxyv2:1.24-4f2c1ab", UNKNOWN),
    ("istio/proxyv2:1.22", UNKNOWN),
    ("istio/proxyv2:1.22-4f2c1ab", UNKNOWN),
    ("istio/proxyv2:1.22.5-rc.0", UNKNOWN),
    ("istio/proxyv2:latest", UNKNOWN),
    ("istio/proxyv2", UNKNOWN),
    (DIGEST, UNKNOWN),
    ("registry.example.com:5000/istio/proxyv2", UNKNOWN),
    ("registry.example.com/proxyv2:1.22.3/other", UNKNOWN),
    ("sha256:0f3c", UNKNOWN),
    ("auto", UNKNOWN),
    ("", UNKNOWN),
    ("example.com/team/sidecar:1.0.4", UNKNOWN),
    ("example.com/team/sidecar:1.30.0", UNKNOWN),
    # OpenShift Service Mesh, and maistra's images of it, are tagged by the product's version.
    ("quay.io/maistra/proxyv2-ubi8:2.6.2", FIXED),
    ("registry.redhat.io/openshift-service-mesh/istio-proxyv2-rhel9:3.0.0", FIXED),
    ("registry.redhat.io/openshift-service-mesh/istio-proxyv2-rhel9:1.24.3", FIXED),
    ("quay.io/maistra/proxyv2-ubi8:2.6.1", VULNERABLE),
    ("quay.io/maistra/proxyv2-ubi8:2.5.4", VULNERABLE),
    ("quay.io/maistra/proxyv2-ubi8:2.3.9", VULNERABLE),
    ("quay.io/maistra/proxyv2-ubi8:2.5.5", UNKNOWN),
    ("quay.io/maistra/proxyv2-ubi8:2.4.11", UNKNOWN),
    ("registry.redhat.io/openshift-service-mesh/istio-proxyv2-rhel9:3.0.0-tp1", UNKNOWN),
    (f"registry.redhat.io/openshift-service-mesh/proxyv2-rhel8@sha256:{64 * 'b'}", UNKNOWN),
]


@pytest.mark.parametrize(("image", "standing"), IMAGES, ids=[row[0] or "none" for row in IMAGES])
def test_the_tag_of_an_image_says_whether_the_proxy_has_the_fix(image: str, standing: Standing) -> None:
    assert version_of([image]).standing is standing


def test_of_names_that_differ_the_worst_counts_and_a_tag_beats_none() -> None:
    assert version_of([NEW, OLD]).standing is VULNERABLE
    assert version_of([DIGEST, NEW]).standing is FIXED
    assert version_of(["istio/proxyv2:1.22", NEW]).standing is FIXED
    assert version_of([]).standing is UNKNOWN


@given(st.text(max_size=40) | st.from_regex(r"[a-z/]{0,9}proxyv2:[0-9]{0,5}\.[0-9]{0,5}(\.[0-9]{0,5})?[-.a-z0-9]{0,9}"))
def test_any_name_has_some_standing_and_what_a_report_shows_of_it_is_harmless(image: str) -> None:
    found = version_of([image])
    assert found.image.isascii()
    assert found.image.isprintable()


@pytest.mark.parametrize("image", [OLD, NEW])
def test_a_snapshot_keeps_the_image_of_the_proxy_and_of_no_other_container(image: str) -> None:
    said = [{"name": "app", "image": "secret.example.com/app:7"}, {"name": "istio-proxy", "image": image}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "shop", "name": "cart-1"},
        "spec": {"containers": said, "initContainers": said},
        "status": {"containerStatuses": said, "initContainerStatuses": said},
    }
    kept = trim(pod)
    assert trim(kept) == kept
    assert str(kept).count(image) == 4
    assert "secret" not in str(kept)


def test_a_sidecar_and_a_waypoint_have_a_version_and_a_ztunnel_has_none() -> None:
    pods = """
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: cart-1, annotations: {sidecar.istio.io/status: "{}"}}
spec: {containers: [{name: app}], initContainers: [{name: istio-proxy, image: "istio/proxyv2@sha256:0f"}]}
status: {phase: Running, initContainerStatuses: [{name: istio-proxy, image: "docker.io/istio/proxyv2:1.22.3"}]}
---
apiVersion: v1
kind: Pod
metadata:
  namespace: egress
  name: wp-1
  labels: {gateway.networking.k8s.io/gateway-class-name: istio-waypoint}
  ownerReferences: [{kind: ReplicaSet, name: wp-5d8f}]
spec: {containers: [{name: istio-proxy, image: "istio/proxyv2:1.23.2"}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {namespace: egress, name: wp-5d8f, ownerReferences: [{kind: Deployment, name: wp}]}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  namespace: egress
  name: wp
  ownerReferences: [{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, name: wp}]
spec: {template: {spec: {containers: [{name: istio-proxy}]}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {namespace: egress, name: wp}
spec: {gatewayClassName: istio-waypoint}
---
apiVersion: v1
kind: Pod
metadata:
  namespace: istio-system
  name: ztunnel-1
  labels: {app: ztunnel}
  ownerReferences: [{kind: DaemonSet, name: ztunnel}]
spec: {nodeName: n1, containers: [{name: istio-proxy, image: "istio/ztunnel:1.22.3"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {namespace: istio-system, name: ztunnel}
spec: {template: {metadata: {labels: {app: ztunnel}}, spec: {containers: [{name: istio-proxy}]}}}
"""
    found = Mesh.of(manifests(pods)).proxy_versions()
    assert {log.pod: each.standing for log, each in found.items()} == {"cart-1": VULNERABLE, "wp-1": FIXED}


CONFIGS = [
    ("accessLogFile: /dev/stdout", True),
    ("{accessLogFile: /dev/stdout, accessLogEncoding: TEXT}", True),
    ("{accessLogFile: /dev/stdout, accessLogEncoding: JSON}", False),
    # Text that looks like JSON is not escaped.
    ('{accessLogFile: /dev/stdout, accessLogFormat: \'{"sni": "%REQUESTED_SERVER_NAME%"}\'}', True),
    ("outboundTrafficPolicy: {mode: ALLOW_ANY}", True),
]


@pytest.mark.parametrize(("config", "may_be_text"), CONFIGS)
def test_a_log_may_be_text_unless_all_that_is_configured_is_json(config: str, *, may_be_text: bool) -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "istio-system", "name": "istio"}}
    assert Mesh.of([config_map | {"data": {"mesh": config}}]).may_log_text is may_be_text
    assert Mesh.of([]).may_log_text
