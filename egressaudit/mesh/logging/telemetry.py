"""Whether a proxy writes access lines to its container's log: Telemetry, log providers, meshConfig.

In: a proxy. Out: e.g. `LogGap(FILTERED, "Telemetry shop/quiet filters access lines ...")`; nothing if it logs
everything.

Everything is merged as istiod does: istio/istio pilot/pkg/model/telemetry.go (applicableTelemetries, mergeLogs),
telemetry_logging.go (providers) and pilot/pkg/networking/core/accesslog.go (what holds where no Telemetry does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

from egressaudit.mesh import fault_texts as fault
from egressaudit.mesh.apis import TELEMETRY, Resource
from egressaudit.mesh.logging.attachment import applies
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.shapes import KEEP, NAME, TARGET, Shape
from egressaudit.mesh.untyped import moment, rows, table, text, texts, words
from egressaudit.model import Fault, ObjectRef, Reporter

RESOURCES = (
    Resource(
        TELEMETRY,
        ("v1", "v1alpha1"),
        "telemetries",
        "Telemetry",
        keep=Shape(
            {
                "spec": {
                    "selector": KEEP,
                    "targetRefs": TARGET,
                    "targetRef": TARGET,
                    "accessLogging": {"disabled": KEEP, "match": KEEP, "providers": NAME, "filter": KEEP},
                },
            },
            # If a namespace has several, the oldest counts.
            created=True,
        ),
        without="one may turn a proxy's access log off or filter it, so that its silence proves nothing",
    ),
)

OFF = "logging-off"
FILTERED = "logging-filtered"

STANDARD_STREAMS = ("/dev/stdout", "/dev/stderr")
BUILT_IN = "envoy"
"""The log provider that every mesh has: text on the standard output."""
FILE = ""
"""Stands for meshConfig.accessLogFile among the providers: what Telemetry without providers is about."""
_WHOLE_MESH, _NAMESPACE, _WORKLOAD = range(3)

Chain = tuple[Obj, ...]
"""The levels of Telemetry; a later one overrides an earlier one."""


@dataclass(frozen=True, slots=True)
class LogGap:
    """Why a proxy may not log everything that it forwards: `kind` is OFF or FILTERED, `reason` one sentence."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Setting:
    """What Telemetry says about one provider; `expression` is the filter, '' where every line is written."""

    by: Obj
    disabled: bool
    expression: str


def logging_faults(
    objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter
) -> tuple[Fault, ...]:
    """Why a proxy may write no access line, one sentence each; empty if it should, or where that is unknown."""
    return tuple(fault.not_logged(each.kind, each.reason, ref) for each in log_gaps(objects, ref, labels, reporter))


def log_gaps(objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> tuple[LogGap, ...]:
    """What keeps access lines out of the log of an Envoy; empty if nothing does, or if that is not known.

    `ref` names what the proxy belongs to: its pod for a sidecar, else its gateway or waypoint. If several Telemetry may
    be the one that counts, each is considered: whatever any of them keeps out may be missing.
    """
    found: dict[LogGap, None] = {}
    for chain in _chains(objects, ref, labels, reporter):
        found.update(dict.fromkeys(_of_chain(objects, chain, ref, reporter)))
    return tuple(found)


def providers(objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> tuple[str, ...]:
    """The log providers that a proxy may write to, FILE for meshConfig.accessLogFile; none where all are turned off.

    If several Telemetry may be the one that counts, the providers of each.
    """
    found: dict[str, None] = {}
    for chain in _chains(objects, ref, labels, reporter):
        saying = tuple(each for each in chain if rows(each.spec.get("accessLogging")))
        side = "SERVER" if reporter is Reporter.WAYPOINT else "CLIENT"
        merged = _merged(_defaults(objects), saying, side)
        named = (name for name, each in merged.items() if not each.disabled)
        found.update(dict.fromkeys(named if saying else _defaults(objects)))
    return tuple(found)


# ---------------------------------------------------------------- which Telemetry counts


def _chains(objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> Iterator[Chain]:
    levels: tuple[list[Obj], list[Obj], list[Obj]] = ([], [], [])
    for each in objects.within(TELEMETRY, "Telemetry", ref.namespace, objects.root):
        if applies(objects, each, ref, labels, reporter) and (level := _level(objects, each, ref)) is not None:
            levels[level].append(each)
    for parts in product(*(_options(found, level) for level, found in enumerate(levels))):
        yield tuple(each for part in parts for each in part)


def _level(objects: Objects, telemetry: Obj, ref: ObjectRef) -> int | None:
    spec = telemetry.spec
    selective = texts(table(spec.get("selector")).get("matchLabels")) or spec.get("targetRefs") or spec.get("targetRef")
    if selective:
        # One workload's counts only in the workload's own namespace, not in the root.
        return _WORKLOAD if telemetry.namespace == ref.namespace else None
    return _WHOLE_MESH if telemetry.namespace == objects.root else _NAMESPACE


def _options(found: Sequence[Obj], level: int) -> tuple[Chain, ...]:
    """What may count of a level: the oldest alone; of a workload's also all of them, as newer istiods have it.

    In snapshots without creation times it is open which one is the oldest.
    """
    ages = [_made(each) for each in found]
    if all(ages):
        ordered = tuple(sorted(found, key=lambda each: (str(_made(each)), each.name)))
        return (ordered[:1], ordered) if level == _WORKLOAD and len(ordered) > 1 else (ordered[:1],)
    logging = [each for each in found if rows(each.spec.get("accessLogging"))]
    return tuple((each,) for each in logging) or ((),)


def _made(obj: Obj) -> datetime | None:
    return moment(table(obj.raw.get("metadata")).get("creationTimestamp"))


# ---------------------------------------------------------------- what it says


def _of_chain(objects: Objects, chain: Chain, ref: ObjectRef, reporter: Reporter) -> tuple[LogGap, ...]:
    saying = tuple(each for each in chain if rows(each.spec.get("accessLogging")))
    if not saying:
        return _of_config(objects, ref)
    # Waypoints count as servers, sidecars going out and gateways as clients (telemetry.go, workloadMode).
    side = "SERVER" if reporter is Reporter.WAYPOINT else "CLIENT"
    settings = _merged(_defaults(objects), saying, side)
    if not settings:
        # Newer istiods fall back to accessLogFile here, older ones log nothing.
        reason = f"{saying[-1]} logs only the other side of a connection, so {ref} writes no access log of it"
        return (LogGap(OFF, reason),)
    gaps: dict[LogGap, None] = {}
    for provider, setting in settings.items():
        found = _of_setting(objects, provider, setting, ref)
        if not found:
            return ()
        gaps.update(dict.fromkeys(found))
    return tuple(gaps)


def _defaults(objects: Objects) -> tuple[str, ...]:
    return words(table(objects.config.get("defaultProviders")).get("accessLogging")) or (FILE,)


def _merged(defaults: tuple[str, ...], chain: Chain, side: str) -> dict[str, _Setting]:
    """What holds for each provider in scope: the last that names providers decides which those are (mergeLogs)."""
    scope = defaults
    for telemetry in chain:
        named = {name for each in _entries(telemetry) if _about(each, side) for name in _providers(each)}
        scope = tuple(sorted(named)) or scope
    merged: dict[str, _Setting] = {}
    parent = defaults
    for telemetry in chain:
        for entry in _entries(telemetry):
            own = _providers(entry)
            parent = own or parent
            if not _about(entry, side):
                continue
            expression = " ".join(text(table(entry.get("filter")).get("expression")).split())
            for provider in parent:
                before = merged.get(provider)
                # Without providers of its own an entry leaves the filter of the one above it as it is.
                kept = before.expression if before and not own else ""
                if provider in scope:
                    merged[provider] = _Setting(telemetry, entry.get("disabled") is True, expression or kept)
    return merged


def _entries(telemetry: Obj) -> tuple[Mapping[str, Any], ...]:
    return rows(telemetry.spec.get("accessLogging"))


def _about(entry: Mapping[str, Any], side: str) -> bool:
    return (text(table(entry.get("match")).get("mode")) or "CLIENT_AND_SERVER") in (side, "CLIENT_AND_SERVER")


def _providers(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for each in rows(entry.get("providers")) if (name := text(each.get("name"))))


def _of_setting(objects: Objects, provider: str, setting: _Setting, ref: ObjectRef) -> tuple[LogGap, ...]:
    if setting.disabled:
        return (LogGap(OFF, f"{setting.by} turns access logging off at {ref}"),)
    if setting.expression:
        return (LogGap(FILTERED, f"{setting.by} lets {ref} log only where {setting.expression}"),)
    if provider == FILE:
        return _of_file(objects, ref)
    reason = _of_provider(objects, provider, ref, str(setting.by))
    return (LogGap(OFF, reason),) if reason else ()


# ---------------------------------------------------------------- what meshConfig says


def _of_config(objects: Objects, ref: ObjectRef) -> tuple[LogGap, ...]:
    defaults = _defaults(objects)
    if defaults == (FILE,):
        return _of_file(objects, ref)
    reasons = [_of_provider(objects, each, ref, "meshConfig") for each in defaults]
    return () if "" in reasons else tuple(LogGap(OFF, each) for each in reasons)


def _of_file(objects: Objects, ref: ObjectRef) -> tuple[LogGap, ...]:
    if not objects.config:
        return ()
    path = text(objects.config.get("accessLogFile"))
    if not path:
        return (LogGap(OFF, f"meshConfig.accessLogFile is not set, so {ref} writes no access log"),)
    if path in STANDARD_STREAMS:
        return ()
    return (LogGap(OFF, f"meshConfig.accessLogFile is {path}: {ref} logs to that file only"),)


def _of_provider(objects: Objects, name: str, ref: ObjectRef, who: str) -> str:
    """Why a log provider writes nothing to the container's log; '' if it does."""
    for each in rows(objects.config.get("extensionProviders")):
        # Istio compares without regard to case, and a file provider without a path writes to the standard output.
        if text(each.get("name")).lower() == name.lower():
            log = each.get("envoyFileAccessLog")
            here = isinstance(log, Mapping) and text(log.get("path")) in ("", *STANDARD_STREAMS)
            return "" if here else f"{who} sends the access log of {ref} to provider {name}"
    known = name.lower() == BUILT_IN or not objects.config
    return "" if known else f"{who} names log provider {name}, which is not defined"
