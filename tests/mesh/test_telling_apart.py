"""Which pods the configuration treats alike: only what is the same for both may be worked out once."""

from __future__ import annotations

import pytest
from support.mesh import APPS, obj, pod, route, sidecar

from egressaudit.mesh import Mesh
from egressaudit.mesh.telling_apart import told_apart

ZTUNNEL = {"app": "ztunnel"}
REVISIONS = tuple(
    obj("ConfigMap", f"istio-system/{name}", "v1", data={"mesh": ""}) for name in ("istio", "istio-canary")
)
CART, WEB = {"app": "cart"}, {"app": "web"}


def ztunnels(*planes: str):
    """One on each node n1, n2 ..., whose configuration is that of this control plane."""
    yield obj(
        "DaemonSet", "istio-system/ztunnel", APPS,
        spec={"template": {"metadata": {"labels": ZTUNNEL}, "spec": {"containers": [{"name": "istio-proxy"}]}}},
    )  # fmt: skip
    for number, plane in enumerate(planes, start=1):
        made = pod(
            f"istio-system/ztunnel-{number}", f"10.0.2.{number}", "istio-proxy",
            labels=ZTUNNEL, owner="DaemonSet/ztunnel", image="istio/ztunnel:1.27.1",
        )  # fmt: skip
        env = [{"name": "CA_ADDRESS", "value": f"istiod-{plane}.istio-system.svc:15012"}]
        made["spec"] |= {"nodeName": f"n{number}", "serviceAccountName": "ztunnel"}
        made["spec"]["containers"][0]["env"] = env
        yield made


def ambient(where: str, node: str):
    made = pod(where, "10.0.0.8", "app", annotations={"ambient.istio.io/redirection": "enabled"})
    made["spec"]["nodeName"] = node
    return made


def captures_dns(made):
    made["spec"]["containers"][1]["env"] = [{"name": "ISTIO_META_DNS_CAPTURE", "value": "true"}]
    return made


@pytest.mark.parametrize(
    ("one", "other", "more", "same"),
    [
        (sidecar("shop/a-1", "10.0.0.1"), sidecar("shop/b-1", "10.0.0.2"), (), True),
        (sidecar("shop/a-1", "10.0.0.1", labels=CART), sidecar("shop/b-1", "10.0.0.2", labels=WEB), (), True),
        (sidecar("shop/a-1", "10.0.0.1"), sidecar("pay/b-1", "10.0.0.2"), (), False),
        (sidecar("shop/a-1", "10.0.0.1"), sidecar("shop/b-1", "fd00::2"), (), False),
        (sidecar("shop/a-1", "10.0.0.1"), captures_dns(sidecar("shop/b-1", "10.0.0.2")), (), False),
        (sidecar("shop/a-1", "10.0.0.1"), ambient("shop/b-1", "n1"), (), False),
        (
            sidecar("shop/a-1", "10.0.0.1", labels=CART),
            sidecar("shop/b-1", "10.0.0.2", labels=WEB),
            (route(match=[{"sourceLabels": CART}]),),
            False,
        ),
        (
            sidecar("shop/a-1", "10.0.0.1"),
            sidecar("shop/b-1", "10.0.0.2", annotations={"sidecar.istio.io/status": '{"revision": "canary"}'}),
            REVISIONS,
            False,
        ),
        # With a gateway's marks it sends as one, though the injector made a sidecar of it.
        (
            sidecar("shop/a-1", "10.0.0.1"),
            sidecar("shop/b-1", "10.0.0.2", labels={"gateway.networking.k8s.io/gateway-name": "out"}),
            (),
            False,
        ),
        # The ztunnels of two nodes may ask two control planes.
        (ambient("shop/a-1", "n1"), ambient("shop/b-1", "n2"), tuple(ztunnels("old", "old")), True),
        (ambient("shop/a-1", "n1"), ambient("shop/b-1", "n2"), tuple(ztunnels("old", "new")), False),
        (ambient("shop/a-1", "n1"), ambient("shop/b-1", "n2"), tuple(ztunnels("old")), False),
    ],
)
def test_pods_are_alike_unless_the_configuration_can_tell_them_apart(one, other, more, same) -> None:
    world = Mesh.of([one, other, *more]).world
    first, second = (told_apart(world, each) for each in world.pods if each.namespace in ("shop", "pay"))
    assert (first == second) is same
