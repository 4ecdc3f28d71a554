"""Groups of flows as rows of the table `shapes`, and back.

In: `GroupFacts`. Out: a row, whose `digest` is the same for groups that are judged alike; back, `GroupFacts` again.
One of `run_rows.NOT_OURS` for a row that nothing here has
written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from egressaudit.model import Confidence, DataplaneMode, Decision, FlowGroup, ObjectRef, Path, Scheme
from egressaudit.model.group_facts import GroupFacts


def shape_row(facts: GroupFacts) -> tuple[object, ...]:
    """The columns of `shapes` from `namespace` on, in their order."""
    group = facts.group
    return (
        group.namespace,
        group.workload,
        group.host,
        group.port,
        group.path.value,
        group.mode.value,
        list(map(str, group.via)),
        group.reason,
        group.confidence.value,
        None if group.scheme is None else group.scheme.value,
        list(group.server_names),
        _json(list(map(list, group.reached))),
        _json(_judged_by(facts)),
    )


def digest_of(row: Sequence[object]) -> str:
    """The name of a shape."""
    return sha256(_json(list(row)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def facts_from(row: Sequence[Any], flows: int, first: datetime, last: datetime) -> GroupFacts:
    """The facts of such a row, with how many flows there were and when."""
    namespace, workload, host, port, path, mode, via, reason, confidence, scheme, names, reached, judged_by = row
    said = json.loads(judged_by)
    return GroupFacts(
        group=FlowGroup(
            namespace=namespace,
            workload=workload,
            host=host,
            port=port,
            path=Path(path),
            flows=flows,
            first=first,
            last=last,
            mode=DataplaneMode(mode),
            via=tuple(map(_ref, via)),
            reason=reason,
            confidence=Confidence(confidence),
            scheme=None if scheme is None else Scheme(scheme),
            server_names=tuple(map(str, names)),
            reached=_places(json.loads(reached)),
        ),
        tried=_places(said["tried"]),
        asked=tuple((str(name), int(number), Scheme(kind)) for name, number, kind in said["asked"]),
        hosts_at=tuple((str(ip), tuple(map(str, hosts))) for ip, hosts in said["hosts_at"]),
        claims=tuple((str(each["host"]), _port(each["port"]), _decision(each)) for each in said["claims"]),
    )


def _judged_by(facts: GroupFacts) -> Mapping[str, object]:
    return {
        "tried": list(map(list, facts.tried)),
        "asked": [[host, port, scheme.value] for host, port, scheme in facts.asked],
        "hosts_at": [[ip, list(hosts)] for ip, hosts in facts.hosts_at],
        "claims": [
            {
                "host": host,
                "port": port,
                "path": None if decision.expected is None else decision.expected.value,
                "via": list(map(str, decision.via)),
                "passing": list(map(str, decision.passing)),
                "because": list(decision.because),
            }
            for host, port, decision in facts.claims
        ],
    }


def _decision(claim: Mapping[str, Any]) -> Decision:
    return Decision(
        expected=None if claim["path"] is None else Path(claim["path"]),
        via=tuple(map(_ref, claim["via"])),
        passing=tuple(map(_ref, claim["passing"])),
        because=tuple(map(str, claim["because"])),
    )


def _places(pairs: Sequence[Sequence[Any]]) -> tuple[tuple[str, int | None], ...]:
    return tuple((str(ip), _port(port)) for ip, port in pairs)


def _port(value: object) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise ValueError(value)


def _ref(text: str) -> ObjectRef:
    namespace, _, name = text.partition("/")
    return ObjectRef(namespace, name)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
