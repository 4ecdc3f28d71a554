"""What is wrong with the evidence as a whole, and what of the snapshot nobody asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path as File

from egressaudit.evidence.collection import Collection
from egressaudit.findings.coverage import Account
from egressaudit.findings.facts import EvidenceProblems
from egressaudit.findings.file_checks import Held, held_against
from egressaudit.hops.line_parser import unproven, unreadable
from egressaudit.mesh import Mesh
from egressaudit.model import FlowGroup, LogSource, Path, Scheme


def evidence_problems(
    mesh: Mesh, account: Account, collection: Collection | None, chosen: frozenset[LogSource], paths: tuple[str, ...]
) -> EvidenceProblems:
    """What is wrong with files, copies, kinds that were not read and EnvoyFilters; `mirrored` has the rest."""
    folder = File(paths[0]) if len(paths) == 1 else None
    held = Held()
    if collection is not None and folder is not None and folder.is_dir():
        held = held_against(collection, folder, account.files)
    return EvidenceProblems(
        mismatched=held.wrong,
        unlisted=held.unlisted,
        unread=tuple((each.kind, each.reason) for each in mesh.unread() if each.counts),
        copies=tuple((str(log.source), log.path, log.changed) for log in account.logs if log.changed),
        filters=_filters(mesh, chosen),
    )


def mirrored(mesh: Mesh, groups: Iterable[FlowGroup], inside: Mapping[str, int]) -> tuple[tuple[str, str, int], ...]:
    """The rules that may have sent copies of requests out of the cluster: rule, host, and how many flows.

    `inside` are the hosts of requests that stayed in the cluster, and how many kinds of lines name each: the copies
    need not have stayed there.
    """
    found: Counter[tuple[str, str]] = Counter()
    for host, lines in inside.items():
        found.update({(rule, host): lines for rule in mesh.mirrored(host)})
    for group in groups:
        # Only requests are mirrored. Whose proxy a rule is for is not looked at.
        if group.scheme is Scheme.HTTP and not _never_copied(group):
            rules = {rule for name in (group.host, *group.server_names) for rule in mesh.mirrored(name)}
            found.update({(rule, group.host): group.flows for rule in rules})
    return tuple((rule, host, flows) for (rule, host), flows in sorted(found.items()))


def _never_copied(group: FlowGroup) -> bool:
    """Whether the source's own proxy gave up before it chose an address: Envoy copies a request only then.

    envoyproxy/envoy source/common/router/router.cc (decodeHeaders). Where a connection fails, or another proxy refuses,
    the copy is on its way.
    """
    return not group.via and (group.path is Path.BLOCKED or (group.path, group.reason) == (Path.FAILED, "no-upstream"))


def _filters(mesh: Mesh, chosen: frozenset[LogSource]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for source in sorted(chosen):
        for touch in mesh.envoy_filters(source):
            found[touch.filter, touch.what].append(str(source))
    return tuple((name, what, tuple(logs)) for (name, what), logs in sorted(found.items()))


def notes_of(mesh: Mesh, collection: Collection | None) -> tuple[str, ...]:
    """What a reader must know of the snapshot and of the log formats that it says."""
    why = unreadable(mesh.custom_formats)
    unread = (f"{why}: Envoy's access lines count as unparsed and prove nothing",) if why else ()
    return (*(collection.notes if collection else ()), *unread, *unproven(mesh.custom_formats))


def not_asked(mesh: Mesh, chosen: frozenset[LogSource]) -> tuple[str, ...]:
    """What no finding is made of: proxies that were not asked for, and kinds of objects that only explain.

    Proxies are there by name, and of namespaces of which no log was to be read how many.
    """
    left: defaultdict[str, list[str]] = defaultdict(list)
    asked: set[str] = set()
    for source, _ in mesh.expected_logs():
        if source in chosen:
            asked.add(source.namespace)
        else:
            left[source.namespace].append(source.pod)
    whole = [f"{namespace} ({len(pods)})" for namespace, pods in sorted(left.items()) if namespace not in asked]
    some = [f"{namespace}/{pod}" for namespace, pods in sorted(left.items()) if namespace in asked for pod in pods]
    found = []
    if whole:
        found.append(f"Namespaces that were not asked for, with their proxies: {', '.join(whole)}.")
    if some:
        found.append(f"Proxies that were not asked for: {', '.join(some)}.")
    # Those that count are findings.
    found += [f"{each.reason}." for each in mesh.unread() if not each.counts]
    return tuple(found)
