"""When the lines of a file were written, as far as they tell."""

from __future__ import annotations

import gzip
import hashlib
import json
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.coverage import LINE
from support.lanes import compiled
from support.lanes import lines as lines_of_logs
from support.log_lines import ISTIO_LINE

from egressaudit.compiled_module import OFF
from egressaudit.findings.coverage import log_files
from egressaudit.findings.coverage.log_files import LogFile, LogFiles
from egressaudit.model import LogSource
from egressaudit.sources import Sources

AGENT = "2026-11-07T14:05:00.000Z\tinfo\tEnvoy proxy is ready"


WRITTEN = (
    ("no line", [], None, None),
    ("no line with a time", ["hello"], None, None),
    # It began at 12:00, and its line was written two hours later: the file may have begun just before that.
    ("a long request", [LINE.format(clock="12:00:00.000", duration=7200000)], "14:00", "14:00"),
    (
        "a request that began last and another that ended last",
        [
            LINE.format(clock="14:00:00.000", duration=0),
            LINE.format(clock="14:01:00.000", duration=3600000),
            LINE.format(clock="14:02:00.000", duration=0),
        ],
        "14:00",
        "15:01",
    ),
    ("the agent's own line", [AGENT], "14:05", "14:05"),
    (
        "CRI's stamp, not the request's time",
        [f"2026-11-07T14:30:00.000000000Z stdout F {LINE.format(clock='12:00:00.000', duration=0)}"] * 2,
        "14:30",
        "14:30",
    ),
    (
        "Docker's stamp",
        [json.dumps({"log": AGENT + "\n", "stream": "stdout", "time": "2026-11-07T14:31:00.123456789Z"})] * 2,
        "14:31",
        "14:31",
    ),
)


def files_of(folder: Path, *, hashed: bool) -> tuple[LogFile, ...]:
    with closing(LogFiles(None, hashed=hashed)) as files:
        for _, lines in Sources([str(folder)], watch=files.watch):
            for _ in lines:
                pass
        return files.found()


@pytest.mark.parametrize(("lines", "begins", "ends"), [row[1:] for row in WRITTEN], ids=[row[0] for row in WRITTEN])
def test_when_lines_were_written(lines: list[str], begins: str | None, ends: str | None, tmp_path: Path) -> None:
    log = tmp_path / "shop" / "shop-1" / "istio-proxy.log"
    log.parent.mkdir(parents=True)
    data = "".join(f"{each}\n" for each in lines).encode()
    log.write_bytes(data)
    [found] = files_of(tmp_path, hashed=True)
    times = tuple(f"{each:%H:%M}" if each else None for each in (found.begins, found.ends))
    assert times == (begins, ends)
    assert (found.lines, found.bytes, found.sha256) == (len(lines), len(data), hashlib.sha256(data).hexdigest())
    assert found.source == LogSource("shop", "shop-1", "istio-proxy")


def test_a_packed_file_has_the_figures_of_what_is_in_it(tmp_path: Path) -> None:
    log = tmp_path / "shop" / "shop-1" / "istio-proxy.log.gz"
    log.parent.mkdir(parents=True)
    log.write_bytes(gzip.compress(f"{AGENT}\n".encode() * 3000))
    [found] = files_of(tmp_path, hashed=False)
    assert (found.lines, found.bytes, found.sha256) == (3000, 3000 * (len(AGENT) + 1), "")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=lines_of_logs, ending=st.sampled_from(["\n", "\r\n"]))
def test_files_are_the_same_without_the_compiled_module(
    some: list[str], ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "x.log"
    log.write_bytes("".join(f"{each}{ending}" for each in some).encode("utf-8", "surrogatepass"))
    with monkeypatch.context() as without:
        without.setenv(OFF, "off")
        plain = files_of(tmp_path, hashed=False)
    assert files_of(tmp_path, hashed=False) == plain
    assert plain[0].lines == log.read_bytes().count(b"\n")


@compiled
@pytest.mark.parametrize("count", [0, 1, 191, 192, 193, 256, 1000])
def test_line_ends_are_counted_however_many_there_are(count: int) -> None:
    from egressaudit._lanes import line_ends

    assert line_ends(b"\n" * count) == line_ends(b"x" * 100 + b"\n" * count + b"x") == count


@compiled
def test_no_grammar_is_built_for_the_times_of_clean_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(log_files, "LineParser")
    (tmp_path / "x.log").write_text(f"{ISTIO_LINE}\n" * 900)
    [found] = files_of(tmp_path, hashed=False)
    assert found.lines == 900
    assert found.begins == found.ends is not None
