"""Policies that hold for a proxy: who may use it, and which log formats are in use."""

from __future__ import annotations

from collections.abc import Mapping

from egressaudit.mesh.apis import GATEWAY_API, ISTIO, SECURITY, TELEMETRY, Resource
from egressaudit.mesh.logging.log_formats import formats_in_use, is_custom
from egressaudit.mesh.marks import WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.shapes import KEEP, TARGET, Shape
from egressaudit.mesh.values import picks, rows, table, text, texts
from egressaudit.model import LogFormat, ObjectRef, Reporter

_POLICY = {
    "selector": KEEP,
    "targetRefs": TARGET,
    "targetRef": TARGET,
    "action": KEEP,
    # Conditions may compare header values: that there are some is enough.
    "rules": {"from": {}, "to": {}, "when": {}},
}
RESOURCES = (
    Resource(
        SECURITY,
        ("v1", "v1beta1"),
        "authorizationpolicies",
        "AuthorizationPolicy",
        keep=Shape({"spec": _POLICY}),
    ),
)
_EVERY_WAYPOINT = (GATEWAY_API, "GatewayClass", WAYPOINT_CLASS)


def authorization_gaps(
    objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter
) -> tuple[str, ...]:
    """The AuthorizationPolicies that limit who may use a gateway or waypoint; those that allow all do not."""
    gaps = []
    for policy in objects.all(SECURITY, "AuthorizationPolicy"):
        action, rules = text(policy.spec.get("action")) or "ALLOW", rows(policy.spec.get("rules"))
        open_to_all = any(not each for each in rules)
        harmless = action == "AUDIT" or (action == "ALLOW" and open_to_all) or (action == "DENY" and not rules)
        if harmless or not applies(objects, policy, ref, labels, reporter):
            continue
        nobody = (action == "ALLOW" and not rules) or (action == "DENY" and open_to_all)
        what = "lets nobody use" if nobody else f"({action}) limits who may use"
        gaps.append(f"{policy} {what} {ref}")
    return tuple(gaps)


def custom_formats(objects: Objects) -> tuple[LogFormat, ...]:
    """Every access log format in use, where one of them is not Istio's default; else none."""
    found = formats_in_use(objects.config, [each.spec for each in objects.all(TELEMETRY, "Telemetry")])
    return found if any(is_custom(each) for each in found) else ()


def applies(objects: Objects, policy: Obj, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> bool:
    """Whether a policy holds for a proxy: by targetRefs, by selector, or for its whole namespace or mesh.

    Waypoints heed only targetRefs and policies of the root namespace (istio.io, "L7 authorization policy").
    """
    targets = (*rows(policy.spec.get("targetRefs")), *((table(policy.spec.get("targetRef"))),))
    if any(targets):
        named = {(text(each.get("group")), text(each.get("kind")), text(each.get("name"))) for each in targets}
        here = policy.namespace == ref.namespace

        def runs(gateway: str) -> bool:
            obj = objects.one(ISTIO, "Gateway", policy.namespace, gateway)
            return obj is not None and picks(texts(obj.spec.get("selector")), labels)

        if reporter is Reporter.WAYPOINT and policy.namespace == objects.root and _EVERY_WAYPOINT in named:
            return True
        return here and any(
            (reporter is not Reporter.SIDECAR and (group, kind, name) == (GATEWAY_API, "Gateway", ref.name))
            # Only new istiods know these (pilot/pkg/model/policyattachment.go): heard either way.
            or (reporter is Reporter.EGRESS_GATEWAY and (group, kind) == (ISTIO, "Gateway") and runs(name))
            # A Service or ServiceEntry of the waypoint: whose traffic it limits is not looked into.
            or (reporter is Reporter.WAYPOINT and kind in ("Service", "ServiceEntry"))
            for group, kind, name in named
        )
    if policy.namespace not in (ref.namespace, objects.root):
        return False
    selector = texts(table(policy.spec.get("selector")).get("matchLabels"))
    if reporter is Reporter.WAYPOINT:
        return not selector and (policy.namespace == objects.root or policy.group == TELEMETRY)
    return picks(selector, labels)
