"""The tables of a history: their columns, and the version of their form.

In: the name of an attached database. Out: the statements that make the tables in it, e.g.
`CREATE TABLE fresh.main.meta (version INTEGER, made_by VARCHAR)`.

`shapes` has each group of flows once, with all that judging it reads; `seen` says how often a run saw it and what its
verdict was. So a year of days that look alike takes little more room than one, and is judged in one go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from egressaudit import __version__

VERSION = 1

TABLES: Mapping[str, str] = {
    "meta": "version INTEGER, made_by VARCHAR",
    "runs": "run INTEGER, created TIMESTAMP, window_start TIMESTAMP, window_end TIMESTAMP, outcome VARCHAR, "
    "policy VARCHAR, policy_digest VARCHAR, cluster_uid VARCHAR, version VARCHAR, fraction DOUBLE, "
    "groups INTEGER, findings INTEGER, violations INTEGER, unproven INTEGER, trusted VARCHAR[]",
    "shapes": "shape INTEGER, digest VARCHAR, flow VARCHAR, namespace VARCHAR, workload VARCHAR, host VARCHAR, "
    "port INTEGER, path VARCHAR, mode VARCHAR, via VARCHAR[], reason VARCHAR, confidence VARCHAR, scheme VARCHAR, "
    "server_names VARCHAR[], reached VARCHAR, judged_by VARCHAR",
    "seen": "run INTEGER, shape INTEGER, flows BIGINT, first TIMESTAMP, last TIMESTAMP, outcome VARCHAR, "
    "code VARCHAR, waived BOOLEAN",
    "findings": "run INTEGER, fingerprint VARCHAR, code VARCHAR, severity VARCHAR, outcome VARCHAR, waived BOOLEAN, "
    "subject VARCHAR, message VARCHAR, about VARCHAR, flow VARCHAR, log VARCHAR",
    "logs": "run INTEGER, name VARCHAR, workload VARCHAR, reporter VARCHAR, read BOOLEAN, whole BOOLEAN, "
    "throughout BOOLEAN",
    "unlogged": "run INTEGER, workload VARCHAR, kind VARCHAR",
}
"""The columns of each table. `judged_by` is JSON: what the snapshot said. In `unlogged`, the kind '' is a log that was
not asked for."""


def columns(table: str) -> Sequence[tuple[str, str]]:
    """Name and type of each column."""
    found = []
    for each in TABLES[table].split(", "):
        name, _, kind = each.partition(" ")
        found.append((name, kind))
    return found


def statements(database: str) -> Iterator[str]:
    """What makes all tables in a database that has none."""
    for table, form in TABLES.items():
        yield f"CREATE TABLE {database}.main.{table} ({form})"
    # S608: neither is text of anybody else.
    yield f"INSERT INTO {database}.main.meta VALUES ({VERSION}, 'egressaudit {__version__}')"  # noqa: S608
