"""`egressaudit generate`: what is written for a new host, what it refuses, and what it says about a mesh."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.mesh import BARE, GATEWAY_API, MESH, READ, WAYPOINT, but, entry, listener, obj, route, service

from egressaudit.cli import generate as command
from egressaudit.cli import run
from egressaudit.errors import UsageError
from egressaudit.evidence.mesh_file import save_snapshot
from egressaudit.manifests import MODES, Manifest, Wanted, as_yaml, manifests, site_of
from egressaudit.mesh import Mesh

GATEWAY = "egress/gw"


def made(mode: str, *ports: str, hosts: tuple[str, ...] = ("docs.redhat.com",), **more: Any) -> list[dict[str, Any]]:
    """What is printed, read again by a YAML parser."""
    mesh = more.pop("mesh", None)
    wanted = Wanted.of(hosts, ports or ("80", "443"), more.pop("gateway", GATEWAY), **more)
    return list(filter(None, yaml.safe_load_all(as_yaml(manifests(wanted, mode, site_of(wanted, mode, mesh=mesh))))))


def named(objects: list[dict[str, Any]]) -> list[str]:
    return [f"{each['kind']} {each['metadata']['namespace']}/{each['metadata']['name']}" for each in objects]


def mesh(*objects: dict[str, Any]) -> Mesh:
    return Mesh.of(objects, READ)


def notes(mode: str, *objects: dict[str, Any], ports: tuple[str, ...] = ("80",)) -> tuple[str, ...]:
    return site_of(Wanted.of(["docs.redhat.com"], ports, GATEWAY), mode, mesh=mesh(*objects)).notes


# ---------------------------------------------------------------- what is written


def test_istio_apis_write_four_objects_for_a_host() -> None:
    docs = "docs-redhat-com"
    assert named(made("istio-apis", namespace="shop")) == [
        f"ServiceEntry shop/{docs}",
        f"Gateway egress/{docs}",
        f"DestinationRule egress/{docs}",
        f"VirtualService shop/{docs}",
    ]


def test_a_sidecar_wraps_http_and_tcp_in_mtls_and_leaves_the_clients_tls_alone() -> None:
    _, gateway, rule, _ = made("istio-apis", "80", "443", "5432/tcp")
    servers = [(each["port"]["number"], each["port"]["protocol"], each["tls"]) for each in gateway["spec"]["servers"]]
    assert servers == [
        (80, "HTTPS", {"mode": "ISTIO_MUTUAL"}),
        (443, "TLS", {"mode": "PASSTHROUGH"}),
        (5432, "TLS", {"mode": "ISTIO_MUTUAL"}),
    ]
    mutual = {"mode": "ISTIO_MUTUAL", "sni": "docs.redhat.com"}
    [subset] = rule["spec"]["subsets"]
    assert subset["trafficPolicy"]["portLevelSettings"] == [
        {"port": {"number": 80}, "tls": mutual},
        {"port": {"number": 5432}, "tls": mutual},
    ]


def test_without_mtls_it_is_what_the_documentation_of_openshift_writes() -> None:
    _, gateway, rule, service = made("istio-apis", "80", plaintext=True)
    assert gateway["spec"]["servers"] == [
        {"port": {"number": 80, "name": "http-80", "protocol": "HTTP"}, "hosts": ["docs.redhat.com"]}
    ]
    assert rule["spec"]["subsets"] == [{"name": "docs-redhat-com"}]
    to_gateway, to_host = service["spec"]["http"]
    assert to_gateway["match"] == [{"gateways": ["mesh"], "port": 80}]
    assert to_gateway["route"][0]["destination"]["host"] == "gw.egress.svc.cluster.local"
    assert to_host["match"] == [{"gateways": ["egress/docs-redhat-com"], "port": 80}]
    assert to_host["route"][0]["destination"] == {"host": "docs.redhat.com", "port": {"number": 80}}


def test_gateway_api_writes_two_routes_for_each_host_and_port() -> None:
    assert named(made("gateway-api")) == [
        "Gateway egress/gw",
        "ServiceEntry egress/docs-redhat-com",
        "HTTPRoute egress/docs-redhat-com-80-to-gateway",
        "HTTPRoute egress/docs-redhat-com-80-from-gateway",
        "TLSRoute egress/docs-redhat-com-443-to-gateway",
        "TLSRoute egress/docs-redhat-com-443-from-gateway",
    ]


def test_routes_of_another_namespace_than_the_gateways_get_a_grant_for_its_service() -> None:
    *_, grant = made("gateway-api", namespace="shop")
    assert named([grant]) == ["ReferenceGrant egress/egress-from-shop"]
    assert [(each["kind"], each["namespace"]) for each in grant["spec"]["from"]] == [
        ("HTTPRoute", "shop"),
        ("TLSRoute", "shop"),
    ]
    assert grant["spec"]["to"] == [{"group": "", "kind": "Service", "name": "gw-istio"}]


def test_ambient_labels_the_host_for_the_waypoint_which_lets_its_namespace_in() -> None:
    waypoint, host = made("ambient", "443", namespace="shop")
    assert host["metadata"]["labels"] == {"istio.io/use-waypoint": "gw", "istio.io/use-waypoint-namespace": "egress"}
    [hbone] = waypoint["spec"]["listeners"]
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}
    assert hbone["allowedRoutes"] == {"namespaces": {"from": "Selector", "selector": selector}}


def test_a_wildcard_is_looked_up_by_the_name_that_the_client_asks_for() -> None:
    _, host = made("ambient", "80", hosts=("*.redhat.com",))
    assert (host["metadata"]["name"], host["spec"]["resolution"]) == ("any-redhat-com", "DYNAMIC_DNS")


def test_every_object_says_what_it_does() -> None:
    wanted = Wanted.of(["docs.redhat.com"], ["80", "443", "5432/tcp"], GATEWAY, "shop")
    for mode in MODES:
        for each in manifests(wanted, mode, site_of(wanted, mode)):
            assert each.what, each
            assert "\n---\n# " in f"\n{as_yaml([each])}"


def test_hosts_with_names_alike_get_objects_of_their_own() -> None:
    names = [each["metadata"]["name"] for each in made("ambient", hosts=("a-b.com", "a.b.com", "c.d"))[1:]]
    assert len(set(names)) == 3
    assert names[2] == "c-d"


# ---------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("mode", "host", "port", "said"),
    [
        ("istio-apis", "*.redhat.com", "80", "at sidecars and waypoints, not at egress gateways"),
        ("gateway-api", "*.redhat.com", "443", "at sidecars and waypoints, not at egress gateways"),
        ("ambient", "*.redhat.com", "5432/tcp", "Host header"),
        ("ambient", "*.redhat.com", "50051/grpc", "Host header"),
        ("ambient", "203.0.113.7", "80", "is an address"),
        ("ambient", "[2001:db8::1]", "80", "is an address"),
        ("ambient", "https://docs.redhat.com", "80", "not a host name"),
        ("ambient", "docs.redhat.com\nkind: Secret", "80", "not a host name"),
        ("ambient", "redhat", "80", "not a host name"),
        ("ambient", "gw.egress.svc.cluster.local", "80", "is a Service of the cluster"),
        ("ambient", "docs.redhat.com", "8080", "can't be guessed"),
        ("ambient", "docs.redhat.com", "80/ftp", "unknown protocol"),
        ("ambient", "docs.redhat.com", "0", "not a port"),
        ("ambient", "docs.redhat.com", "65536/tcp", "not a port"),
        ("ambient", "docs.redhat.com", "٨٠", "not a port"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(mode: str, host: str, port: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        made(mode, port, hosts=(host,))


def test_a_port_carries_one_protocol() -> None:
    with pytest.raises(UsageError, match="port 80 has two protocols"):
        made("ambient", "80/http", "80/tcp")


@pytest.mark.parametrize(("mode", "more"), [("gateway-api", {}), ("istio-apis", {"plaintext": True})])
def test_two_tcp_hosts_share_no_port_where_nothing_carries_their_names(mode: str, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="several TCP hosts"):
        made(mode, "5432/tcp", hosts=("a.example.com", "b.example.com"), **more)


@pytest.mark.parametrize("gateway", ["gw", "a/b/c", "/gw", "egress/", "Egress/gw", "egress/gw\n---"])
def test_a_gateway_is_a_namespace_and_a_name(gateway: str) -> None:
    with pytest.raises(UsageError, match="NAMESPACE/NAME"):
        made("ambient", gateway=gateway)


# ---------------------------------------------------------------- what it says about a mesh


def test_labels_of_the_gateway_come_from_its_service() -> None:
    there = mesh(*BARE, service("egress/own", "10.96.0.9", {"app": "own", "tier": "egress"}))
    _, gateway, *_ = made("istio-apis", "80", gateway="egress/own", mesh=there)
    assert gateway["spec"]["selector"] == {"app": "own", "tier": "egress"}


def test_a_missing_port_of_the_gateways_service_is_named() -> None:
    without = (*but(BARE, "Service egress/gw"), service("egress/gw", "10.96.0.1", {"istio": "gw"}))
    [note] = notes("istio-apis", *without, ports=("443",))
    assert note == "Service egress/gw has no port 443, only 80: add it, or nothing gets there"


def test_a_port_that_takes_plaintext_already_stays_plaintext() -> None:
    objects = (*BARE, listener("other.example.com"))
    _, gateway, rule, _ = made("istio-apis", "80", mesh=mesh(*objects))
    assert gateway["spec"]["servers"][0]["port"]["protocol"] == "HTTP"
    assert "trafficPolicy" not in rule["spec"]["subsets"][0]
    assert "Gateway egress/gw takes plaintext on port 80" in notes("istio-apis", *objects)[0]


def test_a_service_entry_that_does_it_already_is_not_written_again() -> None:
    there = mesh(*BARE, entry("egress/docs"))
    assert [each.partition(" ")[0] for each in named(made("istio-apis", "80", mesh=there))] == [
        "Gateway",
        "DestinationRule",
        "VirtualService",
    ]
    steer = made("gateway-api", "80", mesh=there)[1]
    assert steer["spec"]["parentRefs"][0]["name"] == "docs"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (entry("shop/docs", port=443, protocol="TLS"), "ServiceEntry shop/docs has docs.redhat.com too"),
        (route("shop/mine"), "VirtualService shop/mine has rules for docs.redhat.com in the mesh too"),
        (
            obj("DestinationRule", "curl/own", spec={"host": "gw.egress.svc.cluster.local"}),
            "DestinationRule curl/own is for the gateway's Service too",
        ),
    ],
)
def test_rivals_are_named(other: dict[str, Any], said: str) -> None:
    assert any(each.startswith(said) for each in notes("istio-apis", *BARE, other))


def test_a_sidecar_that_would_not_see_the_new_host_or_the_gateway_is_named() -> None:
    narrow = obj("Sidecar", "curl/narrow", spec={"egress": [{"hosts": ["./*"]}]})
    said = " ".join(notes("istio-apis", *BARE, narrow))
    assert "Sidecar curl/narrow does not import docs.redhat.com of ServiceEntry egress/docs-redhat-com" in said
    assert "Sidecar curl/narrow does not import gw.egress.svc.cluster.local of Service egress/gw" in said


def test_a_route_that_sends_the_host_somewhere_already_is_a_rival() -> None:
    parent = {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "docs"}
    other = obj("HTTPRoute", "egress/mine", GATEWAY_API, spec={"parentRefs": [parent]})
    said = "HTTPRoute egress/mine sends the hosts of ServiceEntry egress/docs somewhere already"
    assert said in notes("gateway-api", *BARE, entry("egress/docs"), other)


def test_a_gateway_that_exists_is_patched_and_not_restated() -> None:
    having = {"name": "other", "port": 80, "protocol": "HTTP", "hostname": "other.example.com"}
    there = obj("Gateway", "egress/gw", GATEWAY_API, spec={"gatewayClassName": "istio", "listeners": [having]})
    wanted = Wanted.of(["docs.redhat.com"], ["80"], GATEWAY)
    documents = manifests(wanted, "gateway-api", site_of(wanted, "gateway-api", mesh=mesh(*BARE, there)))
    text = as_yaml(documents)
    assert "kind: Gateway" not in text
    [command] = [line for line in text.splitlines() if "kubectl patch" in line]
    assert command.startswith("# kubectl patch gateway.gateway.networking.k8s.io/gw -n egress --type=json -p '[{")
    assert command.endswith("--dry-run=server -o yaml | kubectl diff -f -")


def test_a_waypoint_that_exists_is_not_written_again() -> None:
    there = mesh(*BARE, *WAYPOINT)
    assert named(made("ambient", "80", gateway="egress/waypoint", mesh=there)) == [
        "ServiceEntry egress/docs-redhat-com"
    ]


# ---------------------------------------------------------------- text


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_gets_out_of_its_value_or_its_comment(value: str, sentence: str) -> None:
    what = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"key": value}}
    text = as_yaml([Manifest(what, (sentence,))])
    assert [each for each in yaml.safe_load_all(text) if each] == [what]


@pytest.mark.parametrize("value", ["1e3", "0x1f", "012", "1_000", ".5", "on", "yes", "null", "~", "2026-01-01", "1:30"])
def test_no_text_becomes_a_number_or_a_switch_for_another_parser(value: str) -> None:
    text = as_yaml([Manifest({"apiVersion": "v1", "kind": "X", "metadata": {"name": value}})])
    assert f"name: '{value}'" in text


def test_nothing_is_written_by_reference() -> None:
    tls = {"mode": "ISTIO_MUTUAL"}
    text = as_yaml([Manifest({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": [tls, tls]})])
    assert "&" not in text
    assert "*" not in text


@given(st.data())
def test_a_snapshot_of_any_shape_breaks_nothing(data: st.DataObject) -> None:
    objects = copy.deepcopy([*MESH, *WAYPOINT])
    there: Any = data.draw(st.sampled_from(objects))
    key: Any = "spec"
    while isinstance(there.get(key) if isinstance(there, dict) else there[key], dict | list) and data.draw(
        st.booleans()
    ):
        there = there[key]
        keys = list(there) if isinstance(there, dict) else list(range(len(there)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
    there[key] = data.draw(st.one_of(st.none(), st.integers(), st.text(max_size=3), st.just({}), st.just([[]])))
    for mode in MODES:
        for gateway in ("egress/gw", "egress/waypoint"):
            made(mode, "80", "443", gateway=gateway, mesh=mesh(*objects))


# ---------------------------------------------------------------- the command


def test_the_command_offers_every_mode() -> None:
    assert tuple(MODES) == command._MODES


def test_standard_output_has_the_manifests_and_standard_error_the_rivals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_snapshot(mesh(*MESH).to_json(), tmp_path / "mesh.json")
    argv = ["generate", "--host", "docs.redhat.com", "--port", "443", "--mode", "istio-apis", "--gateway", GATEWAY]
    assert run([*argv, "--mesh", str(tmp_path / "mesh.json")]) == 0
    out, err = capsys.readouterr()
    assert [each["kind"] for each in yaml.safe_load_all(out)] == [
        "ServiceEntry", "Gateway", "DestinationRule", "VirtualService",
    ]  # fmt: skip
    assert "note: VirtualService egress/docs has rules for docs.redhat.com in the mesh too" in err


@pytest.mark.parametrize(
    "more", [["--mode", "ambient", "--plaintext"], ["--mode", "istio-apis", "--selector", "istio"]]
)
def test_options_that_do_not_fit_exit_with_2(more: list[str]) -> None:
    assert run(["generate", "--host", "docs.redhat.com", "--port", "443", "--gateway", GATEWAY, *more]) == 2
