"""Which waypoint istiod binds a service to, and what it says where it binds it to none."""

from __future__ import annotations

import pytest
from support.mesh import GATEWAY_API, entry, obj

from egressaudit.mesh import trim
from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.waypoints import BOUND, MISSING, conditions, service_binding, waypoints, workload_binding

USE, CANARY, FOR = "istio.io/use-waypoint", "istio.io/use-waypoint-canary", "istio.io/waypoint-for"
HBONE = {"name": "mesh", "port": 15008, "protocol": "HBONE"}


def gateway(where: str = "egress/wp", *, allowed=None, addresses=None, listeners=None, **more):
    routes = {} if allowed is None else {"allowedRoutes": {"namespaces": allowed}}
    name, namespace = where.partition("/")[2], where.partition("/")[0]
    ready = [{"type": "Hostname", "value": f"{name}.{namespace}.svc.cluster.local"}]
    spec = {"gatewayClassName": "istio-waypoint", "listeners": listeners or [{**HBONE, **routes}]}
    status = {"addresses": ready if addresses is None else addresses}
    return obj("Gateway", where, GATEWAY_API, spec=spec, status=status, **more)


def namespace(name: str, **labels_and_annotations):
    return obj("Namespace", name, "v1", **labels_and_annotations)


def bound(*objects, **known):
    """The binding of ServiceEntry shop/docs: the waypoints with their shares, or why there is none."""
    index = Objects.of(trim(each) for each in objects)
    se = index.one(ISTIO, "ServiceEntry", "shop", "docs")
    binding = service_binding(index, waypoints(index), se, **known)
    shares = " ".join(f"{each.ref}:{share}" for each, share in binding.shares)
    return f"{shares} {binding.error}".strip()


def docs(host="docs.redhat.com", annotations=None, **labels):
    made = entry("shop/docs", host, labels={f"istio.io/{key.replace('_', '-')}": said for key, said in labels.items()})
    made["metadata"]["annotations"] = annotations or {}
    return made


HERE, THERE = gateway("shop/wp"), gateway("egress/wp", allowed={"from": "All"})
SHOP = namespace("shop", labels={"team": "a"})
TEAM = {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}
NOT_TEAM = {"from": "Selector", "selector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}
OTHER = {"use_waypoint": "wp", "use_waypoint_namespace": "egress"}
BY_NAMESPACE = {USE: "wp", f"{USE}-namespace": "egress"}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        # Who asks for which one.
        ([HERE, docs()], ""),
        ([HERE, docs(use_waypoint="wp")], "shop/wp:100"),
        ([HERE, docs(use_waypoint="")], "WaypointIsNotReady"),
        ([HERE, docs(use_waypoint="none")], ""),
        ([HERE, docs(use_waypoint="pw")], "WaypointIsNotReady"),
        ([THERE, docs(use_waypoint="wp")], "WaypointIsNotReady"),
        ([THERE, docs(**OTHER)], "egress/wp:100"),
        ([THERE, namespace("shop", labels=BY_NAMESPACE), docs()], "egress/wp:100"),
        ([THERE, HERE, namespace("shop", labels=BY_NAMESPACE), docs(use_waypoint="wp")], "shop/wp:100"),
        ([THERE, namespace("shop", labels=BY_NAMESPACE), docs(use_waypoint="none")], ""),
        ([THERE, namespace("shop", labels=BY_NAMESPACE), docs(use_waypoint="pw")], "WaypointIsNotReady"),
        ([HERE, namespace("shop", labels={USE: "none"}), docs()], ""),
        ([HERE, docs(use_waypoint="wp") | {"spec": {}}], "shop/wp:100"),
        # Whether the Gateway is a waypoint at all: it has an address, whatever its class.
        ([gateway("shop/wp", addresses=[]), docs(use_waypoint="wp")], "WaypointIsNotReady"),
        ([gateway("shop/wp", addresses=[{"value": "10.0.0.1"}]), docs(use_waypoint="wp")], ""),
        ([gateway("shop/wp", addresses=[{"type": "IPAddress", "value": "10.0.0.1"}]), docs(use_waypoint="wp")],
         "shop/wp:100"),
        ([gateway("shop/wp", addresses=[{"type": "IPAddress", "value": "one"}]), docs(use_waypoint="wp")], ""),
        # Whom it admits.
        ([gateway("egress/wp"), SHOP, docs(**OTHER)], "AttachmentDenied"),
        ([gateway("egress/wp", allowed={"from": "Same"}), SHOP, docs(**OTHER)], "AttachmentDenied"),
        ([gateway("egress/wp", allowed=TEAM), SHOP, docs(**OTHER)], "egress/wp:100"),
        ([gateway("egress/wp", allowed=NOT_TEAM), SHOP, docs(**OTHER)], "AttachmentDenied"),
        ([gateway("egress/wp", allowed={"from": "Selector"}), SHOP, docs(**OTHER)], "AttachmentDenied"),
        ([gateway("egress/wp", allowed={"from": "Nobody"}), SHOP, docs(**OTHER)], "AttachmentDenied"),
        ([gateway("egress/wp", listeners=[{**HBONE, "port": 15009, "allowedRoutes": {"namespaces": {"from": "All"}}}]),
          SHOP, docs(**OTHER)], "AttachmentDenied"),
        ([gateway("shop/wp", allowed=NOT_TEAM), SHOP, docs(use_waypoint="wp")], "AttachmentDenied"),
        ([gateway("egress/wp", annotations={"ambient.istio.io/waypoint-inbound-binding": "PROXY/80"},
                  listeners=[HBONE, {"port": 80, "allowedRoutes": {"namespaces": {"from": "All"}}}]),
          SHOP, docs(**OTHER)], "egress/wp:100"),
        # What it is for.
        ([gateway("shop/wp", labels={FOR: "all"}), docs(use_waypoint="wp")], "shop/wp:100"),
        ([gateway("shop/wp", labels={FOR: "workload"}), docs(use_waypoint="wp")], "UnsupportedTrafficType"),
        ([gateway("shop/wp", labels={FOR: "none"}), docs(use_waypoint="wp")], "UnsupportedTrafficType"),
        ([HERE, obj("GatewayClass", "istio-waypoint", GATEWAY_API, labels={FOR: "workload"}), docs(use_waypoint="wp")],
         "UnsupportedTrafficType"),
        # A waypoint's own Service has none.
        ([HERE, docs(use_waypoint="wp") | {"metadata": {"namespace": "shop", "name": "docs", "labels":
          {USE: "wp", "gateway.istio.io/managed": "istio.io-mesh-controller"}}}], ""),
    ],
)  # fmt: skip
def test_the_waypoint_that_a_service_is_bound_to(objects, expected):
    assert bound(*objects) == expected


WEIGHT = "istio.io/use-waypoint-canary-weight"
NEW = gateway("shop/new")


def canary(weight=None, canary="new", **labels):
    """A ServiceEntry that asks for shop/wp and a canary."""
    annotations = {} if weight is None else {WEIGHT: weight}
    return docs(annotations=annotations, use_waypoint="wp", use_waypoint_canary=canary, **labels)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([HERE, NEW, canary("30")], "shop/wp:70 shop/new:30"),
        ([HERE, NEW, canary("+30")], "shop/wp:70 shop/new:30"),
        ([HERE, NEW, canary()], "shop/wp:100"),
        ([HERE, NEW, canary("100")], "shop/new:100"),
        ([HERE, NEW, canary("101")], "shop/wp:100 CanaryInvalidWeight"),
        ([HERE, NEW, canary("half")], "shop/wp:100 CanaryInvalidWeight"),
        ([HERE, NEW, canary("3_0")], "shop/wp:100 CanaryInvalidWeight"),
        ([HERE, NEW, canary("30", canary="wp")], "shop/wp:100 CanarySameAsPrimary"),
        ([HERE, NEW, canary("30", canary="")], "shop/wp:100"),
        ([HERE, NEW, canary("30", canary="none")], "shop/wp:100"),
        ([HERE, canary("30")], "shop/wp:100 WaypointIsNotReady"),
        ([HERE, gateway("shop/new", labels={FOR: "workload"}), canary("30")], "shop/wp:100 UnsupportedTrafficType"),
        ([HERE, gateway("egress/new"), canary("30", use_waypoint_canary_namespace="egress")],
         "shop/wp:100 AttachmentDenied"),
        # A canary without a waypoint to share with is nothing.
        ([NEW, canary("30")], "WaypointIsNotReady"),
        # It is inherited from where the waypoint is.
        ([HERE, NEW, namespace("shop", labels={USE: "wp", CANARY: "new"}, annotations={WEIGHT: "5"}), docs()],
         "shop/wp:95 shop/new:5"),
        ([HERE, NEW, namespace("shop", labels={CANARY: "new"}, annotations={WEIGHT: "5"}), docs(use_waypoint="wp")],
         "shop/wp:100"),
    ],
)  # fmt: skip
def test_a_canary_takes_its_share(objects, expected):
    assert bound(*objects) == expected


def test_what_the_mesh_shows_to_one_namespace_is_for_no_waypoint_elsewhere():
    assert bound(THERE, docs(**OTHER), namespace_only=True) == "CrossNamespaceWaypointForbidden"
    assert bound(HERE, docs(use_waypoint="wp"), namespace_only=True) == "shop/wp:100"


@pytest.mark.parametrize(
    ("se", "expected"),
    [
        (docs(use_waypoint="wp"), {BOUND: (True, "WaypointAccepted")}),
        (docs(use_waypoint="pw"), {BOUND: (False, "WaypointIsNotReady")}),
        (docs(), {}),
        (docs("*.redhat.com"), {MISSING: (True, "NoWaypointForWildcardService")}),
        (docs("*.redhat.com", use_waypoint="wp"), {BOUND: (True, "WaypointAccepted")}),
        (docs(annotations={"istio.io/connect-strategy": "race_first_tcp_connect"}),
         {MISSING: (True, "NoWaypointForRacingConnectStrategy")}),
        # A canary's error leaves it bound.
        (canary("101"), {BOUND: (True, "WaypointAccepted")}),
    ],
)  # fmt: skip
def test_the_conditions_that_istiod_writes(se, expected):
    index = Objects.of(trim(each) for each in (HERE, NEW, se))
    obj = index.one(ISTIO, "ServiceEntry", "shop", "docs")
    host = se["spec"]["hosts"][0]
    assert conditions(service_binding(index, waypoints(index), obj), obj, host) == expected


@pytest.mark.parametrize(
    ("made", "labels", "expected"),
    [
        ([gateway("shop/wp", labels={FOR: "workload"})], {USE: "wp"}, "shop/wp"),
        ([gateway("shop/wp", labels={FOR: "all"})], {USE: "wp"}, "shop/wp"),
        ([HERE], {USE: "wp"}, "UnsupportedTrafficType"),
        # Inherited from the namespace, it is no error: the waypoint is for its services.
        ([HERE, namespace("shop", labels={USE: "wp"})], {}, ""),
        ([gateway("shop/wp", labels={FOR: "all"}), namespace("shop", labels={USE: "wp"})], {}, "shop/wp"),
        # The waypoint's own pods.
        ([gateway("shop/wp", labels={FOR: "all"})],
         {USE: "wp", "gateway.networking.k8s.io/gateway-name": "wp"}, ""),
    ],
)  # fmt: skip
def test_the_waypoint_that_a_workload_is_bound_to(made, labels, expected):
    index = Objects.of(trim(each) for each in made)
    binding = workload_binding(index, waypoints(index), "shop", labels)
    assert expected == (binding.error or (str(binding.waypoint.ref) if binding.waypoint else ""))
