"""What is wrong with the evidence as a whole.

In: the snapshot, the logs that were read, what `collection.json` says of them. Out: `EvidenceProblems`, e.g. in
`mismatched` a log whose file lost lines after it was collected.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from egressaudit.findings.coverage.collection_check import CollectionCheck, check_files
from egressaudit.findings.coverage.window_coverage import LogsRead
from egressaudit.findings.facts import EvidenceProblems
from egressaudit.mesh import Mesh
from egressaudit.model import FlowGroup, LogSource, Path, Scheme


def evidence_problems(
    mesh: Mesh, read: LogsRead, chosen: frozenset[LogSource], judged: AbstractSet[str]
) -> EvidenceProblems:
    """What is wrong with files, copies, kinds that were not read and EnvoyFilters; `mirrored` has the rest.

    `judged` has the paths of the logs whose lines were judged.
    """
    account = read.account
    check = CollectionCheck() if account is None else check_files(account, read.files)
    return EvidenceProblems(
        mismatched=check.mismatched,
        unlisted=tuple((path, path in judged) for path in check.unlisted),
        listed_in="" if account is None else account.written,
        unread=tuple((each.kind, each.reason) for each in mesh.unread() if each.counts),
        copies=tuple((str(log.source), log.path, log.changed) for log in read.logs if log.changed),
        filters=_filters(mesh, chosen),
    )


def mirrored(mesh: Mesh, groups: Iterable[FlowGroup], inside: Mapping[str, int]) -> tuple[tuple[str, str, int], ...]:
    """The rules that may have sent copies of requests out of the cluster: rule, host, and number of flows.

    `inside` has the hosts of requests that stayed in the cluster, with the number of line shapes that name each: a copy
    of such a request may still have left.
    """
    found: Counter[tuple[str, str]] = Counter()
    for host, lines in inside.items():
        found.update({(rule, host): lines for rule in mesh.mirrored(host)})
    for group in groups:
        # Only HTTP requests are mirrored. We don't check which proxies a rule applies to.
        if group.scheme is Scheme.HTTP and not _never_copied(group):
            rules = {rule for name in (group.host, *group.server_names) for rule in mesh.mirrored(name)}
            found.update({(rule, group.host): group.flows for rule in rules})
    return tuple((rule, host, flows) for (rule, host), flows in sorted(found.items()))


def _never_copied(group: FlowGroup) -> bool:
    """Whether the source's own proxy gave up before it chose an address. Envoy copies a request only after that.

    envoyproxy/envoy source/common/router/router.cc (decodeHeaders). If the connection fails later, or another proxy
    refuses the request, the copy has already been sent.
    """
    return not group.via and (group.path is Path.BLOCKED or (group.path, group.reason) == (Path.FAILED, "no-upstream"))


def _filters(mesh: Mesh, chosen: frozenset[LogSource]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for source in sorted(chosen):
        for touch in mesh.envoy_filters(source):
            found[touch.filter, touch.what].append(str(source))
    return tuple((name, what, tuple(logs)) for (name, what), logs in sorted(found.items()))
