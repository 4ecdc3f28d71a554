"""What a reader must know beside the findings: sentences of the report that have no code.

In: the snapshot, the collection, the logs that were to be read. Out: sentences, e.g. `Proxies that were not asked for:
shop/cart-1.`
"""

from __future__ import annotations

from collections import defaultdict

from egressaudit.evidence.collection import Collection
from egressaudit.hops.line_parser import unproven, unreadable
from egressaudit.mesh import Mesh
from egressaudit.model import LogSource


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
