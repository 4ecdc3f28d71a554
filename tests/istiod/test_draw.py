"""What is drawn are cases that the program can read, the same each time, of every kind of object and of proxy."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from istiod import draw as drawing
from istiod.draw import draw, drawn
from istiod.objects import API, named

CASES = [drawn(3, number) for number in range(400)]


def test_a_number_names_one_case_for_ever():
    assert drawn(5, 17) == drawn(5, 17)
    assert drawn(5, 17) != drawn(5, 18)
    assert drawn(5, 17)["id"] == "5/17"


@settings(max_examples=50)
@given(st.randoms(use_true_random=False))
def test_every_case_can_be_asked(rng):
    case = draw(rng)
    assert json.loads(json.dumps(case)) == case
    names = [named(each) for each in case["objects"]]
    assert len(names) == len({*names})
    pods = {named(each) for each in case["objects"] if each["kind"] == "Pod"}
    assert {f"Pod {each['namespace']}/{each['name']}" for each in case["proxies"]} == pods
    for proxy in case["proxies"]:
        assert len(proxy["calls"]) <= 8
        assert all({"host", "port", "scheme"} <= {*call} for call in proxy["calls"])


def test_every_kind_of_object_and_of_proxy_is_drawn():
    kinds = Counter(each["kind"] for case in CASES for each in case["objects"])
    assert {*API} - {*kinds} <= {"AuthorizationPolicy", "EndpointSlice", "PeerAuthentication"}
    assert {proxy["kind"] for case in CASES for proxy in case["proxies"]} == {"sidecar", "router", "waypoint"}


def test_every_field_that_decides_is_drawn():
    text = json.dumps([case["objects"] for case in CASES])
    for field in (
        "delegate", "weight", "mirror", "fault", "sniHosts", "exportTo", "egressProxy", "workloadSelector", "tunnel",
        "portLevelSettings", "subset", "allowedRoutes", "sectionName", "hostnames", "endpoints", "addresses",
        "istio.io/use-waypoint", "istio.io/waypoint-for", "istio.io/canary-weight", "Hostname", "ISTIO_MUTUAL", "PASSTHROUGH",
        "DYNAMIC_DNS", "DNS_ROUND_ROBIN", "STATIC", "NONE", "redirect", "directResponse", "urlRewrite",
    ):  # fmt: skip
        assert f'"{field}"' in text, field
    assert any(case.get("mesh", {}).get("outboundTrafficPolicy") for case in CASES)


def test_a_mesh_has_at_most_three_faults_and_often_none(monkeypatch):
    broken = []
    monkeypatch.setattr(drawing, "mutate", broken.append)
    faults = Counter()
    for number in range(100):
        broken.clear()
        drawn(9, number)
        faults[len(broken)] += 1
    assert {*faults} == {0, 1, 2, 3}
    assert faults[0] > 30
