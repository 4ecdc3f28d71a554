"""Which addresses are the cluster's own, and when an address of no range is provably nobody's in it."""

from __future__ import annotations

from typing import Any

import pytest
from support.clusters import READ, Object, entry, obj, pod, service

from egressaudit.mesh import Mesh
from egressaudit.mesh.ranges import ClusterRanges, cluster_ranges

NODE = "172.18.0.3"


def node(name: str = "n1", *cidrs: str, **spec: Any) -> Object:
    addresses = [{"type": "InternalIP", "address": NODE}, {"type": "Hostname", "address": name}]
    made = obj("Node", f"/{name}", "v1", spec={"podCIDRs": list(cidrs), **spec}, status={"addresses": addresses})
    made["metadata"] |= {"labels": {"zone": "a"}, "annotations": {"sidecar.istio.io/inject": "x"}}
    return made


def service_cidr(*cidrs: str) -> Object:
    return obj("ServiceCIDR", "/kubernetes", "networking.k8s.io/v1", spec={"cidrs": list(cidrs)})


def ranges(*objects: Object, read: frozenset[str] = READ) -> ClusterRanges:
    mesh = Mesh.from_json(Mesh.of(objects, read).to_json())
    return cluster_ranges(mesh.world, mesh.read)


USUAL = [node("n1", "10.244.0.0/24", "fd00:10:244::/64"), service_cidr("10.96.0.0/16")]
OPENSHIFT = obj(
    "Network",
    "/cluster",
    "config.openshift.io/v1",
    status={"clusterNetwork": [{"cidr": "10.128.0.0/14", "hostPrefix": 23}], "serviceNetwork": ["172.30.0.0/16"]},
)


@pytest.mark.parametrize(
    ("ip", "kind"),
    [
        ("10.244.0.7", "pods"),
        ("::ffff:10.244.0.7", "pods"),
        ("fd00:10:244::7", "pods"),
        ("10.244.1.7", None),
        ("10.96.0.1", "services"),
        (NODE, "node"),
        ("172.18.0.9", "node"),
        ("240.240.0.5", "virtual"),
        ("2001:2::5", "virtual"),
        ("240.241.0.5", None),
        ("6.6.6.6", None),
        ("fe80::1%eth0", None),
        ("n1", None),
        ("", None),
    ],
)
def test_an_address_is_a_pods_a_services_a_nodes_the_meshs_own_or_none_of_these(ip: str, kind: str | None) -> None:
    here = pod("shop/shop-1", "10.244.0.7")
    here["status"]["hostIP"] = "172.18.0.9"
    found = ranges(*USUAL, here, service("shop/shop"))
    assert (found.kind_of(ip), found.known, found.missing) == (kind, True, ())


def test_openshift_says_it_in_its_network() -> None:
    found = ranges(node(), OPENSHIFT, pod("shop/shop-1", "10.130.2.7"), service("shop/shop", clusterIP="172.30.0.1"))
    assert (found.known, found.kind_of("10.131.0.1"), found.kind_of("172.30.9.9")) == (True, "pods", "services")


def test_what_a_tenant_declares_makes_no_address_the_clusters() -> None:
    """Else an entry with addresses [6.6.6.6] would hide what went there."""
    mine = entry("{addresses: [6.6.6.6, 10.9.0.0/16]}", "curl/mine")
    mine["status"] = {"addresses": [{"value": "6.6.6.7", "host": "a"}]}
    found = ranges(*USUAL, mine)
    assert [str(each) for each in found.declared] == ["6.6.6.6/32", "6.6.6.7/32", "10.9.0.0/16"]
    assert {found.kind_of(each) for each in ("6.6.6.6", "6.6.6.7", "10.9.0.1")} == {None}
    assert found.known


@pytest.mark.parametrize(
    ("objects", "unread", "missing"),
    [
        (USUAL, {"Node"}, "Nodes were not read, so the range of pods is not known"),
        (USUAL[1:], set(), "no Node has a podCIDR, so the range of pods is not known"),
        ([*USUAL, node("n2")], set(), "Node n2 has no podCIDR, so the range of pods is not known"),
        (USUAL[:1], set(), "the range of Services is not known by ServiceCIDRs (there is none)"),
        (
            USUAL[:1],
            {"networking.k8s.io/ServiceCIDR"},
            "the range of Services is not known by ServiceCIDRs (they were not read)",
        ),
        (
            USUAL,
            {"networking.k8s.io/ServiceCIDR"},
            "the range of Services is not known by ServiceCIDRs (they were not read)",
        ),
        # The network plugin gives addresses of its own, not those of the nodes.
        (
            [*USUAL, pod("shop/shop-1", "192.168.3.4")],
            set(),
            "pod shop/shop-1 has 192.168.3.4, which is in no podCIDR, so the range of pods is not known",
        ),
        (
            [*USUAL, service("shop/shop", clusterIP="10.43.0.1")],
            set(),
            "Service shop/shop has 10.43.0.1, which is in no ServiceCIDR, so the range of Services is not known",
        ),
    ],
)
def test_ranges_that_are_not_all_there_are_not_known(objects: list[Object], unread: set[str], missing: str) -> None:
    found = ranges(*objects, read=READ - unread)
    assert (found.known, found.missing) == (False, (missing,))


def test_pods_on_the_network_of_nodes_say_nothing_of_the_range_of_pods() -> None:
    there = pod("kube-system/proxy", NODE)
    there["spec"]["hostNetwork"] = True
    assert ranges(*USUAL, there).known


def test_of_a_node_only_its_name_addresses_and_pod_ranges_are_kept() -> None:
    whole = node("n1", "10.244.0.0/24", podCIDR="10.244.0.0/24", providerID="aws:///i-0", taints=[{"key": "a"}])
    whole["status"] |= {"images": [{"names": ["a"]}], "nodeInfo": {"machineID": "b"}}
    [kept] = Mesh.of([whole]).objects
    assert kept == {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
        "status": {"addresses": [{"type": "InternalIP", "address": NODE}, {"type": "Hostname", "address": "n1"}]},
    }
