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
    """What a reader must know about the snapshot, and about log formats that are not Istio's own."""
    why = unreadable(mesh.custom_formats)
    unread = (f"{why}: Envoy's access lines count as unparsed and prove nothing",) if why else ()
    return (*(collection.notes if collection else ()), *unread, *unproven(mesh.custom_formats))


def not_asked(mesh: Mesh, chosen: frozenset[LogSource]) -> tuple[str, ...]:
    """What the audit left out on request: proxies, and kinds of objects that could only have explained something.

    Proxies are listed by name, unless none of their namespace was asked for: then the namespace and their number.
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
    # Kinds that a verdict could depend on are findings (EA322).
    found += [f"{each.reason}." for each in mesh.unread() if not each.counts]
    return tuple(found)
