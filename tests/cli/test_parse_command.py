"""`egressaudit parse` and `read_hops`, as a user runs them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tools import ROOT, SAMPLES

import egressaudit
from egressaudit.cli import run
from egressaudit.errors import BadLogs, NotFound
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.report.output_formats import HopRows, formats_of, hop_writer

SAMPLE = SAMPLES / "istio-apis"

CLEAN = (
    '[2026-11-23T00:42:56.837Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 0 45 5 3 "-" "AGENT" "f1b7d8d2" '
    '"docs.redhat.com" "10.0.0.9:8080" outbound|80||docs.redhat.com 10.0.0.5:50000 10.0.0.5:15001 10.0.0.5:40000 - -'
)
DIRTY = CLEAN.replace("AGENT", 'x" "y')
OTHER = "2026-11-23T00:42:56.077660Z\tinfo\tEnvoy proxy is ready"
BROKEN = CLEAN[:60]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Four lines: clean, not clean, another one, and one that no grammar takes."""
    file = tmp_path / "gw.log"
    file.write_text(f"{CLEAN}\n{DIRTY}\n{OTHER}\n{BROKEN}\n")
    return file


def parsed(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    code = run(["parse", *map(str, argv)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_folder_of_logs_as_jsonl(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = parsed(
        capsys, SAMPLE, "-o", "jsonl", "--columns", "source,line,clean,response_code,upstream_cluster"
    )
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["upstream_cluster"] for row in rows] == [
        "outbound|80|rh-docs|egressgateway.egress-gateway.svc.cluster.local",
        "outbound|80||docs.redhat.com",
    ]
    assert all(row["clean"] is True and row["response_code"] == 200 for row in rows)
    assert "read 2 logs: 4 lines = 2 access (0 not clean) + 2 other + 0 unparsed" in err


@pytest.mark.parametrize("output", ["table", "jsonl", "csv"])
def test_every_format_has_a_row_for_each_hop_and_an_account_of_the_rest(
    output: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = parsed(capsys, log, "-o", output)
    assert code == 0
    assert out.count("10.0.0.9:8080") >= 2
    assert err == f"read {log}: 4 lines = 2 access (1 not clean) + 1 other + 1 unparsed\n"


def test_strict_fails_on_a_line_that_is_not_parsed_and_the_file_says_why(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parsed(capsys, log, "--strict", "--unparsed", tmp_path / "why.jsonl")[0] == 3
    [line] = [json.loads(each) for each in (tmp_path / "why.jsonl").read_text().splitlines()]
    assert (line["source"], line["line"], line["text"]) == (str(log), 4, BROKEN)
    assert line["column"] == len(BROKEN) + 1
    assert "end of the line" in line["reason"]
    assert parsed(capsys, SAMPLE, "--strict")[0] == 0


def test_standard_input_is_read_where_no_path_is_given(log: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "egressaudit",
            "parse",
            "-o",
            "csv",
            "--columns",
            "source,line,reporter",
            "--as",
            "gateway",
        ],
        input=gzip.compress(log.read_bytes()),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().splitlines()[1:] == [
        "standard input,1,egress-gateway",
        "standard input,2,egress-gateway",
    ]
    assert done.stderr.decode().startswith("read standard input (egress-gateway): 4 lines = 2 access")


def test_a_broken_log_is_an_error_after_all_that_could_be_read(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(log.read_bytes() * 50)[:-12])
    code, out, err = parsed(capsys, tmp_path / "a.log.gz", log, "-o", "csv", "--columns", "line")
    assert code == 1
    assert len(out.splitlines()) > 2  # those of the whole log, and those before the break
    assert "a.log.gz is broken after line" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["/no/such/file"], 2, "does not exist"),
        ([str(SAMPLE), "--columns", "upstream_clutser"], 2, "Did you mean upstream_cluster"),
        ([str(SAMPLE), "--columns", "line,line"], 2, "twice"),
        ([str(SAMPLE), "--columns", ""], 2, "unknown column"),
        ([str(SAMPLE), "-o", "xlsx"], 2, "parquet"),
        ([str(SAMPLE), "--as", "router"], 2, "router"),
        ([str(SAMPLE), "--unparsed", "/no/such/folder/x"], 1, "cannot write"),
        ([str(SAMPLE / "mesh.json"), "--strict"], 3, "unparsed"),
    ],
)
def test_a_bad_command_line_says_what_is_wrong(
    argv: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    got, _, err = parsed(capsys, *argv)
    assert got == code
    assert said in err


def test_a_folder_without_logs_is_an_error_that_says_what_was_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gw.txt").write_text(CLEAN)
    code, _, err = parsed(capsys, tmp_path)
    assert code == 1
    assert "no log was found" in err
    assert "1 files not named *.log" in err


@pytest.mark.parametrize(
    "evil", ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\x1b[2J", "a\x00b", "\u202ex"]
)
def test_csv_holds_no_formula_and_no_control_character(evil: str) -> None:
    out = io.StringIO()
    row_writer("csv", out, "user_agent").write({"user_agent": evil})
    [_, [cell]] = list(csv.reader(io.StringIO(out.getvalue())))
    assert cell[0] not in "=+-@\t\r"
    assert all(each.isprintable() for each in cell)


def row_writer(output, out, *columns):
    writer = hop_writer(output)
    assert isinstance(writer, HopRows)
    return writer.open(out, columns, ())


TEXTS = st.text(st.characters(), max_size=30)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["user_agent", "path", "raw"]), TEXTS), TEXTS)
def test_no_format_lets_a_control_character_through(row: dict[str, str], more: str) -> None:
    row = {**row, "raw": row.get("raw", "") + "=" + more}
    for output in (each.name for each in formats_of("parse") if not each.binary):
        out = io.StringIO()
        writer = row_writer(output, out, "user_agent", "path", "raw")
        writer.write(row)
        writer.close()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", out.getvalue())
        if output == "jsonl":
            assert json.loads(out.getvalue()) == {"user_agent": None, "path": None, **row}


def test_a_table_takes_no_markup_from_a_workload() -> None:
    out = io.StringIO()
    writer = row_writer("table", out, "user_agent")
    writer.write({"user_agent": "[red]x[/red] [link=http://evil]y[/link] :smile:"})
    writer.close()
    assert "[red]x[/red] [link=http://evil]y[/link] :smile:" in out.getvalue()


def test_columns_are_in_the_order_asked_for(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = parsed(capsys, log, "-o", "csv", "--columns", "upstream_host, line,clean")
    assert out.splitlines() == ["upstream_host,line,clean", "10.0.0.9:8080,1,true", "10.0.0.9:8080,2,false"]


def test_importing_the_package_is_light_and_read_hops_is_there() -> None:
    code = "import egressaudit, sys; print(sorted({'pandas', 'lark', 'rich', 'zstandard'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="nothing"):
        egressaudit.nothing  # noqa: B018


def test_read_hops_gives_the_documented_frame(log: Path) -> None:
    frame = egressaudit.read_hops([log, str(SAMPLE)], reporter=None)
    assert {name: str(frame[name].dtype) for name in frame} == {
        name: str(pd.Series([], dtype=dtype).dtype) for name, dtype in HOP_COLUMNS.items()
    }
    assert len(frame) == 4
    assert frame["clean"].tolist() == [True, False, True, True]
    assert frame.attrs["lines"][str(log)] == {"read": 4, "access": 2, "unclean": 1, "other": 1, "unparsed": 1}
    assert egressaudit.read_hops(log, reporter="waypoint")["reporter"].tolist() == ["waypoint"] * 2


def test_read_hops_joins_its_pieces(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text(f"{CLEAN}\n" * 20_001)
    frame = egressaudit.read_hops(tmp_path / "x.log")
    assert frame["line"].tolist() == list(range(1, 20_002))
    assert str(frame["response_code"].dtype) == "Int64"


def test_read_hops_of_nothing_has_the_columns_and_of_what_is_broken_raises(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("")
    assert list(egressaudit.read_hops(tmp_path)) == list(HOP_COLUMNS)
    (tmp_path / "y.log").write_bytes(gzip.compress(CLEAN.encode() * 9)[:-9])
    with pytest.raises(BadLogs, match=r"y\.log is broken"):
        egressaudit.read_hops(tmp_path)
    with pytest.raises(NotFound):
        egressaudit.read_hops("nowhere")
    with pytest.raises(ValueError, match="router"):
        egressaudit.read_hops(tmp_path, reporter="router")


def test_every_column_is_documented_with_its_dtype() -> None:
    text = (ROOT / "docs" / "hops.md").read_text("utf-8")
    table = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)
    assert [(name, dtype) for name, dtype, _ in table] == list(HOP_COLUMNS.items())
    assert all(len(re.split(r"(?<!\\)\|", rest)) == 4 for _, _, rest in table)
