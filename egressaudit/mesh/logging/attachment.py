"""Policies that apply to a proxy: who may use it, and which log formats are in use.

In: a gateway. Out: e.g. the AuthorizationPolicies that limit who may use it.
"""

from __future__ import annotations

from collections.abc import Mapping

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import GATEWAY_API, ISTIO, SECURITY, TELEMETRY, Resource
from egressaudit.mesh.logging.log_formats import formats_in_use, is_custom
from egressaudit.mesh.marks import WAYPOINT_CLASS
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.shapes import KEEP, TARGET, Shape
from egressaudit.mesh.untyped import picks, rows, table, text, texts
from egressaudit.model import Fault, LogFormat, ObjectRef, Reporter

_POLICY = {
    "selector": KEEP,
    "targetRefs": TARGET,
    "targetRef": TARGET,
    "action": KEEP,
    # Conditions may contain header values, so keep only whether there are any. Of senders only their names are kept.
    "rules": {"from": {"source": {"namespaces": KEEP, "principals": KEEP}}, "to": {}, "when": {}},
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


def authorization_faults(
    objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter
) -> tuple[Fault, ...]:
    """The AuthorizationPolicies that limit who may use a gateway or waypoint; those that allow all do not."""
    faults = []
    for policy in objects.all(SECURITY, "AuthorizationPolicy"):
        action, rules = text(policy.spec.get("action")) or "ALLOW", rows(policy.spec.get("rules"))
        open_to_all = any(not each for each in rules)
        harmless = action == "AUDIT" or (action == "ALLOW" and open_to_all) or (action == "DENY" and not rules)
        if harmless or not applies(objects, policy, ref, labels, reporter):
            continue
        nobody = (action == "ALLOW" and not rules) or (action == "DENY" and open_to_all)
        faults.append(fault.use_denied(policy, ref) if nobody else fault.use_limited(policy, action, ref))
    return tuple(faults)


def custom_formats(objects: Objects) -> tuple[LogFormat, ...]:
    """Every access log format in use, where one of them is not Istio's default; else none."""
    found = _formats(objects)
    return found if any(is_custom(each) for each in found) else ()


def may_log_text(objects: Objects) -> bool:
    """Whether some proxy may write text by the configuration; False only where everything that is in use is JSON."""
    formats = _formats(objects)
    return not objects.planes.complete or not formats or any(each.labels is None for each in formats)


def _formats(objects: Objects) -> tuple[LogFormat, ...]:
    """Those of every control plane: each proxy has the one of its own, and its lines do not say which that is."""
    telemetries = [each.spec for each in objects.all(TELEMETRY, "Telemetry")]
    configs = list(objects.planes.configs.values()) or [objects.config]
    found = (each for config in configs for each in formats_in_use(config, telemetries))
    return tuple({(each.text, str(each.labels), each.omit_empty, each.where): each for each in found}.values())


def applies(objects: Objects, policy: Obj, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> bool:
    """Whether a policy applies to a proxy: by targetRefs, by selector, or for its whole namespace or mesh.

    Waypoints heed only targetRefs and policies of the root namespace (istio.io, "L7 authorization policy").
    """
    targets = _targets(policy)
    if targets:
        if reporter is Reporter.WAYPOINT and policy.namespace == objects.root and _EVERY_WAYPOINT in targets:
            return True
        here = policy.namespace == ref.namespace
        return here and any(_is_target(objects, policy, each, ref, labels, reporter) for each in targets)
    if policy.namespace not in (ref.namespace, objects.root):
        return False
    return _by_selector(objects, policy, labels, reporter)


def _targets(policy: Obj) -> frozenset[tuple[str, str, str]]:
    """Group, kind and name of what a policy names as its targets."""
    listed = (*rows(policy.spec.get("targetRefs")), table(policy.spec.get("targetRef")))
    return frozenset(
        (text(each.get("group")), text(each.get("kind")), text(each.get("name")))
        for each in (listed if any(listed) else ())
    )


def _is_target(
    objects: Objects,
    policy: Obj,
    target: tuple[str, str, str],
    ref: ObjectRef,
    labels: Mapping[str, str],
    reporter: Reporter,
) -> bool:
    """Whether a target of a policy in the proxy's namespace is this proxy."""
    group, kind, name = target
    if reporter is Reporter.SIDECAR:
        return False
    if target == (GATEWAY_API, "Gateway", ref.name):
        return True
    if reporter is Reporter.WAYPOINT:
        # A Service or ServiceEntry of the waypoint: whose traffic it limits is not looked into.
        return kind in ("Service", "ServiceEntry")
    # Only new istiods know Istio's Gateways as targets (pilot/pkg/model/policyattachment.go): heard either way.
    gateway = objects.one(ISTIO, "Gateway", policy.namespace, name) if (group, kind) == (ISTIO, "Gateway") else None
    return (
        reporter is Reporter.EGRESS_GATEWAY
        and gateway is not None
        and picks(texts(gateway.spec.get("selector")), labels)
    )


def _by_selector(objects: Objects, policy: Obj, labels: Mapping[str, str], reporter: Reporter) -> bool:
    selector = texts(table(policy.spec.get("selector")).get("matchLabels"))
    if reporter is Reporter.WAYPOINT:
        return not selector and (policy.namespace == objects.root or policy.group == TELEMETRY)
    return picks(selector, labels)
