"""Why a proxy may refuse traffic, or pass it without a log line: no pod, authorization, telemetry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.resources import GATEWAY_API, SECURITY, TELEMETRY
from egressaudit.mesh.values import picks, rows, table, text, texts, words
from egressaudit.model import ObjectRef, Reporter

_STANDARD_STREAMS = ("/dev/stdout", "/dev/stderr")
_BUILT_IN = "envoy"
"""The log provider that every mesh has: text on the standard output (pilot/pkg/model/telemetry_logging.go)."""


def authorization_gaps(
    objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter
) -> tuple[str, ...]:
    """The AuthorizationPolicies that limit who may use a gateway or waypoint; those that allow all do not."""
    gaps = []
    for policy in objects.all(SECURITY, "AuthorizationPolicy"):
        action, rules = text(policy.spec.get("action")) or "ALLOW", rows(policy.spec.get("rules"))
        open_to_all = any(not each for each in rules)
        harmless = action == "AUDIT" or (action == "ALLOW" and open_to_all) or (action == "DENY" and not rules)
        if harmless or not _applies(objects, policy, ref, labels, reporter):
            continue
        nobody = (action == "ALLOW" and not rules) or (action == "DENY" and open_to_all)
        what = "lets nobody use" if nobody else f"({action}) limits who may use"
        gaps.append(f"{policy} {what} {ref}")
    return tuple(gaps)


def logging_gaps(objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> tuple[str, ...]:
    """Why a proxy may write no access line to its container's log; empty where it should, or where that is unknown.

    The nearest Telemetry with `accessLogging` decides (workload, namespace, root); where there is one, meshConfig's
    accessLogFile is not asked (pilot/pkg/networking/core/accesslog.go).
    """
    found = [
        (_nearness(objects, each), each)
        for each in objects.all(TELEMETRY, "Telemetry")
        if rows(each.spec.get("accessLogging")) and _applies(objects, each, ref, labels, reporter)
    ]
    if found:
        _, telemetry = max(found, key=lambda each: each[0])
        return _of_telemetry(objects, telemetry, ref, reporter)
    config = objects.config
    if not config:
        return ()
    default = words(table(config.get("defaultProviders")).get("accessLogging"))
    if default:
        return tuple(gap for each in default if (gap := _of_provider(objects, each, ref, "meshConfig")))
    path = text(config.get("accessLogFile"))
    if not path:
        return (f"meshConfig.accessLogFile is not set, so {ref} writes no access log",)
    return () if path in _STANDARD_STREAMS else (f"meshConfig.accessLogFile is {path}: {ref} logs to that file only",)


def custom_formats(objects: Objects) -> tuple[tuple[str, str], ...]:
    """The access log formats that are configured instead of a default: where, and the format string.

    The string is empty where the format is no text format (JSON labels), or leaves empty values out.
    """
    found = []
    config = objects.config
    if own := text(config.get("accessLogFormat")):
        found.append(("meshConfig.accessLogFormat", "" if text(config.get("accessLogEncoding")) == "JSON" else own))
    used = set(words(table(config.get("defaultProviders")).get("accessLogging")))
    for telemetry in objects.all(TELEMETRY, "Telemetry"):
        for each in rows(telemetry.spec.get("accessLogging")):
            used.update(text(provider.get("name")) for provider in rows(each.get("providers")))
    for provider in rows(config.get("extensionProviders")):
        log = table(provider.get("envoyFileAccessLog"))
        own_format = table(log.get("logFormat"))
        if provider.get("name") in used and (own_format or log.get("omitEmptyValues") is True):
            plain = log.get("omitEmptyValues") is not True
            found.append((f"log provider {text(provider.get('name'))}", text(own_format.get("text")) if plain else ""))
    return tuple(found)


def _of_telemetry(objects: Objects, telemetry: Obj, ref: ObjectRef, reporter: Reporter) -> tuple[str, ...]:
    # Waypoints count as servers, sidecars going out and gateways as clients.
    side = "SERVER" if reporter is Reporter.WAYPOINT else "CLIENT"
    entries: list[Mapping[str, Any]] = [
        each
        for each in rows(telemetry.spec.get("accessLogging"))
        if (text(table(each.get("match")).get("mode")) or "CLIENT_AND_SERVER") in (side, "CLIENT_AND_SERVER")
    ]
    if not entries:
        return (f"{telemetry} logs only the other side of a connection, so {ref} writes no access log of it",)
    gaps = []
    for each in entries:
        if each.get("disabled") is True:
            gaps.append(f"{telemetry} turns access logging off at {ref}")
        elif expression := text(table(each.get("filter")).get("expression")):
            gaps.append(f"{telemetry} lets {ref} log only where {' '.join(expression.split())}")
        else:
            providers = [text(provider.get("name")) for provider in rows(each.get("providers"))]
            elsewhere = [_of_provider(objects, name, ref, str(telemetry)) for name in providers]
            if not providers or "" in elsewhere:
                return ()
            gaps += elsewhere
    return tuple(gaps)


def _of_provider(objects: Objects, name: str, ref: ObjectRef, who: str) -> str:
    """Why a log provider writes nothing to the container's log; '' where it does."""
    for each in rows(objects.config.get("extensionProviders")):
        if each.get("name") == name:
            path = text(table(each.get("envoyFileAccessLog")).get("path"))
            return "" if path in _STANDARD_STREAMS else f"{who} sends the access log of {ref} to provider {name}"
    return "" if name == _BUILT_IN or not objects.config else f"{who} names log provider {name}, which is not defined"


def _applies(objects: Objects, policy: Obj, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> bool:
    """Whether a policy holds for a proxy: by targetRefs, by selector, or for its whole namespace or mesh.

    Waypoints heed only targetRefs and policies of the root namespace (istio.io, "L7 authorization policy").
    """
    targets = (*rows(policy.spec.get("targetRefs")), *((table(policy.spec.get("targetRef"))),))
    if any(targets):
        named = {(text(each.get("group")), text(each.get("kind")), text(each.get("name"))) for each in targets}
        here = policy.namespace == ref.namespace
        return here and any(
            (group, kind, name) == (GATEWAY_API, "Gateway", ref.name)
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


def _nearness(objects: Objects, policy: Obj) -> int:
    """2 for one workload's policy, 1 for a namespace's, 0 for the mesh's."""
    if policy.spec.get("selector") or policy.spec.get("targetRefs") or policy.spec.get("targetRef"):
        return 2
    return 0 if policy.namespace == objects.root else 1
