"""`egressaudit query`: answers in every format, read by others' readers; the documented queries; redaction."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.tools import ROOT, SAMPLES

from egressaudit.cli import run
from egressaudit.cli.option_types import size_in_bytes
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.pipeline import query
from egressaudit.report.output_formats import names_of
from egressaudit.report.query_rows import FINDINGS, FLOWS, LOGS
from egressaudit.report.safe import printable

Captured = pytest.CaptureFixture[str]

WHOLE = str(SAMPLES / "whole-mesh")
PAGE = (ROOT / "docs" / "query.md").read_text("utf-8")
SECRET = "S3CR3T"


@pytest.fixture(scope="module", autouse=True)
def _one_audit() -> Iterator[None]:
    """The sample is audited once for all queries on it."""
    with pytest.MonkeyPatch.context() as patch:
        audit = query.audit_window
        kept: dict[object, Any] = {}

        def once(paths: tuple[str, ...], *more: Any) -> Any:
            key = paths, more[1].policy is None
            if key not in kept:
                kept[key] = audit(paths, *more)
            return kept[key]

        patch.setattr(query, "audit_window", once)
        yield


def asked(capsys: Captured, sql: str, *more: str, path: str = WHOLE) -> list[dict[str, Any]]:
    assert run(["query", sql, path, "-q", "-o", "json", *more]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert isinstance(rows, list)
    return rows


def test_no_rows_of_an_audit_that_is_not_proven_are_not_taken_for_proof(capsys: Captured, tmp_path: Path) -> None:
    violations = "select * from flows where outcome = 'FAIL'"
    folder = shutil.copytree(WHOLE, tmp_path / "evidence")
    shutil.rmtree(folder / "shop")
    said = "not all is proven in the audit that was asked, INCONCLUSIVE: "
    for path, sql, rows, warned in (
        (WHOLE, violations, 1, False),
        (folder, violations, 0, True),
        (folder, "select count(*) from findings", 1, True),
        (folder, "select count(*) from hops", 1, False),
    ):
        assert run(["query", sql, str(path), "--policy", f"{WHOLE}/policy.yaml", "-q", "-o", "json"]) == 0
        out, err = capsys.readouterr()
        assert (len(json.loads(out)), said in err) == (rows, warned)


def test_flows_are_those_of_the_report(capsys: Captured) -> None:
    found = asked(capsys, "select host, path, sum(flows)::int as n from flows group by all order by n desc")
    flows = json.loads((ROOT / "reports" / "whole-mesh.json").read_text("utf-8"))["flows"]
    counts: dict[tuple[str, str], int] = {}
    for each in flows:
        key = each["host"], each["path"]
        counts[key] = counts.get(key, 0) + each["flows"]
    assert {(each["host"], each["path"]): each["n"] for each in found} == counts


def test_hops_are_those_of_parse(capsys: Captured) -> None:
    found = asked(capsys, "select * from hops")
    assert run(["parse", WHOLE, "-q", "-o", "jsonl"]) == 0
    parsed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == [{name: value for name, value in row.items() if name != "raw"} for row in parsed]


def test_logs_have_the_account_of_parse(capsys: Captured) -> None:
    assert run(["query", "select sum(read)::int as n, sum(access)::int as a from logs", WHOLE, "-o", "json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 250, "a": 240}]


def test_without_a_snapshot_there_are_hops_and_logs(tmp_path: Path, capsys: Captured) -> None:
    log = next(Path(WHOLE).rglob("shop/*/istio-proxy.log"))
    shutil.copy(log, tmp_path / "app.log")
    assert asked(capsys, "select count(*) as n from hops", path=str(tmp_path)) == [{"n": 55}]
    assert run(["query", "select * from flows", str(tmp_path)]) == 2
    assert "the table flows needs a mesh snapshot" in capsys.readouterr().err


QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_ten_documented_queries() -> None:
    assert len(QUERIES) == 10
    assert "Ten useful queries" in PAGE


@pytest.mark.slow
@pytest.mark.parametrize("sql", QUERIES, ids=[each.split("\n")[0][:40] for each in QUERIES])
def test_each_documented_query_has_an_answer(sql: str, capsys: Captured) -> None:
    rows = asked(capsys, sql, "--policy", f"{WHOLE}/policy.yaml")
    # A column that is always absent would make the query useless.
    assert all(any(row[column] is not None for row in rows) for column in rows[0])


@pytest.mark.parametrize(
    ("table", "columns"), [("logs", LOGS.names), ("flows", FLOWS.names), ("findings", FINDINGS.names)]
)
def test_the_page_has_the_columns_of_each_table(table: str, columns: list[str]) -> None:
    [part] = re.findall(rf"^\*\*`{table}`\*\*(.*?)\n\n", PAGE, re.DOTALL | re.MULTILINE)
    named = re.findall(r"`([a-z_]+)`", part)
    assert [each for each in columns if each not in named] == []


def test_describe_lists_the_columns_of_hops(capsys: Captured) -> None:
    columns = [each["column_name"] for each in asked(capsys, "describe hops")]
    assert columns == [each for each in HOP_COLUMNS if each != "raw"]
    assert asked(capsys, "describe hops", "--raw")[-1]["column_name"] == "raw"


NASTY = "=cmd|'/c calc'!A1\x1b[31m [bold]x[/bold] \u202e<script>\n@SUM(1)"


@cache
def _nasty_sql() -> str:
    text = NASTY.replace("'", "''")
    return f"select '{text}' as a, '{text}' as \"=1+[red]x\x1b\", ['{text}', 'b'] as l, 1 as a, null as n, 1.5 as f"


@pytest.mark.parametrize("name", names_of("query"))
def test_hostile_cells_are_text_in_every_format(name: str, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "answer"
    assert run(["query", _nasty_sql(), WHOLE, "-q", "-o", f"{name}={file}"]) == 0
    assert capsys.readouterr().out == ""
    content = file.read_bytes()
    shown = printable(NASTY)
    if name == "parquet":
        table = pq.read_table(BytesIO(content))
        assert table.column_names == ["a", "=1+[red]x\\x1b", "l", "a_2", "n", "f"]
        assert table.column("a").to_pylist() == [NASTY]
        return
    text = content.decode("utf-8")
    assert all(character == "\n" or printable(character) == character for character in text)
    if name == "csv":
        [head, row] = csv.reader(StringIO(text))
        assert head == ["a", "'=1+[red]x\\x1b", "l", "a_2", "n", "f"]
        assert row == [f"'{shown}", f"'{shown}", f"'{shown}; b", "1", "", "1.5"]
    elif name in ("json", "jsonl"):
        [found] = json.loads(text) if name == "json" else map(json.loads, text.splitlines())
        assert found == {"a": NASTY, "=1+[red]x\\x1b": NASTY, "l": [NASTY, "b"], "a_2": 1, "n": None, "f": 1.5}
    else:
        assert "=1+[red]x\\x1b" in text
        assert shown in text


def test_an_empty_answer_is_no_broken_file(tmp_path: Path) -> None:
    for name in names_of("query"):
        assert run(["query", "select 1 as a where false", WHOLE, "-q", "-o", f"{name}={tmp_path / name}"]) == 0
    assert json.loads((tmp_path / "json").read_text()) == []
    assert (tmp_path / "jsonl").read_text() == ""
    assert (tmp_path / "csv").read_text() == "a\n"
    assert pq.read_table(tmp_path / "parquet").num_rows == 0


def test_values_of_every_type_can_be_written(capsys: Captured) -> None:
    sql = (
        "select sum(range) as h, 1.25::decimal(5,2) as d, date '2026-03-01' as day, "
        "timestamp '2026-03-01 10:00:00' as t, interval 90 second as i, 'ab'::blob as b, "
        "'nan'::double as x, {'k': [1, 2]} as s, map {'k': 1} as m, "
        "timestamptz '2026-03-01 10:00:00+00' as z, time '10:00:00' as c, true as yes from range(3)"
    )
    [row] = asked(capsys, sql)
    assert row == {
        "h": 3,
        "d": 1.25,
        "day": "2026-03-01",
        "t": "2026-03-01T10:00:00",
        "i": row["i"],
        "b": "6162",
        "x": "nan",
        "s": {"k": [1, 2]},
        "m": [["k", 1]],
        "z": "2026-03-01T10:00:00.000000Z",
        "c": "10:00:00",
        "yes": True,
    }
    for name in ("csv", "table"):
        assert run(["query", sql, WHOLE, "-q", "-o", name]) == 0
        assert '{"k": [1, 2]}' in capsys.readouterr().out.replace('""', '"')


def test_secrets_are_in_no_table_unless_asked_for(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "logs"
    shutil.copytree(WHOLE, folder)
    for log in folder.rglob("*.log"):
        text = re.sub(r'("GET [^ "]*) HTTP', rf"\1?token={SECRET} HTTP", log.read_text("utf-8"))
        log.write_text(text, "utf-8")
    sql = "select path, count(*) as n, max(raw) as raw from hops where path is not null group by all order by n desc"
    rows = asked(capsys, sql, "--raw", path=str(folder))
    assert SECRET not in json.dumps(rows)
    assert all(each["path"].endswith("?REDACTED") and "?REDACTED HTTP" in each["raw"] for each in rows)
    shown = asked(capsys, sql, "--raw", "--redact", "none", path=str(folder))
    assert sum(each["n"] for each in shown) == sum(each["n"] for each in rows)
    assert all(SECRET in each["path"] and SECRET in each["raw"] for each in shown)
    found = json.dumps(asked(capsys, "select evidence, because from flows", path=str(folder)))
    assert SECRET not in found


def test_more_rows_than_the_limit_are_told(capsys: Captured) -> None:
    assert run(["query", "select line from hops", WHOLE, "-q", "--limit", "5", "-o", "jsonl"]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 5
    assert captured.err == "only the first 5 rows: --limit shows more\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["select hst from hops", WHOLE], "line 1, column 8: there is no column hst"),
        (["drop table hops", WHOLE], "the query is not a SELECT"),
        (["select 1", "-"], "query cannot read standard input"),
        (["select 1"], "Missing argument"),
        (["select 1", WHOLE, "-o", "xml"], "'xml' is not table"),
        (["select 1", WHOLE, "--redact", "hosts"], "Invalid value for '--redact'"),
        (["select '290000-01-01'::timestamp", WHOLE], "a value of the answer cannot be written in this format"),
        (
            ["select '-infinity'::timestamp", WHOLE, "-o", "csv"],
            "a value of the answer cannot be written in this format",
        ),
        (["select count(*) from range(100000000000000)", WHOLE, "--timeout", "2s"], "took longer than 2 s"),
    ],
)
def test_what_cannot_be_asked_is_said_and_exits_2(argv: list[str], said: str, capsys: Captured) -> None:
    assert run(["query", *argv]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_what_parquet_cannot_have_is_said_and_leaves_no_file(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "x.parquet"
    assert run(["query", "select '1 year'::interval as a", WHOLE, "-q", "-o", f"parquet={file}"]) == 2
    assert "a value of the answer cannot be written in this format" in capsys.readouterr().err
    assert not file.exists()


def test_no_log_is_an_error(tmp_path: Path, capsys: Captured) -> None:
    assert run(["query", "select count(*) from hops", str(tmp_path), "-q"]) == 1
    assert "no log was found" in capsys.readouterr().err


@pytest.mark.slow
def test_an_interrupted_query_ends_with_its_process(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group of processes, as in a terminal."""
    sql = "with recursive r as (select 1 as x union all select x + 1 from r) select max(x) from r"
    argv = [sys.executable, "-m", "egressaudit", "query", sql, WHOLE, "-q"]
    program = (
        "import subprocess, signal, time, os, sys\n"
        f"p = subprocess.Popen({argv!r}, start_new_session=True)\n"
        "time.sleep(6)\n"
        "os.killpg(p.pid, signal.SIGINT)\n"
        "code = p.wait(30)\n"
        "time.sleep(1)\n"
        "try:\n"
        "    os.killpg(p.pid, 0)\n"
        "    left = True\n"
        "except ProcessLookupError:\n"
        "    left = False\n"
        "print(code, left, len(os.listdir(os.environ['TMPDIR'])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.stdout.split() == ["130", "False", "0"]


@pytest.mark.parametrize(
    ("size", "wanted"), [("1GB", 10**9), ("500MB", 5 * 10**8), ("1.5GiB", 3 * 2**29), ("20 MB", 2 * 10**7)]
)
def test_sizes_have_their_bytes(size: str, wanted: int) -> None:
    assert size_in_bytes(size) == wanted
