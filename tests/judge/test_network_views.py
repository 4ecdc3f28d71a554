"""What the network enforces, beside declared and observed: for blind spots, sources and gateways."""

from __future__ import annotations

from typing import Any

from support.mesh import obj, plugin

from egressaudit.judge.network_views import network_views
from egressaudit.judge.network_words import blind_spot_words, network_words
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.model import NetworkReach, ReachState

PLUGIN = plugin("kube-system/cilium")


def pod(name: str, **labels: str) -> dict[str, Any]:
    status = {"podIPs": [{"ip": "10.1.0.5"}], "phase": "Running"}
    return obj(
        "Pod", name, "v1", labels=labels, spec={"nodeName": "n1", "containers": [{"name": "app"}]}, status=status
    )


def deny(name: str, **labels: str) -> dict[str, Any]:
    spec = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Egress"]}
    return obj("NetworkPolicy", name, "networking.k8s.io/v1", spec=spec)


def mesh(*objects: dict[str, Any]) -> Mesh:
    own = [obj("Namespace", "shop", "v1"), pod("shop/cart-1", app="cart"), pod("shop/web-1", app="web")]
    return Mesh.of([*own, *objects], [each.name for each in RESOURCES])


def spots(of: Mesh) -> dict[str, str]:
    return {each.subject: blind_spot_words(each) for each in of.blind_spots() if each.subject.startswith("shop/")}


def test_a_blind_spot_says_whether_the_network_closes_it() -> None:
    why = "the pod has no sidecar and is not in ambient mode"
    closed = "NetworkPolicy shop/no lets it reach nothing outside the cluster"
    free = "no network policy keeps it from leaving"
    assert spots(mesh(deny("shop/no", app="cart"), PLUGIN)) == {
        "shop/cart-1": f"{why}; closed by configuration: {closed}, and cilium enforces that",
        "shop/web-1": f"{why}; {free}",
    }
    # Without proof of a plugin that enforces policies they are only objects.
    assert spots(mesh(deny("shop/no", app="cart")))["shop/cart-1"] == (
        f"{why}; {closed}, if the network plugin enforces policies, which is not proven"
    )


def test_nothing_is_said_where_no_policy_was_read() -> None:
    of = mesh(deny("shop/no", app="cart"), PLUGIN)
    older = Mesh.from_json({**of.to_json(), "read": ["Pod", "Namespace"]})
    assert spots(older)["shop/cart-1"] == "the pod has no sidecar and is not in ambient mode"
    assert network_views(older, older.pods) == ()


def test_workloads_that_the_network_treats_alike_are_one_view() -> None:
    of = mesh(deny("shop/no", app="cart"), pod("shop/cart-2", app="cart"), PLUGIN)
    shop = [each for each in of.pods if each.namespace == "shop"]
    assert [(view.who, view.reach.state) for view in network_views(of, shop)] == [
        (("shop/Pod/cart-1", "shop/Pod/cart-2"), ReachState.CLOSED),
        (("shop/Pod/web-1",), ReachState.OPEN),
    ]
    assert network_views(mesh(), mesh().pods) == (), "without any policy there is nothing to show"


def test_what_is_left_open_is_named() -> None:
    left = NetworkReach(ReachState.PARTLY, ("EgressFirewall shop/default",), ("203.0.113.0/24, by X",), "OVNKubernetes")
    assert network_words(left) == (
        "EgressFirewall shop/default lets it reach only part of the outside (203.0.113.0/24, by X), and "
        "OVNKubernetes enforces that"
    )
