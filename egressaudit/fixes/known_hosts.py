"""Fixes of ServiceEntries: hosts, ports, and who sees them.

In: `Wrong`. Out: fixes. Example: a ServiceEntry that is not exported to the source's namespace gets it in `exportTo`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from egressaudit.addresses import canonical_ip
from egressaudit.fixes.fix import Fix, FixRule, Removal
from egressaudit.fixes.wrong import Wrong, change, few, spec
from egressaudit.manifests import Change, ExternalPort, pointer
from egressaudit.mesh.objects import Obj
from egressaudit.mesh.services.services import service_named
from egressaudit.mesh.steering.gateway_api import entries_with_route
from egressaudit.mesh.steering.istio_rules import virtual_services
from egressaudit.mesh.steering.registry import family, not_imported
from egressaudit.mesh.untyped import number, rows, text, words

# ---------------------------------------------------------------- who sees an object


def _export(wrong: Wrong, obj: Obj | None, namespaces: tuple[str, ...], slug: str) -> Iterator[Fix]:
    """Add namespaces to `exportTo`, which a mesh may have a default for."""
    if obj is None:
        return
    missing = [each for each in dict.fromkeys(namespaces) if each and not wrong.objects.exported(obj, each)]
    if not missing:
        return
    listed = words(obj.spec.get("exportTo")) or (".",)
    made = change(obj, spec(exportTo=[*listed, *missing]), f"Adds {', '.join(missing)} to exportTo.")
    others = wrong.hosts_of(obj)
    affects = [f"all sources of namespace {each} see it from then on" for each in missing]
    affects += [f"they see its other hosts too: {few(others)}"] if others else []
    yield Fix(slug, f"export {obj} to {', '.join(missing)}", changes=(made,), affects=tuple(affects))


def _gateway_namespace(wrong: Wrong) -> str:
    return wrong.found.via.namespace if wrong.found.via is not None else ""


def _to_source(wrong: Wrong) -> Iterator[Fix]:
    namespace = wrong.found.source.namespace if wrong.found.source else ""
    obj = wrong.object("ServiceEntry")
    # What the gateway does not see either would fail there next.
    also = _gateway_namespace(wrong) if obj is not None else ""
    yield from _export(wrong, obj, (namespace, also), "export")


def _rule_to_source(wrong: Wrong) -> Iterator[Fix]:
    if wrong.object("Sidecar") is not None:
        yield from _import(wrong)
        return
    namespace = wrong.found.source.namespace if wrong.found.source else ""
    yield from _export(wrong, wrong.object("VirtualService"), (namespace,), "export-rule")


def _to_gateway(wrong: Wrong) -> Iterator[Fix]:
    obj = wrong.object("ServiceEntry", "VirtualService", "DestinationRule")
    yield from _export(wrong, obj, (_gateway_namespace(wrong),), "export-to-gateway")


def _import(wrong: Wrong) -> Iterator[Fix]:
    """Add to a Sidecar's egress hosts what the way needs: ServiceEntry, rule, and the gateway's Service."""
    sidecar, source = wrong.object("Sidecar"), wrong.source
    if sidecar is None or source is None:
        return
    listeners = rows(sidecar.spec.get("egress"))
    # A listener without a port takes the rest (istio/istio pilot/pkg/model/sidecar.go): imports belong there.
    index = next((n for n, each in enumerate(listeners) if each.get("port") is None), None)
    missing = [each for obj, host, each in _needed(wrong) if not_imported(wrong.objects, source, obj, host) is not None]
    if index is None or not missing:
        return
    having = list(words(listeners[index].get("hosts")))
    path = pointer("spec", "egress", index, "hosts")
    operations = [{"op": "test", "path": path, "value": having}]
    operations += [{"op": "add", "path": f"{path}/-", "value": each} for each in dict.fromkeys(missing)]
    made = change(sidecar, operations, f"Imports {', '.join(dict.fromkeys(missing))}.")
    affects = (f"it holds for every workload that {sidecar} selects in namespace {sidecar.namespace}",)
    yield Fix("import", f"import what leads {wrong.host} out into {sidecar}", changes=(made,), affects=affects)


def _needed(wrong: Wrong) -> Iterator[tuple[Obj, str, str]]:
    for entry in wrong.entries:
        yield entry, wrong.host, f"{entry.namespace}/{wrong.host}"
    for service in virtual_services(wrong.objects, wrong.host):
        yield service, wrong.host, f"{service.namespace}/{wrong.host}"
    for rule in wrong.rules_to_gateway():
        for destination in rule.destinations:
            gateway = service_named(wrong.objects, destination.host, rule.service.namespace)
            if gateway is not None:
                host = f"{gateway.name}.{gateway.namespace}.svc.cluster.local"
                yield gateway, host, f"{gateway.namespace}/{host}"


# ---------------------------------------------------------------- what a host has


def port_change(entry: Obj, port: ExternalPort) -> Change | None:
    """The change that gives a ServiceEntry a port with a protocol; None if it has it."""
    having: list[dict[str, Any]] = [dict(each) for each in rows(entry.spec.get("ports"))]
    same = next((each for each in having if number(each.get("number")) == port.number), None)
    if same is None:
        said = f"Adds port {port.number}, which carries {port.protocol.istio}."
        having.append({"number": port.number, "name": port.name, "protocol": port.protocol.istio})
    elif family(text(same.get("protocol"))) != port.protocol.family:
        said = f"Port {port.number} carries {port.protocol.istio}, not {text(same.get('protocol'))}."
        same["protocol"] = port.protocol.istio
    else:
        return None
    return change(entry, spec(ports=having), said)


def wanted_port(wrong: Wrong) -> ExternalPort | None:
    """The port that was called, with what the client speaks."""
    if wrong.found.port is None or wrong.protocol is None:
        return None
    return ExternalPort(wrong.found.port, wrong.protocol)


def entry_port(wrong: Wrong) -> Iterator[Fix]:
    """The port of the ServiceEntry alone: enough where something leads that port to the gateway already."""
    entry, port = wrong.entry, wanted_port(wrong)
    made = port_change(entry, port) if entry is not None and port is not None else None
    if entry is None or made is None:
        return
    seen = few(wrong.namespaces_that_see(entry))
    affects = (f"every source that sees {entry} is concerned: namespaces {seen}",)
    yield Fix("entry-port", f"give {entry} the port that was called", changes=(made,), affects=affects)


def _addresses(wrong: Wrong) -> Iterator[Fix]:
    """An address that clients dial belongs to the host: only an address that was dialed is known."""
    entry, dialed = wrong.object("ServiceEntry"), canonical_ip(wrong.found.host)
    if entry is None or dialed is None:
        return
    having = words(entry.spec.get("addresses"))
    made = change(entry, spec(addresses=[*having, dialed]), f"Says that {dialed} is an address of the host.")
    affects = (f"all connections to {dialed} count as {few(words(entry.spec.get('hosts')))} from then on",)
    yield Fix("entry-addresses", f"add {dialed} to {entry}", changes=(made,), affects=affects)


def _resolution(wrong: Wrong) -> Iterator[Fix]:
    entry = wrong.entry
    if entry is None or any("*" in each for each in words(entry.spec.get("hosts"))):
        return
    made = change(entry, spec(resolution="DNS"), "Looks the host up, instead of going where the client went.")
    affects = (f"hosts {few(words(entry.spec.get('hosts')))} are looked up by every proxy that sends to them",)
    yield Fix("resolution", f"let proxies look up the host of {entry}", changes=(made,), affects=affects)


def _merge_entries(wrong: Wrong) -> Iterator[Fix]:
    """One ServiceEntry keeps the host, with the ports of both: one with a route, if any. The others give it up."""
    entries = [each for each in wrong.entries if wrong.host in (*_names(each),)]
    if len(entries) < 2:
        return
    port = wanted_port(wrong)
    routed = entries_with_route(wrong.objects)
    kept = min((*wrong.named("ServiceEntry"), *entries), key=lambda each: str(each) not in routed)
    changes: list[Change] = []
    if port is not None and (made := port_change(kept, port)) is not None:
        changes.append(made)
    removals = []
    for other in (each for each in entries if each.ref != kept.ref):
        left = [each for each in words(other.spec.get("hosts")) if each.rstrip(".").lower() != wrong.host]
        if left:
            changes.append(change(other, spec(hosts=left), f"Leaves {wrong.host} to {kept}."))
        else:
            said = f"{kept} has its host {wrong.host}."
            removals.append(Removal(text(other.raw.get("apiVersion")), other.kind, other.ref, said))
    affects = tuple(
        f"what only {other} says of {wrong.host} is lost: compare ports, resolution, labels and exportTo first"
        for other in entries
        if other.ref != kept.ref
    )
    title = f"leave {wrong.host} to {kept} alone"
    yield Fix("merge-entries", title, changes=tuple(changes), removals=tuple(removals), affects=affects)


def _names(entry: Obj) -> tuple[str, ...]:
    return tuple(each.rstrip(".").lower() for each in words(entry.spec.get("hosts")))


ROWS: tuple[FixRule, ...] = (
    FixRule("export", _to_source),
    FixRule("export-rule", _rule_to_source),
    FixRule("export-to-gateway", _to_gateway),
    FixRule("import", _import),
    FixRule("entry-addresses", _addresses),
    FixRule("resolution", _resolution),
    FixRule("merge-entries", _merge_entries),
)
