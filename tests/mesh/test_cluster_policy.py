"""What DestinationRules make of a cluster: one that goes where the sender dialed, or some of a host's endpoints."""

from __future__ import annotations

import pytest
import yaml
from support.clusters import DNS, EVIL, GW, HOST, SLICE, endpoint_slice, entry, facts, obj, pod, rule, said, service

from egressaudit.mesh.services.cluster_facts import Chooser

PASS, RANDOM = "loadBalancer: {simple: PASSTHROUGH}", "loadBalancer: {simple: RANDOM}"
PORT_80, PORT_81 = "port: {number: 80}", "port: {number: 81}"


@pytest.mark.parametrize(
    ("spec", "whole", "subset"),
    [
        (f"{{trafficPolicy: {{{PASS}}}, subsets: [{{name: v1}}]}}", "sender", "sender"),
        (f"{{subsets: [{{name: v1, trafficPolicy: {{{PASS}}}}}]}}", "dns", "sender"),
        (
            f"{{trafficPolicy: {{portLevelSettings: [{{{PORT_80}, {PASS}}}]}}, subsets: [{{name: v1}}]}}",
            "sender",
            "sender",
        ),
        (f"{{trafficPolicy: {{portLevelSettings: [{{{PORT_81}, {PASS}}}]}}, subsets: [{{name: v1}}]}}", "dns", "dns"),
        # A port's own settings take the place of the host's.
        (f"{{trafficPolicy: {{{PASS}, portLevelSettings: [{{{PORT_80}}}]}}, subsets: [{{name: v1}}]}}", "dns", "dns"),
        (
            f"{{subsets: [{{name: v1, trafficPolicy: {{portLevelSettings: [{{{PORT_80}, {PASS}}}]}}}}]}}",
            "dns",
            "sender",
        ),
        # A snapshot of an older egressaudit does not say which port.
        (f"{{trafficPolicy: {{portLevelSettings: [{{{PASS}}}]}}, subsets: [{{name: v1}}]}}", "sender", "sender"),
        # What the host's policy made of the cluster, no subset undoes (cluster_builder.go buildSubsetCluster).
        (
            f"{{trafficPolicy: {{{PASS}}}, subsets: [{{name: v1, trafficPolicy: {{{RANDOM}}}}}]}}",
            "sender",
            "sender",
        ),
        ("{trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v1}]}", "dns", "dns"),
        (f"{{host: '*.redhat.com', trafficPolicy: {{{PASS}}}, subsets: [{{name: v1}}]}}", "sender", "sender"),
        (f"{{host: '*', trafficPolicy: {{{PASS}}}, subsets: [{{name: v1}}]}}", "sender", "sender"),
        (f"{{host: '*.example.com', trafficPolicy: {{{PASS}}}}}", "dns", "unknown"),
        ("{subsets: [{name: v2}]}", "dns", "unknown"),
    ],
)
def test_passthrough_leaves_the_address_to_the_sender_on_host_port_and_subset(
    spec: str, whole: str, subset: str
) -> None:
    assert facts(DNS, rule(spec)).chooser == whole
    assert facts(DNS, rule(spec), cluster=f"outbound|80|v1|{HOST}").chooser == subset
    assert facts(DNS, rule(spec), cluster=f"inbound-vip|80|http/v1|{HOST}").chooser == subset


def test_any_rule_of_the_host_counts_and_is_named() -> None:
    found = facts(DNS, rule("{}", "egress/a"), rule(f"{{trafficPolicy: {{{PASS}}}}}", "curl/b"))
    assert (found.chooser, found.owners) == (Chooser.SENDER, ("ServiceEntry egress/docs", "DestinationRule curl/b"))


@pytest.mark.parametrize("host", ["gw", "gw.egress", "gw.egress.svc", GW, "*.egress.svc.cluster.local"])
def test_a_rule_names_a_service_by_any_of_its_names(host: str) -> None:
    passing = obj("DestinationRule", "egress/r", spec={"host": host, **yaml.safe_load(f"trafficPolicy: {{{PASS}}}")})
    assert facts(service(), SLICE, passing, cluster=f"outbound|80||{GW}").chooser is Chooser.SENDER


def test_a_subset_has_the_endpoints_with_its_labels() -> None:
    ends = "[{address: 192.0.2.1, labels: {v: one}}, {address: 192.0.2.2, labels: {v: two}}, {address: 192.0.2.3}]"
    objects = [entry(f"{{resolution: STATIC, endpoints: {ends}}}"), rule("{subsets: [{name: one, labels: {v: one}}]}")]
    assert said(facts(*objects, cluster=f"outbound|80|one|{HOST}")) == "static 192.0.2.1:80"
    assert said(facts(*objects)) == "static 192.0.2.1:80 192.0.2.2:80 192.0.2.3:80"
    # A second rule of the same name may be the one that is in force: both sets count.
    other = rule("{subsets: [{name: one, labels: {v: two}}]}", "curl/other")
    assert said(facts(*objects, other, cluster=f"outbound|80|one|{HOST}")) == "static 192.0.2.1:80 192.0.2.2:80"


def test_a_subset_keeps_what_may_have_its_labels() -> None:
    """Locality, which istiod adds itself; a pod that is gone; an endpoint that was never a pod."""
    by_zone = rule("{subsets: [{name: z, labels: {topology.kubernetes.io/zone: a}}]}")
    assert said(facts(EVIL, by_zone, cluster=f"outbound|80|z|{HOST}")) == "static 6.6.6.6:80"
    mine = obj("DestinationRule", "egress/r", spec={"host": "gw", "subsets": [{"name": "v1", "labels": {"v": "1"}}]})
    ref = {"targetRef": {"kind": "Pod", "name": "gw-1"}}
    ends = [{"addresses": ["10.0.0.9"], **ref}, {"addresses": ["10.0.0.8"], "targetRef": {"name": "gone"}}]
    objects = [service(), endpoint_slice(endpoints=ends), endpoint_slice("6.6.6.6", name="egress/b"), mine]
    cluster = f"outbound|80|v1|{GW}"
    rest = "10.0.0.8:8080 6.6.6.6:8080"
    assert said(facts(*objects, pod("egress/gw-1", "10.0.0.9", v="2"), cluster=cluster)) == f"static {rest}"
    assert (
        said(facts(*objects, pod("egress/gw-1", "10.0.0.9", v="1"), cluster=cluster))
        == "static 10.0.0.8:8080 10.0.0.9:8080 6.6.6.6:8080"
    )
