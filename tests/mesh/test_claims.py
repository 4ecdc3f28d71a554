"""What the configuration claims: the lab's scenarios, and one row for each fault that a claim names."""

from __future__ import annotations

import pytest
from support.claims import API_GATEWAY, DOCS, HTTPBIN, IN_CURL, PROBE, WAYPOINT, changed
from support.mesh import MESH, READ
from support.scenarios import NAMES, mesh, scenario

from egressaudit.mesh import Mesh
from egressaudit.model import Claim, ObjectRef, Path, Pod, Scheme, Target

GATEWAY = ObjectRef("egress-gateway", "egressgateway")


DOCS_TLS = Target("docs.redhat.com", 443, Scheme.HTTPS)
PLAIN = ("noisy", "whole-mesh", "bypass-open", "bypass-closed")


def claim(name: str, target: Target, source: Pod = IN_CURL) -> Claim:
    return mesh(name).claim(source, target)


# ---------------------------------------------------------------- the scenarios


@pytest.mark.parametrize(
    ("name", "target", "path", "via", "pods", "gap"),
    [
        ("istio-apis", DOCS, Path.VIA_GATEWAY, GATEWAY, 1, ""),
        ("gateway-api", HTTPBIN, Path.VIA_GATEWAY, API_GATEWAY, 1, ""),
        ("ambient", HTTPBIN, Path.VIA_WAYPOINT, WAYPOINT, 1, ""),
        ("tls-passthrough", DOCS_TLS, Path.VIA_GATEWAY, GATEWAY, 1, ""),
        ("redirect-escapes", DOCS, Path.VIA_GATEWAY, GATEWAY, 1, ""),
        ("redirect-escapes", DOCS_TLS, None, None, 0, "docs.redhat.com is claimed on port 80 only"),
        (
            "mesh-gateway-missing",
            DOCS,
            Path.VIA_GATEWAY,
            GATEWAY,
            1,
            "VirtualService curl/egress-vs does not list the `mesh` gateway, so sidecars do not follow its rules",
        ),
        ("no-service-entry", HTTPBIN, None, None, 0, "no ServiceEntry has httpbin.org, so the mesh does not know it"),
        ("registry-only", HTTPBIN, None, None, 0, "no ServiceEntry has httpbin.org, so the mesh does not know it"),
        ("gateway-down", DOCS, Path.VIA_GATEWAY, GATEWAY, 0, "egress-gateway/egressgateway has no ready pod"),
        ("upstream-down", DOCS, Path.VIA_GATEWAY, GATEWAY, 1, ""),
        (
            "rbac-denied",
            DOCS,
            Path.VIA_GATEWAY,
            GATEWAY,
            1,
            "AuthorizationPolicy egress-gateway/only-payments (ALLOW) limits who may use egress-gateway/egressgateway",
        ),
        (
            "logging-off",
            DOCS,
            Path.VIA_GATEWAY,
            GATEWAY,
            1,
            "Telemetry egress-gateway/no-access-log turns access logging off at egress-gateway/egressgateway",
        ),
        ("no-sidecar", DOCS, Path.VIA_GATEWAY, GATEWAY, 1, ""),
        ("waypoint-gateway", HTTPBIN, Path.VIA_GATEWAY, API_GATEWAY, 1, ""),
        ("waypoint-ignored", HTTPBIN, Path.VIA_WAYPOINT, WAYPOINT, 1, ""),
        *((each, DOCS, Path.VIA_GATEWAY, GATEWAY, 1, "") for each in PLAIN),
        ("forged", HTTPBIN, None, None, 0, "no ServiceEntry has httpbin.org, so the mesh does not know it"),
    ],
)
def test_each_scenario_claims_what_its_configuration_means(name, target, path, via, pods, gap):
    snapshot = mesh(name)
    sources = [pod for pod in snapshot.pods if pod.name.startswith(("curl-", "test-pod"))]
    found = snapshot.claim(sources[0] if sources else PROBE, target)
    assert (found.path, found.via, len(found.pods)) == (path, via, pods)
    assert found.fault_texts[:1] == ((gap,) if gap else ())


def test_every_scenario_is_in_the_table_above():
    rows = test_each_scenario_claims_what_its_configuration_means.pytestmark[0].args[1]
    assert {row[0] for row in rows} == set(NAMES)


def test_a_claim_names_its_objects_in_the_order_of_the_flow():
    assert claim("istio-apis", DOCS).because == (
        "ServiceEntry curl/egress-se",
        "VirtualService curl/egress-vs",
        "DestinationRule egress-gateway/egress-dr",
        "Service egress-gateway/egressgateway",
        "Gateway egress-gateway/egress-gw",
    )
    assert claim("gateway-api", HTTPBIN, PROBE).because == (
        "ServiceEntry egress-gateway/httpbin-ext",
        "HTTPRoute egress-gateway/direct-httpbin-to-egress-gateway",
        "Service egress-gateway/httpbin-egress-gateway-istio",
        "Gateway egress-gateway/httpbin-egress-gateway",
        "HTTPRoute egress-gateway/forward-httpbin-from-egress-gateway",
    )


# ---------------------------------------------------------------- Istio APIs: one fault a row


EGRESS_VS = "VirtualService curl/egress-vs"


SERVICE = "egressgateway.egress-gateway.svc.cluster.local"


@pytest.mark.parametrize(
    ("kind", "old", "new", "gap"),
    [
        (
            "VirtualService",
            '"gateways": ["mesh"], "port": 80',
            '"gateways": ["mesh"], "port": 8080',
            f"{EGRESS_VS} matches port 8080 in the mesh, which no ServiceEntry of docs.redhat.com has",
        ),
        (
            "VirtualService",
            "egress-gateway/egress-gw",
            "curl/egress-gw",
            f"{EGRESS_VS} names Gateway curl/egress-gw, which does not exist",
        ),
        (
            "VirtualService",
            f'"{SERVICE}"',
            '"egress"',
            f"{EGRESS_VS} sends docs.redhat.com to egress, which is no Service",
        ),
        (
            "VirtualService",
            '"subset": "rh-docs"',
            '"subset": "docs"',
            f"{EGRESS_VS} names subset docs of {SERVICE}, which",
        ),
        (
            "VirtualService",
            '"subset": "rh-docs", "port": {"number": 80}',
            '"subset": "rh-docs", "port": {"number": 443}',
            "Service egress-gateway/egressgateway has no port 443, only 80",
        ),
        (
            "VirtualService",
            '"hosts":',
            '"exportTo": ["other"], "hosts":',
            f"{EGRESS_VS} is not exported to namespace curl",
        ),
        (
            "VirtualService",
            '"gateways": ["mesh"], "port": 80',
            '"gateways": ["mesh"], "port": 80, "uri": {"prefix": "/en"}',
            f"{EGRESS_VS} sends docs.redhat.com to the gateway only where uri match",
        ),
        (
            "VirtualService",
            '"gateways": ["mesh"], "port": 80',
            '"port": 80, "sourceLabels": {"app": "web"}',
            f"{EGRESS_VS} takes only sources with other labels than curl/probe",
        ),
        (
            "VirtualService",
            '"http": [',
            '"http": [{"route": [{"destination": {"host": "docs.redhat.com"}}]}, ',
            f"rule 1 of {EGRESS_VS} takes docs.redhat.com before the rule that sends it to the gateway",
        ),
        (
            "VirtualService",
            '"weight": 100}]}, {',
            '"weight": 90}, {"destination": {"host": "docs.redhat.com"}, "weight": 10}]}, {',
            f"{EGRESS_VS} sends 10% of docs.redhat.com to docs.redhat.com, not to the gateway",
        ),
        (
            "ServiceEntry",
            "docs.redhat.com",
            "redhat.com",
            "no ServiceEntry has docs.redhat.com, so the mesh does not know",
        ),
        (
            "ServiceEntry",
            '"HTTP"',
            '"TLS"',
            "ServiceEntry curl/egress-se declares port 80 as TLS, which does not carry http",
        ),
        (
            "ServiceEntry",
            '"hosts":',
            '"exportTo": ["other"], "hosts":',
            "ServiceEntry curl/egress-se is not exported to namespace curl",
        ),
        (
            "ServiceEntry",
            '"hosts":',
            '"exportTo": ["."], "hosts":',
            "ServiceEntry curl/egress-se is not exported to namespace egress-gateway, where the gateway is",
        ),
        (
            "Gateway",
            '"docs.redhat.com"',
            '"docs.example.com"',
            "Gateway egress-gateway/egress-gw has no server for docs.redhat.com of namespace curl",
        ),
        (
            "Gateway",
            '"docs.redhat.com"',
            '"other/docs.redhat.com"',
            "Gateway egress-gateway/egress-gw has no server for docs.redhat.com of namespace curl",
        ),
        (
            "Gateway",
            '"number": 80',
            '"number": 8443',
            f"{EGRESS_VS} matches port 80 at Gateway egress-gateway/egress-gw, which serves docs.redhat.com on port",
        ),
        (
            "Gateway",
            '"istio": "egressgateway"',
            '"istio": "istio-egressgateway"',
            "Gateway egress-gateway/egress-gw does not select the proxies of Service egress-gateway/egressgateway",
        ),
        ("ConfigMap", "accessLogFile: /dev/stdout\\n", "", "meshConfig.accessLogFile is not set"),
        ("ConfigMap", "/dev/stdout", "/var/log/access.log", "meshConfig.accessLogFile is /var/log/access.log"),
    ],
)
def test_a_fault_in_the_configuration_leaves_the_claim_and_becomes_its_gap(kind, old, new, gap):
    found = changed("istio-apis", kind, old, new).claim(IN_CURL, DOCS)
    assert (found.path, found.via) == (Path.VIA_GATEWAY, GATEWAY)
    assert [each for each in found.fault_texts if each.startswith(gap)], found.fault_texts


@pytest.mark.parametrize("hosts", ["*", "*.redhat.com", "*/docs.redhat.com", "curl/*", "curl/docs.redhat.com"])
def test_every_form_of_a_gateway_host_counts(hosts):
    found = changed("istio-apis", "Gateway", '"docs.redhat.com"', f'"{hosts}"').claim(IN_CURL, DOCS)
    assert (found.path, found.fault_texts) == (Path.VIA_GATEWAY, ())


def test_a_gateway_may_name_the_port_its_proxies_listen_on():
    gateway = changed("istio-apis", "Gateway", '"number": 80', '"number": 8080')
    rules = '"gateways": ["egress-gateway/egress-gw"], "port": 80'
    objects = [*gateway.objects]
    vs = changed("istio-apis", "VirtualService", rules, rules + "80")
    mixed = [each for each in objects if each["kind"] != "VirtualService"]
    mixed += [each for each in vs.objects if each["kind"] == "VirtualService"]
    assert Mesh.of(mixed).claim(IN_CURL, DOCS).fault_texts == ()


def test_wildcard_hosts_claim_the_names_below_them():
    objects = scenario("istio-apis")
    for each in objects:
        if each["kind"] in ("ServiceEntry", "VirtualService"):
            each["spec"]["hosts"] = ["*.redhat.com"]
    found = Mesh.of(objects).claim(IN_CURL, DOCS)
    assert (found.path, found.via) == (Path.VIA_GATEWAY, GATEWAY)
    # The rule at the gateway names one host, which nothing registers: 503 NC.
    assert found.fault_texts == (
        f"{EGRESS_VS} spec.http[1] sends docs.redhat.com to a cluster that egress-gateway/egressgateway does not have",
    )
    assert Mesh.of(objects).claim(IN_CURL, Target("redhat.com", 80, Scheme.HTTP)).path is None
    entry = next(each for each in objects if each["kind"] == "ServiceEntry")
    entry["spec"]["hosts"] = ["*.redhat.com", "docs.redhat.com"]
    assert Mesh.of(objects).claim(IN_CURL, DOCS).fault_texts == ()


def test_without_a_rule_for_the_mesh_the_forwarding_rule_is_the_claim():
    objects = scenario("istio-apis")
    vs = next(each for each in objects if each["kind"] == "VirtualService")
    del vs["spec"]["http"][0]
    found = Mesh.of(objects).claim(IN_CURL, DOCS)
    assert (found.path, found.via, len(found.pods)) == (Path.VIA_GATEWAY, GATEWAY, 1)
    assert found.fault_texts == ("no rule of the mesh sends docs.redhat.com to the gateway on port 80",)


INGRESS = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress, namespace: egress-gateway}
spec:
  selector: {istio: egressgateway}
  servers:
    - port: {number: 80, name: http, protocol: HTTP}
      hosts: ["*"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: app, namespace: curl}
spec:
  hosts: ["app.example.com"]
  gateways: [egress-gateway/ingress]
  http: [{route: [{destination: {host: web}}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: curl}
spec: {selector: {app: curl}, ports: [{port: 80}]}
"""


def test_a_gateway_for_traffic_coming_in_claims_nothing():
    snapshot = mesh("istio-apis", INGRESS)
    assert snapshot.claim(IN_CURL, Target("app.example.com", 80, Scheme.HTTP)).path is None
    assert snapshot.claim(IN_CURL, HTTPBIN).path is None


def test_an_http_rule_is_no_rule_for_https():
    objects = scenario("tls-passthrough")
    vs = next(each for each in objects if each["kind"] == "VirtualService")
    vs["spec"]["http"] = vs["spec"].pop("tls")
    found = Mesh.of(objects).claim(IN_CURL, DOCS_TLS)
    assert found.path is Path.VIA_GATEWAY
    assert f"{EGRESS_VS} has an http rule for docs.redhat.com, which does not see https" in found.fault_texts


def test_a_second_virtual_service_for_the_mesh_is_named():
    rival = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: retries, namespace: curl}
spec:
  hosts: [docs.redhat.com]
  http: [{route: [{destination: {host: docs.redhat.com}}]}]
"""
    found = mesh("istio-apis", rival).claim(IN_CURL, DOCS)
    [gap] = found.fault_texts
    assert gap.startswith("VirtualService curl/retries has docs.redhat.com for the mesh too")
    wider = rival.replace("hosts: [docs.redhat.com]", 'hosts: ["*.redhat.com"]')
    assert mesh("istio-apis", wider).claim(IN_CURL, DOCS).fault_texts == ()


def test_a_sidecar_resource_that_does_not_import_the_host_is_named():
    sidecar = """
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: curl}
spec: {egress: [{hosts: ["istio-system/*", "egress-gateway/*"]}]}
"""
    found = mesh("istio-apis", sidecar).claim(IN_CURL, DOCS)
    assert found.path is Path.VIA_GATEWAY
    assert found.fault_texts[0].startswith(f"Sidecar curl/default does not import docs.redhat.com of {EGRESS_VS}")
    assert mesh("istio-apis", sidecar.replace("egress-gateway/*", "./*")).claim(IN_CURL, DOCS).fault_texts == ()


@pytest.mark.parametrize("host", ["gw.egress.svc.cluster.local", "10.0.0.9", "10.96.0.1", "gone.shop.svc"])
def test_a_host_of_the_cluster_lacks_no_service_entry(host: str) -> None:
    mesh = Mesh.of(MESH, READ)
    curl = mesh.pod(ObjectRef("curl", "curl-1"))
    assert curl is not None
    assert mesh.claim(curl, Target(host, 80, Scheme.HTTP)).faults == ()
    assert [each.slug for each in mesh.claim(curl, Target("other.example.com", 80, Scheme.HTTP)).faults] == [
        "host-not-registered"
    ]
