"""The audit of two large logs, a source's and a gateway's, against bare SQL on the same columns, as ratios in one run.

    python benchmarks/audit.py [--lines 2000000] [--rounds 3] [--long]

Audit is the whole command: parse, join, judge, report as JSON. Bare SQL is DuckDB on two threads: `read_csv` of the
same columns without any care for what a sender may write, a join of both logs by the addresses of the connection, a
count by host. GoAccess, where it is installed, only counts. Each runs in a process of its own whose peak memory is
taken. `--long` also audits ten times as many lines, over ten times the hours, with the same memory limit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from planted.cluster import GATEWAY, POLICY, Workload, build
from planted.flows import Traffic
from planted.lines import Logs
from planted.mesh import START, with_figures
from planted.plans import Host, Plan

from egressaudit.errors import ExitCode
from egressaudit.evidence.collection import CollectedLog, Collection, State, save_collection

TOOL = Path(sys.executable).parent / "egressaudit"
HOSTS = 60
PER_HOUR = 340_000
"""Requests of the source: more than that would use its ports again within a minute."""

NEEDED = (0, 1, 3, 4, 5, 9, 14, 15, 16, 17, 18, 19, 20, 21)
"""Where a CSV reader finds the columns that the audit reads; method, path and protocol are one field to it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one command."""

    seconds: float
    memory: int
    """Most bytes that the process had resident."""


def generate(folder: Path, lines: int) -> tuple[Path, Path]:
    """The two logs with snapshot, collection and policy: so many lines in each, several to a connection."""
    rng = random.Random(7)
    cluster = build(10, 0)
    cluster.gateways[GATEWAY] = cluster.gateways[GATEWAY][:1]
    first = cluster.workloads[0]
    pod, gateway = first.pods[0], cluster.gateways[GATEWAY][0]
    workload = Workload(first.namespace, first.name, False, (pod,))
    hosts = [Host(f"h{n}.api.example.com", f"34.100.0.{n}", f"240.240.0.{n}") for n in range(1, HOSTS)]
    schemes = ("http", "http", "originate", "tls", "tcp")
    plans = [Plan("gateway", workload, host, schemes[n % len(schemes)]) for n, host in enumerate(hosts)]
    # One in sixty goes around the gateway, so that there is something to find.
    plans.append(Plan("direct", workload, Host("h99.api.example.com", "34.100.0.99", "240.240.0.99")))
    logs = Logs(folder, rng)
    traffic = Traffic(cluster, logs, rng)
    hours = max(1.0, lines / PER_HOUR)
    begin, step, sent = int(START.timestamp() * 1000), hours * 3_600_000 / lines, 0
    while sent < lines:
        before = traffic.flows.total()
        traffic.send(rng.choice(plans), begin + int(sent * step), rng.randint(1, 8))
        sent += traffic.flows.total() - before
    logs.close()
    end = START + timedelta(hours=hours, minutes=30)
    whole = tuple(CollectedLog(each.log, State.COMPLETE, covered_from=START, covered_to=end) for each in (gateway, pod))
    collection = Collection(START, end, end, "benchmark", whole, finished=end)
    save_collection(with_figures(collection, folder), folder)
    (folder / "mesh.json").write_text(json.dumps(cluster.mesh.to_json()), encoding="utf-8")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return folder / f"{pod.log}.log", folder / f"{gateway.log}.log"


def audit(folder: Path) -> Run:
    """The command; it must find the one violation, or its time means nothing."""
    report = folder / "report.json"
    run = _timed(
        [str(TOOL), "audit", str(folder), "--policy", str(folder / "policy.yaml"), "-o", f"json={report}"],
        ok=ExitCode.VIOLATION,
    )
    if "h99.api.example.com" not in report.read_text(encoding="utf-8"):
        raise SystemExit("the audit did not find what was planted")
    return run


def bare_sql(source: Path, gateway: Path) -> Run:
    """Read, join, count; nothing is checked, named or kept."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import audit; audit.bare(*sys.argv[1:])"
    return _timed([sys.executable, "-c", code, str(source), str(gateway)], ok=0)


def bare(source: str, gateway: str) -> None:
    """What `bare_sql` runs."""
    import duckdb

    db = duckdb.connect(config={"threads": 2})
    types = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(22))
    columns = ", ".join(f"c{n}" for n in NEEDED)
    for name, file in (("source", source), ("gateway", gateway)):
        db.execute(
            f"CREATE TEMP TABLE {name} AS SELECT {columns} FROM read_csv('{file}', delim=' ', quote='\"', escape='\"', "
            f"header=false, auto_detect=false, columns={{{types}}}, ignore_errors=true)"
        )
    # Connections first: a join of requests by address would pair each with all others of its connection.
    rows = db.execute(
        "WITH sent AS (SELECT c17 AS own, c15 AS reached, any_value(c16) AS cluster FROM source GROUP BY ALL) "
        "SELECT cluster, gateway.c16, count(*), min(c0), max(c0) FROM gateway "
        "JOIN sent ON gateway.c19 = own AND gateway.c18 = reached GROUP BY ALL"
    ).fetchall()
    if not rows:
        raise SystemExit("the bare SQL joined nothing")


def goaccess(source: Path, gateway: Path) -> Run:
    """GoAccess counts both files."""
    form = '[%dT%t.%^] "%m %U %H" %s %^ %^ %^ "%^" %^ %b %^ %^ "%^" "%u" "%^" "%v" "%h:%^" %^'
    command = ["goaccess", str(source), str(gateway), "--no-global-config", "--no-progress", f"--log-format={form}"]
    command += ["--date-format=%Y-%m-%d", "--time-format=%T", "-o", str(source.parents[2] / "goaccess.json")]
    return _timed(command, ok=0)


def _timed(command: list[str], *, ok: int) -> Run:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = code = os.waitstatus_to_exitcode(status)
    if code != ok:
        raise SystemExit(f"{command[0]} ended with {code}: {said.decode(errors='replace')[-2000:]}")
    return Run(seconds, usage.ru_maxrss * 1024)


def _best(runs: list[Run]) -> Run:
    return Run(min(each.seconds for each in runs), max(each.memory for each in runs))


def _print(name: str, run: Run, lines: int) -> None:
    rate = f"{lines / run.seconds / 1000:8.0f} k lines/s"
    print(f"{name:<18} {run.seconds:8.1f} s {rate} {run.memory / 2**30:7.2f} GiB", flush=True)


def _in_turns(folder: Path, lines: int, rounds: int) -> Run:
    source, gateway = generate(folder, lines)
    size = source.stat().st_size + gateway.stat().st_size
    print(f"two logs of {lines:,} lines, {size / 1e9:.2f} GB; best of {rounds}, taking turns", flush=True)
    ours: list[Run] = []
    sql: list[Run] = []
    counts: list[Run] = []
    for _ in range(rounds):
        ours.append(audit(folder))
        sql.append(bare_sql(source, gateway))
        if shutil.which("goaccess"):
            counts.append(goaccess(source, gateway))
    whole, bare_run = _best(ours), _best(sql)
    _print("audit", whole, 2 * lines)
    _print("bare SQL", bare_run, 2 * lines)
    print(f"audit / bare SQL   {whole.seconds / bare_run.seconds:8.2f}    (aim: at most 2)")
    if counts:
        count = _best(counts)
        _print("goaccess", count, 2 * lines)
        print(f"goaccess / audit   {count.seconds / whole.seconds:8.2f}    (aim: at least 10)")
    print(f"peak memory        {whole.memory / 2**30:8.2f} GiB (aim: under 1.5)", flush=True)
    return whole


def main() -> int:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=2_000_000, help="of each of the two logs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", action="store_true", help="ten times as many lines too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        short = _in_turns(Path(folder), options.lines, options.rounds)
    if options.long:
        lines = 10 * options.lines
        with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
            generate(Path(folder), lines)
            run = audit(Path(folder))
        print(f"two logs of {lines:,} lines")
        _print("audit", run, 2 * lines)
        print(f"time per line      {run.seconds / short.seconds / 10:8.2f} times that of the shorter logs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
