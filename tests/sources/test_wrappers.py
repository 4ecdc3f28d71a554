"""What log pipelines put around lines, told and taken off."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.folders import written
from support.source_lines import AGENT, HOSTILE, JSON, STAMP, TEXT, ZTUNNEL, hops, read

from egressaudit.hops.line_parser import LineParser
from egressaudit.hops.rows import LogEnd, NotParsed
from egressaudit.model import LogLine, LogSource, Reporter
from egressaudit.sources.line_split import CUT, MAX_LINE, TOO_LONG, split_lines
from egressaudit.sources.unwrapping import unwrapped
from egressaudit.sources.wrappers import Wrapper, unwrap, wrapper_of

WRAP = {
    Wrapper.NONE: lambda line: line,
    Wrapper.CRI: lambda line: f"{STAMP} stdout F {line}",
    Wrapper.DOCKER: lambda line: json.dumps({"log": f"{line}\n", "stream": "stdout", "time": STAMP}),
    Wrapper.TIMESTAMPS: lambda line: f"{STAMP} {line}",
    Wrapper.PREFIX: lambda line: f"[pod/gw-1/istio-proxy] {line}",
    Wrapper.STERN: lambda line: f"gw-1 istio-proxy {line}",
    Wrapper.STERN_NAMESPACES: lambda line: f"egress gw-1 istio-proxy {line}",
}


ACCESS = {"text": TEXT, "json": JSON, "ztunnel": ZTUNNEL, "hostile": HOSTILE}


def reasons(events: list[object]) -> list[tuple[int, str]]:
    return [(e.unparsed.line.number, e.unparsed.reason) for e in events if isinstance(e, NotParsed)]


# ---------------------------------------------------------------- wrappers


@pytest.mark.parametrize("line", ACCESS.values(), ids=ACCESS)
@pytest.mark.parametrize("wrapper", Wrapper)
def test_each_wrapper_is_told_and_taken_off(wrapper: Wrapper, line: str) -> None:
    wrapped = WRAP[wrapper](line)
    assert wrapper_of([wrapped]) is wrapper
    assert unwrap(wrapped, wrapper).text == line
    assert not unwrap(wrapped, wrapper).fault


@pytest.mark.parametrize("line", [*ACCESS.values(), AGENT, "", "  ", "a line of text"])
@pytest.mark.parametrize("wrapper", [each for each in Wrapper if each not in (Wrapper.STERN, Wrapper.STERN_NAMESPACES)])
def test_a_line_without_its_logs_wrapper_is_read_as_it_is(wrapper: Wrapper, line: str) -> None:
    assert unwrap(line, wrapper).text == line
    assert not unwrap(line, wrapper).fault


@pytest.mark.parametrize(
    ("text", "wrapper"),
    [
        (AGENT.replace("\t", " "), Wrapper.NONE),  # a copy with blanks for tabs: the time is the agent's own
        (ZTUNNEL.replace("\t", "    "), Wrapper.NONE),
        (f"{STAMP} {AGENT}", Wrapper.TIMESTAMPS),
        ('{"level":"info","time":"x","msg":"log"}', Wrapper.NONE),
        ('{"log":"x","stream":"stdout","time":"t","response_code":200}', Wrapper.NONE),  # a custom JSON format
        ('{"log":"x\\n","log":"y\\n","stream":"stdout","time":"t"}', Wrapper.NONE),
        ('{"log":1,"stream":"stdout","time":"t"}', Wrapper.NONE),
        ('{"log":"x\\n","stream":"stdout","time":"t","attrs":{"a":"b"}}', Wrapper.DOCKER),
        ("no idea", None),
    ],
)
def test_what_a_line_shows_of_its_wrapper(text: str, wrapper: Wrapper | None) -> None:
    assert wrapper_of([text]) is (wrapper or Wrapper.NONE)
    assert wrapper_of([text, WRAP[Wrapper.CRI](TEXT), WRAP[Wrapper.CRI](TEXT)]) is Wrapper.CRI


def test_kubectl_and_stern_can_put_the_time_behind_the_name() -> None:
    assert unwrap(f"[pod/gw-1/istio-proxy] {STAMP} {TEXT}", Wrapper.PREFIX).text == TEXT
    assert unwrap(f"gw-1 istio-proxy {STAMP} {TEXT}", Wrapper.STERN).text == TEXT


def test_only_the_outer_wrapper_is_believed(tmp_path: Path) -> None:
    """An application may print a whole wrapped line."""
    fake = f"[pod/gw-1/istio-proxy] {TEXT}"
    log = written(tmp_path / "x.log", f"[pod/shop-1/istio-proxy] {TEXT}", f"[pod/shop-1/istio-proxy] {fake}")
    _, events = read(log)
    assert [hop["line"] for hop in hops(events)] == [1]


def test_a_line_with_another_wrapper_is_unparsed_and_not_taken_for_an_agents(tmp_path: Path) -> None:
    _, events = read(written(tmp_path / "x.log", TEXT, TEXT, WRAP[Wrapper.CRI](TEXT)))
    assert [hop["line"] for hop in hops(events)] == [1, 2]
    [(number, reason)] = reasons(events)
    assert number == 3
    assert "CRI" in reason


def test_lines_of_other_containers_are_no_hops_whatever_they_say(tmp_path: Path) -> None:
    log = written(tmp_path / "x.log", f"[pod/shop-1/istio-proxy] {TEXT}", f"[pod/shop-1/app] {TEXT}")
    _, events = read(log)
    [hop] = hops(events)
    assert hop["source"] == f"shop-1/istio-proxy@{log}"
    assert [e.count.other for e in events if isinstance(e, LogEnd)] == [1]
    _, events = read(log, containers=frozenset({"istio-proxy", "app"}))
    assert len(hops(events)) == 2


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, len(TEXT)), max_size=4), wrapper=st.sampled_from([Wrapper.CRI, Wrapper.DOCKER]))
def test_parts_of_a_line_are_joined(cuts: list[int], wrapper: Wrapper) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    parts = [TEXT[a:b] for a, b in pairwise(edges)]
    if wrapper is Wrapper.CRI:
        lines = [f"{STAMP} stdout P {part}" for part in parts[:-1]] + [f"{STAMP} stdout F {parts[-1]}"]
    else:
        logs = [*parts[:-1], f"{parts[-1]}\n"]
        lines = [json.dumps({"log": log, "stream": "stdout", "time": STAMP}) for log in logs]
    # Lines of the other stream may come between the parts.
    between = WRAP[wrapper](AGENT).replace("stdout", "stderr")
    told = list(unwrapped((line, "") for each in lines for line in (each, between)))
    assert [each.line.text for each in told if each.line.text != AGENT] == [TEXT]
    assert not any(each.fault for each in told)


def test_parts_without_an_end_and_parts_without_measure_are_not_parsed() -> None:
    part = (f"{STAMP} stdout P {'x' * 10_000}", "")
    assert [each.fault for each in unwrapped([part])] == [CUT]
    [line] = unwrapped([part] * 200 + [(f"{STAMP} stdout F ", "")])
    assert line.fault == TOO_LONG
    assert len(line.line.text) <= MAX_LINE


LINES = st.lists(
    st.sampled_from([TEXT, JSON, ZTUNNEL, HOSTILE, AGENT, "", TEXT[:80], "broken {"]), min_size=1, max_size=12
)


@settings(deadline=None)
@given(lines=LINES, wrapper=st.sampled_from(list(Wrapper)), hostile=st.text(st.characters(codec="utf-8"), max_size=40))
def test_wrapped_lines_give_the_same_hops_as_bare_ones(lines: list[str], wrapper: Wrapper, hostile: str) -> None:
    agent = hostile.translate({ord("\n"): None, ord("\r"): None})
    bare = [TEXT, *(line.replace("curl/8.7.1", agent) for line in lines)]
    told = list(unwrapped((WRAP[wrapper](line), "") for line in bare))
    parser = LineParser()
    for reporter in (Reporter.SIDECAR, Reporter.ZTUNNEL):
        for number, (line, each) in enumerate(zip(bare, told, strict=True), start=1):
            assert (each.number, each.fault, each.line.text) == (number, "", line)
            source = LogSource("n", "p", "c")
            got = parser.parse(LogLine(source, number, each.line.text), reporter)
            assert got == parser.parse(LogLine(source, number, line), reporter)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=10))
def test_every_line_of_anything_is_accounted_for(parts: list[bytes]) -> None:
    data = b"\n".join(parts)
    told = list(unwrapped(split_lines(io.BytesIO(data))))
    expected = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    assert len(told) == expected
    assert [each.number for each in told] == list(range(1, expected + 1))


# ---------------------------------------------------------------- lines


def test_a_line_without_a_line_end_is_not_parsed_however_whole_it_looks(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text(f"{TEXT}\n{TEXT}")
    _, events = read(log)
    assert [hop["line"] for hop in hops(events)] == [1]
    assert reasons(events) == [(2, CUT)]


def test_a_line_end_of_windows_is_no_part_of_a_field(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(f"{TEXT}\r\n".encode())
    [hop] = hops(read(log)[1])
    assert hop["route_name"] is None
    assert hop["clean"] is True


def test_a_line_without_measure_is_passed_over_and_the_next_one_read(tmp_path: Path) -> None:
    log = written(tmp_path / "x.log", "x" * (3 * MAX_LINE), TEXT)
    _, events = read(log)
    assert [hop["line"] for hop in hops(events)] == [2]
    assert reasons(events) == [(1, TOO_LONG)]


def test_bytes_that_are_not_utf_8_survive(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(TEXT.encode().replace(b"curl/8.7.1", b"\xff\xfe") + b"\n")
    [hop] = hops(read(log)[1])
    assert str(hop["user_agent"]).encode("utf-8", "surrogateescape") == b"\xff\xfe"
