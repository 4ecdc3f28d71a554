"""Gateways of the Gateway API that istiod itself serves: by class, and the Services in front of their proxies.

In: a Gateway. Out: its controller, and the hosts of its Services. Example: the Gateway shop/out of class `istio` has
the Service `out-istio.shop.svc.cluster.local`, which istiod makes for it.

Source: istio/istio pilot/pkg/config/kube/gatewaycommon/classinfo.go, gateway_utils.go, gatewayclass_collection.go.
"""

from __future__ import annotations

from egressaudit.mesh.apis import GATEWAY_API
from egressaudit.mesh.marks import WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.untyped import rows, text

GATEWAY_CONTROLLER = "istio.io/gateway-controller"
WAYPOINT_CONTROLLER = "istio.io/mesh-controller"
REMOTE_CONTROLLER = "istio.io/unmanaged-gateway"
OPENSHIFT_CONTROLLER = "openshift.io/gateway-controller"
"""Of OpenShift's ingress operator, which starts istiod with PILOT_GATEWAY_API_CONTROLLER_NAME."""
_BUILT_IN = {
    "istio": GATEWAY_CONTROLLER,
    WAYPOINT_CLASS: WAYPOINT_CONTROLLER,
    "istio-remote": REMOTE_CONTROLLER,
}
NAME_OVERRIDE = "gateway.istio.io/name-override"
DOMAIN = "cluster.local"


def controller(objects: Objects, gateway: Obj) -> str:
    """The controller of a Gateway's class; '' if istiod leaves it to others, or serves no routes there.

    istiod makes its own classes, so a snapshot without any did not read them, and then any other class may be its.
    """
    name = text(gateway.spec.get("gatewayClassName"))
    known = objects.one(GATEWAY_API, "GatewayClass", "", name)
    if known is not None:
        said = text(known.spec.get("controllerName"))
    elif name in _BUILT_IN:
        said = _BUILT_IN[name]
    else:
        said = "" if objects.all(GATEWAY_API, "GatewayClass") else GATEWAY_CONTROLLER
    served = (GATEWAY_CONTROLLER, OPENSHIFT_CONTROLLER, WAYPOINT_CONTROLLER)
    return said if said in served else ""


def gateway_services(gateway: Obj, controlled_by: str) -> tuple[str, ...]:
    """The hosts of the Services whose proxies a Gateway is for; empty where it names none that can be used.

    conversion.go extractGatewayServices: the Service that istiod makes, or those of `spec.addresses`.
    """
    addresses = rows(gateway.spec.get("addresses"))
    if is_managed(gateway):
        class_name = text(gateway.spec.get("gatewayClassName"))
        plain = controlled_by == WAYPOINT_CONTROLLER
        name = gateway.annotations.get(NAME_OVERRIDE) or (gateway.name if plain else f"{gateway.name}-{class_name}")
        return (f"{name}.{gateway.namespace}.svc.{DOMAIN}",)
    hosts = [text(each.get("value")) for each in addresses if each.get("type") in (None, "Hostname")]
    return tuple(each if "." in each else f"{each}.{gateway.namespace}.svc.{DOMAIN}" for each in hosts if each)


def is_managed(gateway: Obj) -> bool:
    """Whether istiod deploys the proxies itself (gateway_utils.go IsManaged)."""
    addresses = rows(gateway.spec.get("addresses"))
    return not addresses or (len(addresses) == 1 and addresses[0].get("type") in (None, "IPAddress"))
