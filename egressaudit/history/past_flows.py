"""The groups of many runs, each shape of them once: what a year of days has to be judged again.

In: a history, and the runs that count, each with the number of its class (runs that are judged alike). Out: for each
shape and class how many flows there were and which verdict they got, in order of the shapes. Example: the same 500
groups on 365 days are 500 `PastGroup`s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.errors import BadHistory
from egressaudit.history.database import reading
from egressaudit.history.run_rows import NOT_OURS, aware, text_of
from egressaudit.history.shape_rows import facts_from
from egressaudit.history.stored_runs import History
from egressaudit.model import Outcome
from egressaudit.model.group_facts import GroupFacts

_STEP = 2000
_GROUPS = """
    WITH sums AS (
        SELECT shape, class, outcome, code, waived, sum(flows)::BIGINT AS flows, min(first) AS first, max(last) AS last
        FROM history.main.seen JOIN chosen USING (run)
        GROUP BY ALL
    )
    SELECT shape, class, outcome, code, waived, flows, first, last,
        namespace, workload, host, port, path, mode, via, reason, confidence, scheme, server_names, reached, judged_by
    FROM sums JOIN history.main.shapes USING (shape)
    ORDER BY shape, class, outcome, code, waived
"""
"""The last columns are those of `shape_row`."""


@dataclass(frozen=True, slots=True)
class PastGroup:
    """The flows of one shape that got one verdict, in all runs of a class."""

    shape: int
    run_class: int
    facts: GroupFacts
    outcome: Outcome | None
    code: str
    waived: bool


def past_groups(history: History, classes: Mapping[int, int]) -> Iterator[PastGroup]:
    """All groups of these runs. BadHistory."""
    with reading(history.file) as db:
        numbers = [list(classes), list(classes.values())]
        db.execute("CREATE TEMP TABLE chosen AS SELECT unnest($1) AS run, unnest($2) AS class", numbers)
        found = db.execute(_GROUPS)
        while rows := found.fetchmany(_STEP):
            for shape, run_class, outcome, code, waived, flows, first, last, *row in rows:
                try:
                    yield PastGroup(
                        shape=shape,
                        run_class=run_class,
                        facts=facts_from(row, flows, aware(first), aware(last)),
                        outcome=None if outcome is None else Outcome(outcome),
                        code=text_of(code),
                        waived=bool(waived),
                    )
                except NOT_OURS as error:
                    raise BadHistory(f"{history.file} is damaged: group {shape} cannot be understood") from error
