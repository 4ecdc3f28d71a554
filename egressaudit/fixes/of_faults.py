"""The fixes of faults: what `analyze` shows, where there is no traffic and so no cause.

In: a fault, and one host, port and source that it hits. Out: suggested fixes. Example: `mesh-gateway-missing` of
VirtualService egress/docs has the fix of EC26.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from egressaudit.fixes.suggestions import with_fixes
from egressaudit.mesh import Mesh
from egressaudit.model import Cause, Fault, FoundCause, ObjectRef, Scheme, Stage, SuggestedFix

_ROUTE = "Route"
_ANY = ""

KINDS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("host-not-registered", _ANY): "service-entry",
        ("port-not-claimed", _ANY): "rule-port",
        ("port-not-registered", _ANY): "entry-port",
        ("protocol-differs", _ANY): "entry-port",
        ("not-exported", "ServiceEntry"): "export",
        ("not-exported", "VirtualService"): "export-rule",
        ("not-exported-to-gateway", _ANY): "export-to-gateway",
        ("not-imported", _ANY): "import",
        ("mesh-gateway-missing", _ANY): "mesh-gateway",
        ("rival-rule", _ANY): "merge-rules",
        ("rule-shadowed", _ANY): "rule-order",
        ("rule-blind", "VirtualService"): "rule-kind",
        ("rule-blind", _ROUTE): "tls-route",
        ("sni-hosts-missing", _ANY): "rule-kind",
        ("conditional", "VirtualService"): "rule-match",
        ("other-source-labels", _ANY): "rule-match",
        ("other-source-namespace", "VirtualService"): "rule-match",
        ("other-source-namespace", _ROUTE): "route-namespace",
        ("destination-missing", "VirtualService"): "destination",
        ("destination-missing", _ROUTE): "backend",
        ("subset-undefined", _ANY): "subset",
        ("service-port-missing", _ANY): "gateway-port",
        ("sent-around-gateway", "VirtualService"): "weights",
        ("parent-missing", _ROUTE): "parent",
        ("gateway-not-listed", _ANY): "gateway-route",
        ("gateway-selects-others", _ANY): "gateway-selector",
        ("server-missing", _ANY): "gateway-server",
        ("served-on-other-port", _ANY): "gateway-server",
        ("not-forwarded", _ANY): "gateway-route",
        ("namespace-not-allowed", _ANY): "waypoint-routes",
        ("waypoints-differ", _ANY): "merge-entries",
        ("waypoint-missing", _ANY): "use-waypoint",
        ("waypoint-class-differs", _ANY): "waypoint",
        ("waypoint-for-others", _ANY): "waypoint-for",
        ("sidecar-skips-waypoint", _ANY): "gateway-for-sidecars",
        ("ambient-skips-routes", _ANY): "use-waypoint",
    }
)
"""The kind of fix by a fault's slug and the kind of its first object: a kind, the end of one, or any."""


def fault_fixes(
    fault: Fault, mesh: Mesh, target: tuple[str, int, Scheme], source: ObjectRef, via: ObjectRef | None
) -> tuple[SuggestedFix, ...]:
    """What would fix a fault as it hits one host, port and source."""
    kind = fault.objects[0].partition(" ")[0] if fault.objects else ""
    slug = next((fix for (name, end), fix in KINDS.items() if name == fault.slug and kind.endswith(end)), "")
    if not slug:
        return ()
    host, port, scheme = target
    cause = Cause("", fault.slug, fault.message, Stage.STEERED, "", "", "", fix=slug)
    found = FoundCause(cause, (fault.message,), fault.objects, fault.field, host, port, scheme, source, via)
    return with_fixes((found,), mesh)[0].fixes
