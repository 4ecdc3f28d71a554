"""`egressaudit explain`: one flow of a report as a story, and clear errors for files that are no reports."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.changed_documents import LEAVES, PATHS, changed
from support.tools import ROOT, SAMPLES

from egressaudit.cli import run
from egressaudit.errors import BadLogs
from egressaudit.hops.line_parser import LineParser
from egressaudit.report.screen import Screen
from egressaudit.report.story.report_file import told_flows
from egressaudit.report.story.story_text import listing, story

REPORTS = ROOT / "reports"
OURS = sorted(each for each in REPORTS.glob("*.json") if "." not in each.stem)
"""The reports in JSON, without those that are another format in JSON."""
Captured = pytest.CaptureFixture[str]


def told(capsys: Captured, *argv: object) -> str:
    assert run(["explain", *map(str, argv)]) == 0
    return capsys.readouterr().out


def under(text: str, letter: str) -> str:
    """What stands above the marks of a letter."""
    rows = text.splitlines()
    for above, marks in pairwise(rows):
        if re.fullmatch(r"[ a-z^]+", marks) and (found := re.search(rf"{letter}\^*(?= |$)", marks)):
            return above[slice(*found.span())]
    raise AssertionError(letter)


def test_a_gateway_without_pods_is_told_field_by_field(capsys: Captured) -> None:
    text = told(capsys, REPORTS / "gateway-down.json")
    assert [under(text, letter) for letter in "abcdeg"] == [
        "503",
        "UH",
        "no_healthy_upstream",
        "docs.redhat.com",
        "-",
        "127.13.49.10:15100",
    ]
    assert "b  response_flags UH: NoHealthyUpstream: no endpoint of the cluster was healthy" in text
    assert "→ not-left: No address was chosen: nothing was sent on from here." in text
    assert "verdict  INCONCLUSIVE" in text
    assert "subset rh-docs, host egressgateway.egress-gateway.svc.cluster.local" in " ".join(text.split())
    assert "→ Configuration: egress-gateway/egressgateway has no ready pod" in text


@pytest.mark.parametrize("scenario", [each.stem for each in OURS if each.stem != "whole-mesh"])
def test_every_hop_of_every_report_is_told_with_its_marks_in_place(scenario: str, capsys: Captured) -> None:
    report = json.loads((REPORTS / f"{scenario}.json").read_text("utf-8"))
    for number, verdict in enumerate(report["verdicts"], 1):
        text = told(capsys, REPORTS / f"{scenario}.json", number)
        assert f"verdict  {verdict['outcome']}" in text
        hops = re.split(r"^\d  ", text, flags=re.MULTILINE)[1:]
        assert len(hops) == len(verdict["hops"])
        for hop, shown in zip(verdict["hops"], hops, strict=True):
            assert shown.startswith(f"{hop['reporter'].replace('-', ' ')}  {hop['source']}:{hop['line']}")
            notes = re.findall(r"^   ([a-z])  ([a-z_]+) (\S+?):? ", shown, re.MULTILINE)
            assert len(notes) >= 5
            for letter, column, value in notes:
                whole = str(hop["fields"].get(column, "-"))
                assert whole.startswith(value.rstrip(":"))
                assert whole.startswith(under(shown, letter))


@pytest.mark.parametrize(
    ("scenario", "fates"),
    [
        ("istio-apis", ["onward", "left"]),
        ("ambient", ["onward", "left"]),
        ("registry-only", ["refused"]),
        ("no-service-entry", ["left"]),
        ("upstream-down", ["onward", "may-have-left"]),
        ("rbac-denied", ["onward", "refused"]),
    ],
)
def test_what_follows_from_each_line_is_its_fate(scenario: str, fates: list[str], capsys: Captured) -> None:
    assert re.findall(r"→ ([a-z-]+): ", told(capsys, REPORTS / f"{scenario}.json")) == fates


FATES = {
    "via-gateway": {"left"},
    "via-waypoint": {"left"},
    "direct": {"left"},
    "passthrough": {"left"},
    "blocked": {"refused"},
    "failed": {"not-left", "may-have-left"},
    "unknown": {"", "may-have-left"},
}


def test_no_lines_fate_contradicts_its_verdict(capsys: Captured) -> None:
    seen = set()
    for file in OURS:
        report = json.loads(file.read_text("utf-8"))
        rows = report.get("verdicts") or report["flows"]
        for number, row in enumerate(rows, 1):
            text = told(capsys, file, number)
            if re.search(r"^1  ", text, re.MULTILINE):
                path = row.get("path_seen") or row["path"]
                fate = re.findall(r"The last line's fate is ([a-z-]+)", text) or [""]
                assert fate[0] in FATES[path], (file, number)
                seen.add(path)
    assert seen == set(FATES)


def test_a_line_that_nothing_follows_has_not_left_by_itself(capsys: Captured) -> None:
    """The gateway logs nothing: its address is no proof of the outside."""
    text = " ".join(told(capsys, REPORTS / "logging-off.json").split())
    assert "→ It was sent to 127.229.144.10:8080. No line shows what became of it there" in text
    assert "fate is left" not in text


def test_a_saved_run_is_judged_again_and_told_the_same(capsys: Captured) -> None:
    assert told(capsys, SAMPLES / "istio-apis") == told(capsys, REPORTS / "istio-apis.json")


def test_a_report_with_several_flows_lists_them_and_tells_the_chosen_one(capsys: Captured) -> None:
    report = REPORTS / "whole-mesh.json"
    listed = told(capsys, report)
    assert [row.split()[0] for row in listed.splitlines()] == ["FLOW", "1", "2", "3", "4", "5"]
    by_number = told(capsys, report, 3)
    assert by_number == told(capsys, report, "httpbin.org") == told(capsys, report, "httpbin.org:80")
    assert "1  ztunnel  ztunnel/ztunnel-7l4wt/istio-proxy:5" in by_number
    assert "linked by the address within the tunnel" in by_number
    # Two workloads called this host.
    assert [row.split()[0] for row in told(capsys, report, "docs.redhat.com").splitlines()] == ["FLOW", "1", "5"]


def test_the_lines_of_an_audit_are_read_again_and_linked_by_their_sockets(capsys: Captured) -> None:
    text = told(capsys, REPORTS / "whole-mesh.json", 1)
    assert re.findall(r"→ ([a-z-]+): ", text) == ["onward", "left"]
    assert "linked by the socket: its client is the socket that the hop before sent from" in text
    assert "The report has 2 more lines of the same group of flows." in text


def test_a_flow_that_is_not_there_is_the_command_lines_fault(capsys: Captured) -> None:
    assert run(["explain", str(REPORTS / "gateway-down.json"), "example.com"]) == 2
    error = capsys.readouterr().err
    assert "is 'example.com'" in error
    assert "1 (http://docs.redhat.com/)" in error


def one_flow(raw: str, **more: Any) -> bytes:
    """A report of `audit` with one flow and one line."""
    line = {"source": "a/b/c", "line": 1, "role": "source", "raw": raw}
    flow = {"outcome": "FAIL", "because": "b", "host": "h", "port": 80, "path": "direct", "evidence": [line], **more}
    return json.dumps({"schema_version": 1, "tool": {"name": "egressaudit"}, "flows": [flow]}).encode()


def told_bytes(content: bytes, parser: LineParser | None = None) -> str:
    [flow] = told_flows(content, "report.json")
    return story(flow, parser or LineParser(), Screen()).decode()


CUSTOM = "10.0.0.5:41000 -> 203.0.113.7:80 outbound|80||h 10.0.0.5:50000 UF"


def test_a_line_in_a_format_of_the_users_own_is_shown_and_not_named() -> None:
    text = " ".join(told_bytes(one_flow(CUSTOM)).split())
    assert CUSTOM in text
    assert "isn't in one of the default access log formats, so its fields can't be named" in text


def test_with_its_format_such_a_line_is_named_and_marked(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "report.json").write_bytes(one_flow(CUSTOM))
    form = "%DOWNSTREAM_REMOTE_ADDRESS% -> %UPSTREAM_HOST% %UPSTREAM_CLUSTER% "
    form += "%UPSTREAM_LOCAL_ADDRESS% %RESPONSE_FLAGS%"
    text = told(capsys, tmp_path / "report.json", "--format", form)
    assert under(text, "e") == "UF"
    assert "response_flags UF: UpstreamConnectionFailure" in text


def test_a_cause_is_told_if_the_report_names_one() -> None:
    cause = {
        "code": "EC26",
        "title": "the rule lacks the mesh gateway",
        "because": ["the line's route is default", "no mesh"],
        "objects": ["VirtualService egress/docs"],
        "excluded": [{"code": "EC27", "fact": "the port fits"}],
        "remedy": "add mesh",
    }
    text = " ".join(told_bytes(one_flow(CUSTOM, causes=[cause, {"code": "EC30"}])).split())
    assert (
        "Cause: EC26 the rule lacks the mesh gateway. It shows by: the line's route is default; no mesh. "
        "Look at: VirtualService egress/docs. It isn't: EC27 (the port fits). To do: add mesh Cause: EC30"
    ) in text
    assert "Cause: no pod" in told_bytes(one_flow(CUSTOM, cause="no pod"))


def test_what_the_proxies_have_themselves_is_told_with_the_verdict(tmp_path: Path, capsys: Captured) -> None:
    document = json.loads((REPORTS / "gateway-down.json").read_text("utf-8"))
    nonce = document["verdicts"][0]["probe"]["nonce"]
    choice = {"act": "send", "clusters": [{"cluster": "outbound|80||gw"}]}
    sidecar = {
        "nonce": nonce,
        "reporter": "sidecar",
        "pod": "curl/curl-1",
        "declared": {"choices": [choice]},
        "programmed": {"choices": [{"act": "refuse", "clusters": [], "reason": "no-route"}]},
        "observed": {"cluster": "outbound|80||gw"},
        "differences": ["stale"],
        "error": "",
    }
    gateway = {"nonce": nonce, "reporter": "egress-gateway", "pod": "egress/gw-1", "error": "forbidden"}
    document["proxies"] = [sidecar, gateway, {**gateway, "nonce": "another"}]
    (tmp_path / "report.json").write_text(json.dumps(document))
    text = " ".join(told(capsys, tmp_path / "report.json").split())
    said = "the objects declare outbound|80||gw; it has refuse no-route; its line shows outbound|80||gw"
    assert f"sidecar curl/curl-1: {said} sidecar curl/curl-1: stale" in text
    assert text.count("egress gateway egress/gw-1 could not be asked for its own configuration: forbidden") == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a JSON report (line 1, column 1)"),
        (b"\xff\xfe\x00", "is not a JSON report"),
        (b"[1]", "is not a report of egressaudit"),
        (b"{}", "is not a report of egressaudit"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"tool": {"name": "egressaudit"}, "schema_version": 1}', "is not a report of verify or audit"),
        (b'{"tool": {"name": "egressaudit"}, "schema_version": 9, "flows": []}', "has schema_version 9"),
        (b'{"tool": {"name": "egressaudit"}, "schema_version": 1, "flows": 7}', "has no flow"),
        (
            b'{"tool": {"name": "egressaudit"}, "schema_version": 1, "flows": [], "error": {"message": "no\\u001b"}}',
            "says that no audit was performed: no\\x1b",
        ),
    ],
)
def test_a_file_that_is_no_report_is_an_error_that_says_why(
    content: bytes, why: str, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "report.json").write_bytes(content)
    assert run(["explain", str(tmp_path / "report.json")]) == 1
    assert why in capsys.readouterr().err


def test_a_file_or_folder_that_is_not_there_is_an_error(tmp_path: Path, capsys: Captured) -> None:
    assert run(["explain", str(tmp_path / "none.json")]) == 2
    assert run(["explain", str(tmp_path)]) == 2
    assert "is not a saved run of verify" in capsys.readouterr().err


def test_a_report_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("egressaudit.report.story.report_file.LARGEST", 2**20)
    (tmp_path / "report.json").write_bytes(b" " * (2**20 + 1))
    assert run(["explain", str(tmp_path / "report.json")]) == 1
    assert "is larger than 1 MiB" in capsys.readouterr().err


HARMLESS = re.compile(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*")


def test_nothing_that_a_report_says_moves_the_cursor() -> None:
    bad = "\x1b[31m\u202e\r\x00"
    text = told_bytes(one_flow(f"{bad}GET", because=bad, host=bad, path=bad, outcome=bad, gaps=[bad], cause=bad))
    assert HARMLESS.fullmatch(text)


@pytest.mark.parametrize("raw", ["x" * 100_000, '"' * 50_000, "\U0001f600" * 5_000, '{"a":' * 9_000, " " * 30_000])
def test_a_long_line_is_cut(raw: str) -> None:
    assert len(told_bytes(one_flow(raw))) < 60_000


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(["ambient", "gateway-down", "whole-mesh", "forged"]),
    path=PATHS,
    leaf=LEAVES,
)
def test_a_wrong_type_anywhere_is_no_crash(name: str, path: list[int], leaf: Any) -> None:
    document = changed(json.loads((REPORTS / f"{name}.json").read_text("utf-8")), path, leaf)
    try:
        flows = told_flows(json.dumps(document).encode(), "report.json")
    except BadLogs:
        return
    for flow in flows:
        assert HARMLESS.fullmatch(story(flow, LineParser(), Screen()).decode())
    assert HARMLESS.fullmatch(listing(flows, Screen()).decode())
