"""What counts as a disagreement: rows of istiod's choices and of the model's."""

import pytest

from egressaudit.model import Act, Call, Choice, ObjectRef, Reporter, RouteDestination, Scheme, Step
from istiod.compare import Said, disagreements, istiod_says, model_says
from istiod.figures import Figures
from istiod.objects import GATEWAY_API, GATEWAY_NAME, MANAGED, obj, pod

CLUSTER = "outbound|80||docs.example.com"
CALL = {"host": "docs.example.com", "port": 80, "scheme": "http", "path": "/", "method": "GET"}
ENTRY = obj("ServiceEntry", "app/docs", {
    "hosts": ["docs.example.com"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}], "resolution": "DNS",
    "location": "MESH_EXTERNAL",
})  # fmt: skip
PROXY = {
    "kind": "sidecar",
    "namespace": "app",
    "name": "curl-1",
    "ip": "10.0.0.1",
    "labels": {"app": "curl"},
    "calls": [CALL],
}
CASE = {
    "id": "1/1", "objects": [pod("app/curl-1", "10.0.0.1", {"app": "curl"}, "app", "istio-proxy"), ENTRY],
    "proxies": [PROXY],
}  # fmt: skip


def answer(**choice):
    said = {
        "address": "203.0.113.7",
        "listener": "0.0.0.0_80",
        "choices": [{"act": "send", "route": "default", **choice}],
    }
    return {"id": "1/1", "proxies": [{"namespace": "app", "name": "curl-1", "answers": [said]}]}


def to(cluster, weight=100, **more):
    return {"name": cluster, "weight": weight, **more}


def test_the_same_is_no_disagreement():
    assert disagreements(CASE, answer(clusters=[to(CLUSTER)])) == []


@pytest.mark.parametrize(
    "choice",
    [
        {"clusters": [to("outbound|443||docs.example.com")]},
        {"clusters": [to(CLUSTER, 50), to("outbound|81||docs.example.com", 50)]},
        {"clusters": [to(CLUSTER, missing=True)], "act": "refuse", "reason": "no-cluster"},
        {"clusters": [to(CLUSTER)], "route": "allow_any"},
        {"clusters": [to(CLUSTER)], "when": ["path"]},
        {"clusters": [to(CLUSTER)], "authority": "other.test"},
        {"act": "answer", "reason": "redirect"},
    ],
)
def test_another_cluster_share_route_condition_or_act_is_one(choice):
    (found,) = disagreements(CASE, answer(**choice))
    assert (found.case, found.kind) == ("1/1", "sidecar")
    figures = Figures()
    figures.add(CASE, answer(**choice), [found])
    assert "| sidecars | 1 | 1 | 1 | 10,000 | 0 |" in figures.table()


def test_what_istiod_refuses_is_not_in_the_world():
    refused = {**answer(clusters=[to(CLUSTER)]), "refused": [{"object": "ServiceEntry app/docs", "why": "wrong"}]}
    assert disagreements(CASE, refused)


def test_shares_are_in_percent_and_what_is_missing_is_refused_first():
    said = {
        "listener": "l",
        "choices": [{"act": "send", "clusters": [to("a", 1), to("b", 2), to("c", 1, missing=True)]}],
    }
    assert istiod_says(said) == (
        "l",
        [
            Said("refuse", "", (), True, "no-cluster", "", ""),
            Said("send", "", (("a", 25), ("b", 50)), False, "", "", ""),
        ],
    )


SERVED = [
    obj("Namespace", "app", labels={"istio.io/use-waypoint": "wp"}),
    obj("ServiceEntry", "app/two", {
        "hosts": ["one.test", "two.test"], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "DNS", "addresses": ["203.0.113.7", "203.0.113.8"],
    }),
    obj("Gateway", "app/wp", {
        "gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    }, api=GATEWAY_API, status={"addresses": [{"type": "Hostname", "value": "wp.app.svc.cluster.local"}]}),
    pod("app/wp-1", "10.0.0.20", {GATEWAY_NAME: "wp", MANAGED: "istio.io-mesh-controller"}, "istio-proxy"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("choices", "agrees"),
    [
        ([{"act": "send", "route": "default", "clusters": [to("inbound-vip|80|http|one.test")]}], True),
        ([{"act": "send", "route": "default", "clusters": [to("inbound-vip|80|http|two.test")]}], True),
        ([{"act": "refuse", "reason": "no-filter-chain"}], True),
        ([{"act": "refuse", "reason": "no-route"}], False),
        ([{"act": "send", "route": "default", "clusters": [to("inbound-vip|80|tcp|one.test")]}], False),
        ([{"act": "send", "route": "default", "clusters": [to("inbound-vip|80|http|one.test")]},
          {"act": "refuse", "reason": "no-filter-chain"}], False),
    ],
)  # fmt: skip
def test_what_istiod_leaves_to_chance_agrees_if_it_is_one_of_what_the_model_allows(choices, agrees):
    """2026/12994: each of the two hosts is served at one of the two addresses, so one, the other or none answers here."""
    proxy = {"kind": "waypoint", "namespace": "app", "name": "wp-1", "calls": [{**CALL, "host": "one.test"}]}
    said = {"address": "203.0.113.7", "listener": "main_internal", "choices": choices}
    found = disagreements({"id": "1/1", "objects": SERVED, "proxies": [proxy]}, {"proxies": [{"answers": [said]}]})
    assert [each.kind for each in found] == ([] if agrees else ["waypoint"])


def test_a_step_is_told_in_the_same_words():
    call = Call("docs.example.com", 80, Scheme.HTTP)
    sends = Choice(Act.SEND, "r", to=(RouteDestination("a", "docs.example.com", 80, weight=25),), when=("headers x",))
    step = Step(ObjectRef("app", "curl-1"), Reporter.SIDECAR, call, "l", (sends, Choice(Act.REFUSE, reason="no-route")))
    assert model_says(step) == (
        "l",
        [Said("send", "r", (("a", 25),), True, "", "", ""), Said("refuse", "", (), False, "no-route", "", "")],
    )
