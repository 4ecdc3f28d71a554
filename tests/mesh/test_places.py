"""Where addresses lead: a row for each place, and one spelling for each place that a packet can go to."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hops import OBJECTS

from egressaudit.addresses import canonical_ip, ip_of, is_own, port_of
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.mesh.places import Place

READ = tuple(each.name for each in RESOURCES if each.only is None)
Object = dict[str, Any]


def obj(api: str, kind: str, namespace: str, name: str, **fields: Any) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"namespace": namespace, "name": name}, **fields}


RANGES: tuple[Object, ...] = (
    obj(
        "v1",
        "Node",
        "",
        "n1",
        spec={"podCIDRs": ["10.0.0.0/16"]},
        status={"addresses": [{"type": "InternalIP", "address": "172.18.0.3"}]},
    ),
    obj("networking.k8s.io/v1", "ServiceCIDR", "", "kubernetes", spec={"cidrs": ["10.96.0.0/16"]}),
)
API: tuple[Object, ...] = (
    obj("v1", "Service", "default", "kubernetes", spec={"clusterIP": "10.96.0.10", "ports": [{"port": 443}]}),
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "default",
            "name": "kubernetes",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["172.18.0.2"]}],
        "ports": [{"name": "https", "port": 6443}],
    },
)
OF_A_TENANT: tuple[Object, ...] = (
    obj(
        "v1",
        "Service",
        "shop",
        "odd",
        spec={"clusterIP": "10.96.0.11", "selector": {"app": "shop"}, "externalIPs": ["203.0.113.99"]},
    ),
    obj("networking.istio.io/v1", "WorkloadEntry", "shop", "vm", spec={"address": "203.0.113.98"}),
    {
        **obj("networking.istio.io/v1", "ServiceEntry", "shop", "said", spec={"hosts": ["a.example.com"]}),
        "status": {"addresses": [{"value": "203.0.113.97", "host": "a.example.com"}]},
    },
)


@cache
def world(*, ranges: bool = True, outside: tuple[str, ...] = ()) -> Mesh:
    """The rows' mesh, with the ranges of the cluster or without; `outside` is what was declared."""
    objects = [*OBJECTS, *API, *OF_A_TENANT, *(RANGES if ranges else ())]
    return Mesh.of(objects, READ, outside=outside)


def test_the_ranges_of_these_meshes_are_known_and_not_known() -> None:
    assert world().places.ranges.missing == ()
    assert world(ranges=False).places.ranges.missing != ()


@pytest.mark.parametrize(
    ("address", "ip", "place"),
    [
        (None, None, Place.NONE),
        ("10.0.0.9:8080", "10.0.0.9", Place.PROXY),
        ("10.0.0.8:15008", "10.0.0.8", Place.PROXY),
        ("10.0.0.2:80", "10.0.0.2", Place.INSIDE),
        # The Service of a gateway: that passes on what it gets, and the sockets of such a line lead to none of its own.
        ("10.96.0.1:80", "10.96.0.1", Place.SERVICE),
        ("10.96.0.2:80", "10.96.0.2", Place.INSIDE),
        # The API server writes its own slice.
        ("10.96.0.10:443", "10.96.0.10", Place.INSIDE),
        ("127.0.0.1:80", "127.0.0.1", Place.INSIDE),
        ("127.0.0.6:80", "127.0.0.6", Place.INSIDE),
        ("[::1]:80", "::1", Place.INSIDE),
        ("0.0.0.0:80", "0.0.0.0", Place.INSIDE),
        # By hand, and in the Services' range.
        ("10.96.0.3:80", "10.96.0.3", Place.SERVICE),
        ("10.96.200.1:80", "10.96.200.1", Place.SERVICE),
        ("172.18.0.3:30080", "172.18.0.3", Place.NODE),
        ("10.0.0.50:80", "10.0.0.50", Place.VACANT),
        ("10.0.200.50:80", "10.0.200.50", Place.VACANT),
        ("envoy://connect_originate/10.0.0.50:8080", "10.0.0.50", Place.VACANT_TUNNEL),
        ("envoy://connect_originate/10.0.0.2:8080", "10.0.0.2", Place.INSIDE),
        ("envoy://connect_originate/10.0.0.8:8080", "10.0.0.8", Place.PROXY),
        # What comes out of an internal listener goes to no place by its name alone.
        ("envoy://connect_originate/203.0.113.7:80", "203.0.113.7", Place.ODD),
        ("envoy://internal_client_address/", None, Place.ODD),
        ("/var/run/secrets/workload.sock", None, Place.ODD),
        ("docs.redhat.com:80", None, Place.ODD),
        ("203.0.113.7", None, Place.ODD),
        ("203.0.113.7:", None, Place.ODD),
        ("", None, Place.ODD),
        ("240.240.0.1:80", "240.240.0.1", Place.VIRTUAL),
        ("[2001:2::1]:80", "2001:2::1", Place.VIRTUAL),
        ("169.254.169.254:80", "169.254.169.254", Place.SPECIAL),
        ("[fd00:ec2::254]:80", "fd00:ec2::254", Place.SPECIAL),
        ("[fe80::1%eth0]:80", "fe80::1", Place.SPECIAL),
        ("224.0.0.1:80", "224.0.0.1", Place.SPECIAL),
        ("[ff02::1]:80", "ff02::1", Place.SPECIAL),
        ("127.1.2.3:80", "127.1.2.3", Place.SPECIAL),
        ("0.1.2.3:80", "0.1.2.3", Place.SPECIAL),
        ("250.0.0.1:80", "250.0.0.1", Place.SPECIAL),
        ("255.255.255.255:80", "255.255.255.255", Place.SPECIAL),
        ("172.18.0.2:6443", "172.18.0.2", Place.API_SERVER),
        ("8.8.8.8:53", "8.8.8.8", Place.OUTSIDE),
        ("[2606:4700::1111]:443", "2606:4700::1111", Place.OUTSIDE),
        # Documentation stands for the public internet.
        ("192.0.2.1:80", "192.0.2.1", Place.OUTSIDE),
        ("198.51.100.1:80", "198.51.100.1", Place.OUTSIDE),
        ("203.0.113.7:80", "203.0.113.7", Place.OUTSIDE),
        ("[2001:db8::7]:443", "2001:db8::7", Place.OUTSIDE),
        # A private address in none of the cluster's ranges: much egress goes to data centres.
        ("192.168.7.7:443", "192.168.7.7", Place.OUTSIDE),
        ("[fd12::7]:443", "fd12::7", Place.OUTSIDE),
        # What a tenant may write makes nothing inside.
        ("203.0.113.99:80", "203.0.113.99", Place.OUTSIDE),
        ("203.0.113.98:80", "203.0.113.98", Place.OUTSIDE),
        ("203.0.113.97:80", "203.0.113.97", Place.OUTSIDE),
        # The same places in other spellings.
        ("[::ffff:10.0.0.9]:8080", "10.0.0.9", Place.PROXY),
        ("[::ffff:a00:2]:80", "10.0.0.2", Place.INSIDE),
        ("[64:ff9b::10.0.0.2]:80", "10.0.0.2", Place.INSIDE),
        ("[64:ff9b::a9fe:a9fe]:80", "169.254.169.254", Place.SPECIAL),
        ("[::ffff:127.0.0.1]:80", "127.0.0.1", Place.INSIDE),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7", Place.OUTSIDE),
    ],
)
def test_where_an_address_leads(address: str | None, ip: str | None, place: Place) -> None:
    found = world().places.place(address)
    assert (found.ip, found.place) == (ip, place)


def test_every_place_has_a_row() -> None:
    marks = test_where_an_address_leads.pytestmark  # type: ignore[attr-defined]
    assert {place for _, _, place in marks[0].args[1]} | {Place.PRIVATE} == set(Place)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.168.7.7:443", Place.PRIVATE),
        ("[fd12::7]:443", Place.PRIVATE),
        ("100.64.0.1:443", Place.PRIVATE),
        ("10.0.0.50:80", Place.VACANT),
        ("10.96.0.3:80", Place.SERVICE),
        ("203.0.113.7:80", Place.OUTSIDE),
        ("8.8.8.8:53", Place.OUTSIDE),
    ],
)
def test_where_the_ranges_are_not_known_a_private_address_is_not_proven_to_be_outside(
    address: str, place: Place
) -> None:
    assert world(ranges=False).places.place(address).place is place


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.168.7.7:443", Place.OUTSIDE),
        ("[::ffff:192.168.7.7]:443", Place.OUTSIDE),
        ("127.117.251.200:80", Place.OUTSIDE),
        # The proxy's own pod, and pods and Services that are there, stay what they are.
        ("127.0.0.1:80", Place.INSIDE),
        ("10.0.0.2:80", Place.INSIDE),
        ("10.0.0.9:80", Place.PROXY),
    ],
)
def test_what_is_declared_to_be_outside_is_outside_unless_a_pod_has_it(address: str, place: Place) -> None:
    declared = ("192.168.0.0/16", "127.117.0.0/16", "127.0.0.0/16", "10.0.0.0/29", "10.0.0.9/32")
    assert world(ranges=False, outside=declared).places.place(address).place is place


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::FFFF:0A00:0001", "10.0.0.1"),
        ("0:0:0:0:0:ffff:a00:1", "10.0.0.1"),
        ("64:ff9b::10.0.0.1", "10.0.0.1"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:10.0.0.1%3", "10.0.0.1"),
        # Other NAT64 prefixes are a network's own: what is behind them is not known.
        ("64:ff9b:1::a00:1", "64:ff9b:1::a00:1"),
        # Octal and short forms are no addresses.
        ("010.0.0.1", None),
        ("10.1", None),
        ("0x0a000001", None),
        ("10.0.0.1 ", None),
        ("", None),
        ("localhost", None),
    ],
)
def test_each_place_has_one_spelling(text: str, canonical: str | None) -> None:
    assert canonical_ip(text) == canonical


@pytest.mark.parametrize(
    ("address", "ip", "port"),
    [
        ("10.0.0.1:80", "10.0.0.1", 80),
        ("[::1]:443", "::1", 443),
        ("[::ffff:10.0.0.1]:0", "10.0.0.1", 0),
        ("10.0.0.1", None, None),
        ("10.0.0.1:http", None, None),
        ("10.0.0.1:²", None, None),
        ("10.0.0.1:-1", None, None),
        (":80", None, None),
        (None, None, None),
    ],
)
def test_a_socket_has_an_ip_and_a_port_or_neither(address: str | None, ip: str | None, port: int | None) -> None:
    assert (ip_of(address), port_of(address)) == (ip, port)


@given(st.ip_addresses())
def test_a_canonical_address_is_its_own_spelling(address: object) -> None:
    found = canonical_ip(str(address))
    assert found is not None
    assert canonical_ip(found) == found


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_in_the_same_place(address: object) -> None:
    known = world().places
    plain = known.place(f"{address}:80")
    for spelled in (f"[::ffff:{address}]:80", f"[64:ff9b::{address}]:80"):
        assert known.place(spelled) == plain
        assert is_own(spelled) is is_own(f"{address}:80")


@given(st.text(max_size=30))
def test_no_text_is_too_odd_for_a_place(text: str) -> None:
    assert world().places.place(text).place in Place


@pytest.mark.parametrize(
    ("host", "service"),
    [
        (None, ""),
        ("docs.redhat.com", ""),
        ("gw.egress.svc.cluster.local", "gateway"),
        ("GW.egress.svc.cluster.local.", "gateway"),
        ("shop.shop.svc.cluster.local", "pods"),
        ("by-hand.shop.svc.cluster.local", "other"),
        ("nobody.shop.svc.cluster.local", "gone"),
        ("kubernetes.default.svc.cluster.local", "api-server"),
        ("a.svc", ""),
        ("x.y.svc.evil.example.com", "gone"),
    ],
)
def test_what_is_behind_a_host(host: str | None, service: str) -> None:
    assert world().places.service_of(host) == service
