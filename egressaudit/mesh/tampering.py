"""Who could have changed the evidence: one sentence for each proxy whose lines a report rests on.

    the logs that were used ─▶ the roles of their pods, what proves those, who could have made it ─▶ sentences

A proven role means that a proxy is what it claims to be. It does not mean that nobody changed its log: anybody who may
write workloads in its namespace can replace its image, or write to its standard output.

In: the mesh, and the logs that were used. Out: the sentences.
Example: `egress gateway egress/gw is believed because Deployment/gw asks for gateway injection; whoever may write
workloads in namespace egress could have changed its log`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from egressaudit.mesh.mesh import Mesh
from egressaudit.model import ObjectRef, Reporter


@dataclass(frozen=True, slots=True)
class Relied:
    """The logs that a report rests on."""

    proxies: Mapping[ObjectRef, frozenset[str]] = field(default_factory=dict)
    """Pods of gateways, waypoints and ztunnels, each with the namespaces whose traffic it logged."""
    sidecars: frozenset[str] = frozenset()
    """The namespaces of the pods whose sidecars wrote lines that were used."""


@dataclass(slots=True)
class _ProxyWorkload:
    """The pods of one proxy workload whose role the same proof shows."""

    doubts: set[str] = field(default_factory=set)
    senders: set[str] = field(default_factory=set)


def trusted(mesh: Mesh, relied: Relied) -> tuple[str, ...]:
    """Why each proxy is believed and who could have changed its log: clauses without a full stop, sorted.

    One for each workload of proxies, however many pods it has, and one for all sidecars together. A pod whose role is
    not proven has none, for its lines prove nothing.
    """
    return tuple(sorted({*_of_proxies(mesh, relied.proxies), *_of_sidecars(relied.sidecars)}))


def _of_proxies(mesh: Mesh, proxies: Mapping[ObjectRef, frozenset[str]]) -> Iterator[str]:
    found: dict[tuple[Reporter, ObjectRef, tuple[str, ...], tuple[str, ...]], _ProxyWorkload] = {}
    for ref, senders in proxies.items():
        pod, role = mesh.pod(ref), mesh.role(ref)
        if pod is None or role.reporter in (None, Reporter.SIDECAR) or not role.proof:
            continue
        key = (role.reporter, mesh.gateway_of(pod), role.proof, role.writers)
        workload = found.setdefault(key, _ProxyWorkload())
        workload.doubts |= set(role.doubts)
        workload.senders |= senders
    for (reporter, name, proof, writers), workload in found.items():
        believed = f"{reporter.noun} {name} is believed because {' and '.join(proof)}"
        doubts = f", but {'; '.join(sorted(workload.doubts))}" if workload.doubts else ""
        yield f"{believed}{doubts}; {_writers(reporter, writers)}{_own(reporter, writers, workload.senders)}"


def _writers(reporter: Reporter, namespaces: tuple[str, ...]) -> str:
    where = f"namespace {' or '.join(namespaces)}"
    who = f"administers {where} or the nodes" if reporter is Reporter.ZTUNNEL else f"may write workloads in {where}"
    return f"whoever {who} could have changed its log"


def _own(reporter: Reporter, writers: tuple[str, ...], senders: set[str]) -> str:
    """A clause if the senders themselves could have changed the log, else ''."""
    if not senders.intersection(writers):
        return ""
    if senders.issubset(writers):
        return "; that is the namespace of the workload itself"
    sent = "whose traffic it carried" if reporter is Reporter.ZTUNNEL else "that sent through it"
    return f"; some of the workloads {sent} are in that namespace themselves"


def _of_sidecars(namespaces: frozenset[str]) -> Iterator[str]:
    if not namespaces:
        return
    # With several namespaces none is named: each is the namespace of the flows' own workloads.
    where = f"in namespace {next(iter(namespaces))}" if len(namespaces) == 1 else "in the namespace of that pod"
    who = f"whoever may write pods {where}, or run commands in them, could have changed it"
    yield f"a sidecar's log speaks for its own pod alone; {who}"
