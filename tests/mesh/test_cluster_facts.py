"""What a snapshot says of an Envoy cluster: who chose its address, and which endpoints it may have."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clusters import (
    DNS,
    EVIL,
    GW,
    HOST,
    READ,
    SELECTING,
    SLICE,
    VM,
    Object,
    endpoint_slice,
    entry,
    facts,
    labelled,
    obj,
    pod,
    rule,
    said,
    service,
    workload,
)
from support.junk import JUNK, junk_objects

from egressaudit.mesh import Mesh
from egressaudit.mesh.ranges import cluster_ranges
from egressaudit.mesh.services.cluster_facts import Chooser, Clusters
from egressaudit.mesh.steering.mirrors import mirrors

# ---------------------------------------------------------------- ServiceEntries


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{resolution: DNS}", "dns docs.redhat.com"),
        ("{resolution: DNS_ROUND_ROBIN}", "dns docs.redhat.com"),
        ("{resolution: DNS, endpoints: [{address: docs.redhat.com}]}", "dns docs.redhat.com"),
        ("{resolution: DNS, endpoints: [{address: evil.example.com}]}", "static evil.example.com"),
        (
            "{resolution: DNS, endpoints: [{address: 6.6.6.6}, {address: docs.redhat.com}]}",
            "static 6.6.6.6:80 docs.redhat.com",
        ),
        ("{resolution: STATIC, endpoints: [{address: 6.6.6.6}]}", "static 6.6.6.6:80"),
        ("{resolution: STATIC, endpoints: [{address: '::ffff:6.6.6.6'}]}", "static 6.6.6.6:80"),
        ("{resolution: STATIC, endpoints: [{address: '2001:DB8:0::1'}]}", "static 2001:db8::1:80"),
        ("{resolution: STATIC, endpoints: [{address: 'unix:///run/s'}]}", "static unix:///run/s"),
        ("{resolution: STATIC, addresses: [6.6.6.6, 10.0.0.0/8]}", "static 6.6.6.6:80"),
        # Nothing went to a cluster without endpoints: what did is not explained.
        ("{resolution: STATIC}", "unknown"),
        ("{resolution: NONE}", "sender"),
        ("{}", "sender"),
        ("{resolution: [DNS]}", "sender"),
        # At a gateway NONE has the entry's endpoints; at sidecars and waypoints it goes where the sender dialed.
        ("{resolution: NONE, endpoints: [{address: 6.6.6.6}]}", "sender 6.6.6.6:80"),
    ],
)
def test_the_resolution_of_a_service_entry_says_who_chooses(spec: str, expected: str) -> None:
    found = facts(entry(spec))
    assert said(found) == expected
    assert found.owners == ("ServiceEntry egress/docs",)


@pytest.mark.parametrize(
    ("port", "endpoint", "address"),
    [
        ("{number: 80, name: http}", "{address: 6.6.6.6}", ("6.6.6.6", 80)),
        ("{number: 80, name: http, targetPort: 8443}", "{address: 6.6.6.6}", ("6.6.6.6", 8443)),
        ("{number: 80, name: http, targetPort: 8443}", "{address: 6.6.6.6, ports: {http: 81}}", ("6.6.6.6", 81)),
        ("{number: 80, name: http}", "{address: 6.6.6.6, ports: {other: 81}}", ("6.6.6.6", 80)),
    ],
)
def test_an_endpoints_own_port_goes_before_the_target_port(port: str, endpoint: str, address: tuple[str, int]) -> None:
    found = facts(entry(f"{{resolution: STATIC, ports: [{port}], endpoints: [{endpoint}]}}"))
    assert found.addresses == {address}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        # Two entries of one host merge their endpoints, whoever wrote them: each may be the one that the line hides.
        ([DNS, EVIL], "static 6.6.6.6:80 docs.redhat.com"),
        ([entry("{resolution: STATIC, endpoints: [{address: 192.0.2.1}]}"), EVIL], "static 192.0.2.1:80 6.6.6.6:80"),
        ([DNS, entry("{resolution: NONE}", "curl/mine")], "sender docs.redhat.com"),
        # Endpoints are found by the port's name, though the other entry calls another number so.
        (
            [
                DNS,
                entry(
                    "{resolution: STATIC, ports: [{number: 81, name: http}], endpoints: [{address: 6.6.6.6}]}", "a/b"
                ),
            ],
            "static 6.6.6.6:81 docs.redhat.com",
        ),
        ([DNS, entry("{resolution: NONE, ports: [{number: 81, name: other}]}", "curl/mine")], "dns docs.redhat.com"),
        ([DNS, entry("{resolution: NONE, hosts: [evil.example.com]}", "curl/mine")], "dns docs.redhat.com"),
        ([entry("{resolution: DNS, hosts: [DOCS.redhat.com.]}")], "dns docs.redhat.com"),
        ([entry("{resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]}")], "unknown"),
        ([], "unknown"),
    ],
)
def test_all_entries_of_a_host_that_have_the_port_count(objects: list[Object], expected: str) -> None:
    assert said(facts(*objects)) == expected


@pytest.mark.parametrize(
    ("cluster", "resolution", "expected"),
    [
        ("outbound|80||*.example.com", "DYNAMIC_DNS", "dns *.example.com"),
        ("inbound-vip|80|http|*.example.com", "DYNAMIC_DNS", "dns *.example.com"),
        ("outbound|80||*.example.com", "NONE", "sender"),
        # A wildcard makes a cluster of its own name, and none of a host that it covers.
        ("outbound|80||api.example.com", "DYNAMIC_DNS", "unknown"),
    ],
)
def test_a_wildcard_is_a_host_of_its_own(cluster: str, resolution: str, expected: str) -> None:
    wild = entry(f"{{resolution: {resolution}, hosts: ['*.example.com']}}")
    found = facts(wild, cluster=cluster)
    assert (said(found), found.other_names) == (expected, frozenset())


def test_names_that_are_not_the_clusters_own_are_told_apart() -> None:
    found = facts(entry("{resolution: DNS, endpoints: [{address: evil.example.com}, {address: docs.redhat.com}]}"))
    assert (found.names, found.other_names) == ({HOST, "evil.example.com"}, {"evil.example.com"})


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([VM], "static 192.0.2.7:80"),
        ([workload("egress/vm", "{address: 192.0.2.7, ports: {http: 81}}", app="vm")], "static 192.0.2.7:81"),
        ([pod("egress/vm-1", "10.0.0.5", app="vm")], "static 10.0.0.5:80"),
        ([workload("curl/vm", "{address: 192.0.2.7, labels: {app: vm}}")], "unknown"),
        ([workload("egress/vm", "{address: 192.0.2.7, labels: {app: other}}")], "unknown"),
        # Machines join a WorkloadGroup by themselves: more may have been there than the snapshot has.
        ([VM, obj("WorkloadGroup", "egress/any", spec={})], "unknown 192.0.2.7:80"),
        # Endpoints of another network are reached through its gateways instead.
        (
            [VM, labelled(service("istio-system/eastwest"), **{"topology.istio.io/network": "n2"})],
            "unknown 192.0.2.7:80",
        ),
    ],
)
def test_a_selector_takes_workload_entries_and_pods_of_its_namespace(objects: list[Object], expected: str) -> None:
    assert said(facts(SELECTING, *objects)) == expected


# ---------------------------------------------------------------- Services


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([service(), SLICE], "static 10.0.0.9:8080"),
        ([service(), endpoint_slice("10.0.0.9", ports=[])], "static 10.0.0.9:?"),
        ([service(), endpoint_slice("10.0.0.9", ports=[{"name": "other", "port": 9}])], "unknown"),
        # By hand, beside that of the controller, with or without a selector: it is all one to Istio.
        ([service(), SLICE, endpoint_slice("6.6.6.6", name="egress/mine")], "static 10.0.0.9:8080 6.6.6.6:8080"),
        ([service(selector=None), endpoint_slice("6.6.6.6", name="egress/mine")], "static 6.6.6.6:8080"),
        ([service(), endpoint_slice("6.6.6.6", name="curl/mine")], "unknown"),
        ([service(clusterIP="None"), SLICE], "sender 10.0.0.9:8080"),
        ([service(type="ExternalName", externalName="evil.example.com")], "static evil.example.com"),
        ([service(type="ExternalName")], "unknown"),
        ([service(ports=[{"name": "http", "port": 81}]), SLICE], "unknown"),
        (
            [service(), SLICE, workload("egress/vm", "{address: 6.6.6.6}", istio="gw")],
            "static 10.0.0.9:8080 6.6.6.6:8080",
        ),
        (
            [
                service(),
                SLICE,
                entry(f"{{resolution: STATIC, hosts: [{GW}], endpoints: [{{address: 6.6.6.6}}]}}", "a/b"),
            ],
            "static 10.0.0.9:8080 6.6.6.6:80",
        ),
        ([service(), SLICE, obj("WorkloadGroup", "egress/any", spec={})], "unknown 10.0.0.9:8080"),
    ],
)
def test_a_services_endpoints_are_all_that_istio_finds(objects: list[Object], expected: str) -> None:
    assert said(facts(*objects, cluster=f"outbound|80||{GW}")) == expected


@pytest.mark.parametrize("host", ["gw.egress.svc.clusterset.local", "gw.egress.svc", "gw.egress", "gw"])
def test_a_service_is_known_by_its_whole_name_alone(host: str) -> None:
    assert facts(service(), SLICE, cluster=f"outbound|80||{host}").chooser is Chooser.UNKNOWN


# ---------------------------------------------------------------- clusters that are no host's


@pytest.mark.parametrize(
    ("cluster", "expected", "retries"),
    [
        ("PassthroughCluster", "sender", True),
        ("InboundPassthroughCluster", "sender", True),
        ("inbound|8080||", "sender", True),
        ("AllowAnyDynamicDNSCluster", "dns *", True),
        ("BlackHoleCluster", "static", False),
        ("sni_cluster", "unknown", True),
    ],
)
def test_clusters_that_are_no_hosts(cluster: str, expected: str, *, retries: bool) -> None:
    found = facts(DNS, cluster=cluster)
    assert (said(found), found.retries) == (expected, retries)


# ---------------------------------------------------------------- what was not read


@pytest.mark.parametrize(
    ("unread", "objects", "cluster", "incomplete"),
    [
        ("networking.istio.io/ServiceEntry", [DNS], HOST, True),
        ("networking.istio.io/DestinationRule", [DNS], HOST, True),
        ("networking.istio.io/WorkloadEntry", [DNS], HOST, False),
        ("networking.istio.io/WorkloadEntry", [SELECTING, VM], HOST, True),
        ("networking.istio.io/WorkloadGroup", [SELECTING, VM], HOST, True),
        ("discovery.k8s.io/EndpointSlice", [DNS], HOST, False),
        ("discovery.k8s.io/EndpointSlice", [service(), SLICE], GW, True),
        ("networking.istio.io/WorkloadEntry", [service(), SLICE], GW, True),
        ("networking.istio.io/VirtualService", [DNS], HOST, False),
    ],
)
def test_a_kind_that_was_not_read_counts_where_it_could_say_otherwise(
    unread: str, objects: list[Object], cluster: str, *, incomplete: bool
) -> None:
    found = facts(*objects, cluster=f"outbound|80||{cluster}", read=READ - {unread})
    assert found.incomplete == ((unread,) if incomplete else ())
    assert (found.chooser is Chooser.UNKNOWN) is incomplete


def test_that_the_sender_chooses_is_seen_also_where_other_kinds_were_not_read() -> None:
    found = facts(entry("{resolution: NONE}"), read=frozenset())
    assert found.chooser is Chooser.SENDER
    assert found.incomplete == ("networking.istio.io/DestinationRule", "networking.istio.io/ServiceEntry")


# ---------------------------------------------------------------- hostile shapes


def test_a_port_that_is_not_known_is_any_port() -> None:
    mesh = Mesh.of([DNS, entry("{resolution: NONE, ports: [{number: 81, name: x}]}", "a/b")], READ)
    assert Clusters.of(mesh.world, mesh.read).facts("outbound", HOST, None, "").chooser is Chooser.SENDER


@st.composite
def junk_of_clusters(draw: st.DrawFn) -> Object:
    """Objects of the kinds that make clusters, sound but for any one part."""
    kind = draw(st.sampled_from(["ServiceEntry", "DestinationRule", "WorkloadEntry", "VirtualService"]))
    usual: Object = {
        "hosts": [HOST],
        "host": HOST,
        "resolution": "STATIC",
        "address": "6.6.6.6",
        "ports": [{"number": 80, "name": "http"}],
        "endpoints": [{"address": "6.6.6.6", "ports": {"http": 80}, "labels": {"v": "1"}}],
        "subsets": [{"name": "v1", "labels": {"v": "1"}}],
        "trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}}]},
        "http": [{"retries": {"attempts": 1}, "mirror": {"host": HOST}, "route": [{"destination": {"host": HOST}}]}],
    }
    part = draw(st.sampled_from([*usual, "workloadSelector", "exportTo", "addresses", "location"]))
    made = obj(kind, "curl/junk", spec={**usual, part: draw(JUNK)})
    return labelled(made, v=draw(st.sampled_from(["1", ""])))


@settings(max_examples=150, deadline=None)
@given(st.lists(junk_objects() | junk_of_clusters(), max_size=4), st.sampled_from([READ, frozenset()]))
def test_objects_of_any_shape_are_read_and_never_improve_an_entry(more: list[Object], read: frozenset[str]) -> None:
    """Nothing raises; and what is there before stays: no object takes away an endpoint or a sender's choice."""
    for cluster in ("outbound|80||docs.redhat.com", "inbound-vip|80|http/v1|docs.redhat.com", f"outbound|80||{GW}"):
        base = [EVIL, service(), SLICE, rule("{subsets: [{name: v1}]}")]
        before, after = facts(*base, cluster=cluster, read=read), facts(*base, *more, cluster=cluster, read=read)
        assert before.addresses <= after.addresses
        assert after.chooser in (Chooser.STATIC, Chooser.SENDER, Chooser.UNKNOWN)
    mesh = Mesh.of([EVIL, service(), *more], read)
    mirrors(mesh.world, mesh.read)
    assert cluster_ranges(mesh.world, mesh.read).kind_of("6.6.6.6") != "virtual"
