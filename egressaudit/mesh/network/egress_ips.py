"""OpenShift's EgressIPs: the address that the outside sees of what pods send.

In: the objects of a snapshot and a pod, e.g. of an egress gateway. Out: the EgressIPs that it leaves with.
Example: an EgressIP for namespaces labelled `egress: fixed` whose status has 192.0.2.10 on a node gives `192.0.2.10`.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.mesh.apis import OVN, Resource
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.label_selectors import selects
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.model import Pod

KIND = "EgressIP"
RESOURCES = (
    Resource(
        OVN,
        ("v1",),
        "egressips",
        KIND,
        namespaced=False,
        keep=Shape(
            {
                "spec": {"egressIPs": KEEP, "namespaceSelector": KEEP, "podSelector": KEEP, "trafficSelector": KEEP},
                "status": {"items": {"node": KEEP, "egressIP": KEEP}},
            }
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class EgressAddress:
    """An EgressIP that is for a pod."""

    name: str
    addresses: tuple[str, ...]
    """Those that a node has now."""
    waiting: tuple[str, ...]
    """Those that are asked for and that no node has: then traffic leaves with another address, or not at all."""
    in_part: bool
    """Whether it is for some destinations alone."""


def egress_addresses(objects: Objects, pod: Pod) -> tuple[EgressAddress, ...]:
    """The EgressIPs that are for a pod, by name. A pod on its node's network has none."""
    if pod.host_network:
        return ()
    labels = objects.namespace_labels(pod.namespace)
    found = []
    for each in objects.all(OVN, KIND):
        spaces, pods = table(each.spec.get("namespaceSelector")), table(each.spec.get("podSelector"))
        if not (selects(spaces, labels) and selects(pods, pod.labels)):
            continue
        given = tuple(sorted({text(item.get("egressIP")) for item in rows(each.status.get("items"))} - {""}))
        asked = tuple(ip for ip in words(each.spec.get("egressIPs")) if ip not in given)
        found.append(EgressAddress(each.name, given, asked, in_part=bool(table(each.spec.get("trafficSelector")))))
    return tuple(sorted(found, key=lambda each: each.name))
