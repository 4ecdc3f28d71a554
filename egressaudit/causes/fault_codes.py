"""The cause that each fault of the configuration comes to, so that `analyze` speaks of it as `verify` and `audit` do.

In: a `Fault`. Out: its code, e.g. EC26 for `mesh-gateway-missing`; EA405, the control of all faults, where none is one.
"""

from __future__ import annotations

from collections.abc import Mapping

from egressaudit.model import Fault

FAULT = "EA405"
_BY_SLUG: Mapping[str, str] = {
    "host-not-registered": "EC13",
    "port-not-claimed": "EC27",
    "port-not-registered": "EC17",
    "protocol-differs": "EC17",
    "not-exported": "EC29",
    "not-exported-to-gateway": "EC60",
    "not-imported": "EC29",
    "mesh-gateway-missing": "EC26",
    "rival-rule": "EC30",
    "rule-shadowed": "EC31",
    "rule-blind": "EC28",
    "conditional": "EC32",
    "sni-hosts-missing": "EC28",
    "other-source-labels": "EC32",
    "other-source-namespace": "EC32",
    "matched-port-missing": "EC27",
    "destination-missing": "EC51",
    "subset-undefined": "EC80",
    "service-port-missing": "EC82",
    "sent-around-gateway": "EC33",
    "sent-past-gateway": "EC31",
    "sent-to-other-host": "EC84",
    "not-sent-to-gateway": "EC88",
    "cluster-missing": "EC51",
    "gateway-missing": "EC57",
    "gateway-not-listed": "EC57",
    "gateway-selects-others": "EC54",
    "server-missing": "EC56",
    "served-on-other-port": "EC82",
    "forwarded-on-other-port": "EC82",
    "not-forwarded": "EC57",
    "not-listening": "EC82",
    "server-name-not-served": "EC56",
    "no-route-at-gateway": "EC57",
    "other-tls-at-gateway": "EC58",
    "not-http-at-gateway": "EC58",
    "waypoints-differ": "EC52",
    "waypoint-missing": "EC44",
    "waypoint-class-differs": "EC47",
    "waypoint-for-others": "EC46",
    "waypoint-needs-address": "EC48",
    "waypoint-skipped-for-endpoint": "EC81",
    "waypoint-unreachable": "EC55",
    "waypoint-serves-one-of": "EC52",
    "sidecar-skips-waypoint": "EC41",
    "ambient-skips-routes": "EC40",
    "no-ready-pod": "EC55",
    "use-denied": "EC61",
    "use-limited": "EC61",
    "logging-off": "EC73",
    "logging-filtered": "EC73",
}
_OF_KIND: Mapping[tuple[str, str], str] = {
    ("not-exported", "ServiceEntry"): "EC15",
    ("parent-missing", "ServiceEntry"): "EC35",
    ("parent-missing", "Gateway"): "EC57",
    ("not-imported", "ServiceEntry"): "EC16",
    ("rule-blind", "Route"): "EC37",
    ("other-source-namespace", "Route"): "EC36",
    ("destination-missing", "Route"): "EC39",
    ("condition-false", "Gateway"): "EC47",
}
"""Where it depends on the kind of an object: `Route` is any route of the Gateway API."""


def code_of(fault: Fault) -> str:
    """The code of the cause that a fault is, else that of the control of faults."""
    kinds = [each.partition(" ")[0] for each in fault.objects]
    for (slug, kind), code in _OF_KIND.items():
        if slug == fault.slug and any(each.endswith(kind) for each in kinds):
            return code
    return _BY_SLUG.get(fault.slug, FAULT)
