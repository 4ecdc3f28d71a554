"""Envoy before the fix of CVE-2024-45808 lets a TLS client write whole lines into a text log: never a PASS.

No such Envoy can be had here: the folders are those of the lab, with the lines that one would have written and with the
image that its pod would have.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path as File
from typing import Any

import pytest
from support.folders import SampleFolder

from egressaudit.cli import run
from egressaudit.hops.dialects.json_lines import ENVOY_KEYS
from egressaudit.hops.line_parser import LineParser
from egressaudit.model import AuditReport, Hop, LogLine, LogSource, Outcome, Path, Reporter
from egressaudit.pipeline.replay import audit

OLD, NEW, DIGEST = "istio/proxyv2:1.22.3", "istio/proxyv2:1.27.1", f"istio/proxyv2@sha256:{64 * 'a'}"

# ---------------------------------------------------------------- folders


class Folder(SampleFolder):
    """A copy of the lab's logs of a request that left through its gateway, and what a test does to it."""

    def __init__(self, to: File, scenario: str = "istio-apis") -> None:
        super().__init__(to, scenario)

    def image(self, image: str, namespace: str | None = None) -> None:
        """Give all proxies, or those of a namespace, this image; '' takes it away, as in a snapshot of before."""

        def change(each: dict[str, Any]) -> None:
            if each["kind"] != "Pod" or namespace not in (None, each["metadata"]["namespace"]):
                return
            for part in (each["spec"], each["status"]):
                for container in (row for rows in part.values() if isinstance(rows, list) for row in rows):
                    if container.get("name") == "istio-proxy":
                        container.pop("image", None)
                        container.update({"image": image} if image else {})

        self.change_each(change)

    def json_configured(self) -> None:
        def change(each: dict[str, Any]) -> None:
            if each["kind"] == "ConfigMap":
                each["data"]["mesh"] += "accessLogEncoding: JSON\n"

        self.change_each(change)

    def verify(self) -> tuple[int, str]:
        """The exit code of a report on the saved probe, and why it is so."""
        (verdict,) = audit(self.path).verdicts
        return run(["verify", "--replay", str(self.path), "-q"]), verdict.reason


TLS = (
    '[2026-11-23T01:45:45.100Z] "- - -" 0 - - - "-" 747 1670 7 - "-" "-" "-" "-" "203.0.113.9:443" '
    "outbound|443||a.example 127.142.89.10:36440 127.142.89.10:8443 127.142.89.99:54084 {} -\n"
)
"""What Envoy before the fix writes of a TLS connection with this server name."""


def as_server_name(lines: str) -> str:
    """A server name with which a client makes such an Envoy write these lines behind its own, which is whole."""
    return f"a.example -\n{lines.rstrip().removesuffix(' -')}"


def forge(log: File) -> None:
    """Give the log, in place of the gateway's own line, one connection whose server name holds that line."""
    own = [line for line in log.read_text().splitlines() if line.startswith("[")]
    log.write_text(TLS.format(as_server_name(own[-1])))
    assert log.read_text().splitlines()[-1] == own[-1], "not a byte tells it from the gateway's own"


def in_json(log: File) -> None:
    """Write the log's access lines as Envoy would in Istio's JSON format."""
    log.write_text("".join(f"{_in_json(line)}\n" for line in log.read_text().splitlines()))


def _in_json(text: str) -> str:
    hop = LineParser().parse(LogLine(LogSource("", "", ""), 1, text), Reporter.SIDECAR)
    if not isinstance(hop, Hop):
        return text
    begun = hop.get("start_time")
    assert isinstance(begun, datetime)
    shown = f"{begun:%Y-%m-%dT%H:%M:%S}.{begun.microsecond // 1000:03}Z"
    return json.dumps({key: hop.get(key) for key in ENVOY_KEYS} | {"start_time": shown})


def codes(report: AuditReport) -> set[str]:
    return {each.code for each in report.findings}


# The proxies that are old: what is said names the first log of the chain that they write.
WHERE = [(None, "curl/curl-"), ("curl", "curl/curl-"), ("egress-gateway", "egress-gateway/egressgateway-")]


@pytest.mark.parametrize(("namespace", "named"), WHERE)
def test_verify_believes_no_text_line_of_an_old_proxy(namespace: str | None, named: str, tmp_path: File) -> None:
    folder = Folder(tmp_path)
    assert folder.verify()[0] == 0
    folder.image(OLD, namespace)
    code, reason = folder.verify()
    assert code == 3
    assert reason.startswith(named)
    assert "proxyv2:1.22.3 is older than the fix of CVE-2024-45808" in reason
    (verdict,) = audit(folder.path).verdicts
    assert "accessLogEncoding" in verdict.advice[-1]
    assert verdict.path_seen is Path.UNKNOWN
    assert verdict.final


def test_verify_says_inconclusive_of_a_line_that_came_with_a_server_name_and_not_pass(tmp_path: File) -> None:
    folder = Folder(tmp_path)
    forge(folder.log("egress-gateway"))
    assert folder.verify()[0] == 0, "where the fix is there, no client can write this"
    folder.image(OLD)
    assert folder.verify()[0] == 3


def test_an_audit_says_inconclusive_of_a_line_that_came_with_a_server_name_and_not_pass(tmp_path: File) -> None:
    folder = Folder(tmp_path)
    forge(folder.log("egress-gateway"))
    found = next(each for each in folder.audit().judged if each.group.host == "docs.redhat.com")
    assert found.outcome is Outcome.PASS, "where the fix is there, no client can write this"
    folder.image(OLD)
    report = folder.audit()
    assert report.outcome is Outcome.INCONCLUSIVE
    assert "EA313" in codes(report)
    assert not report.judged


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [(None, {"EA311", "EA313"}), ("curl", {"EA201", "EA311", "EA313"}), ("egress-gateway", {"EA303", "EA313"})],
)
def test_an_audit_judges_no_line_of_an_old_proxys_text(
    namespace: str | None, expected: set[str], tmp_path: File
) -> None:
    folder = Folder(tmp_path)
    assert (folder.audit().outcome, codes(folder.audit())) == (Outcome.PASS, set())
    folder.image(OLD, namespace)
    report = folder.audit()
    assert report.outcome is Outcome.INCONCLUSIVE
    assert codes(report) - {"EA311"} == expected - {"EA311"}
    unproven = [each for each in report.coverage.sources if each.unproven]
    assert [each.name for each in unproven] == [each.subject for each in report.findings if each.code == "EA313"]
    assert len(unproven) == (2 if namespace is None else 1)
    assert all(each.unproven in each.problems for each in unproven)


def test_an_audit_of_an_old_waypoint_does_not_believe_its_lines(tmp_path: File) -> None:
    folder = Folder(tmp_path, "ambient")
    (before,) = folder.audit().judged
    assert (before.group.path, before.outcome) == (Path.VIA_WAYPOINT, Outcome.PASS)
    assert folder.verify()[0] == 0
    folder.image(OLD, "ztunnel")
    assert folder.audit().judged == (before,), "a ztunnel is no Envoy"
    assert folder.verify()[0] == 0
    folder.image(OLD)
    report = folder.audit()
    assert {each.outcome for each in report.judged} == {Outcome.INCONCLUSIVE}
    (only,) = [each for each in report.findings if each.code == "EA313"]
    assert only.subject.startswith("egress-gateway/waypoint-")
    code, reason = folder.verify()
    assert (code, reason.startswith("egress-gateway/waypoint-")) == (3, True)


@pytest.mark.parametrize("image", [OLD, DIGEST])
def test_json_logs_of_an_old_or_unknown_proxy_are_believed(image: str, tmp_path: File) -> None:
    folder = Folder(tmp_path)
    folder.image(image)
    folder.json_configured()
    for namespace in ("curl", "egress-gateway"):
        in_json(folder.log(namespace))
    assert folder.verify()[0] == 0
    report = folder.audit()
    assert (report.outcome, codes(report), report.notes) == (Outcome.PASS, set(), ())


SPOILT = [
    ("one text line among JSON", lambda log: log.write_text(TLS.format("a.example") + log.read_text())),
    ("one line that is not understood", lambda log: log.write_text(log.read_text() + "[2026-11-23T01:45:46.000Z] x\n")),
]


@pytest.mark.parametrize(("_", "spoil"), SPOILT, ids=[row[0] for row in SPOILT])
def test_a_json_line_in_a_log_of_an_old_proxy_that_is_not_all_json_proves_nothing(
    _: str, spoil: Callable[[File], object], tmp_path: File
) -> None:
    folder = Folder(tmp_path)
    folder.image(OLD)
    folder.json_configured()
    for namespace in ("curl", "egress-gateway"):
        in_json(folder.log(namespace))
    spoil(folder.log("egress-gateway"))
    assert folder.verify()[0] == 3
    report = folder.audit()
    assert "EA313" in codes(report)
    assert report.outcome is Outcome.INCONCLUSIVE


def test_json_lines_of_an_old_proxy_prove_nothing_where_text_is_configured(tmp_path: File) -> None:
    folder = Folder(tmp_path)
    folder.image(OLD)
    # A text log that was cut behind a line end that a client sent may hold nothing but that client's JSON.
    for namespace in ("curl", "egress-gateway"):
        in_json(folder.log(namespace))
    assert folder.verify()[0] == 3
    assert "EA313" in codes(folder.audit())


def test_a_rotated_text_log_takes_the_belief_from_the_json_log_after_it(tmp_path: File) -> None:
    folder = Folder(tmp_path)
    folder.image(OLD)
    folder.json_configured()
    for namespace in ("curl", "egress-gateway"):
        in_json(folder.log(namespace))
    assert folder.audit().outcome is Outcome.PASS
    log = folder.log("egress-gateway")
    log.with_name("istio-proxy.previous.log").write_text(TLS.format("a.example"))
    assert "EA313" in codes(folder.audit())


@pytest.mark.parametrize("image", [DIGEST, "istio/proxyv2:latest", ""])
def test_an_unknown_version_changes_no_outcome_and_is_said_once(image: str, tmp_path: File) -> None:
    folder = Folder(tmp_path)
    folder.image(image)
    assert folder.verify()[0] == 0
    report = folder.audit()
    assert (report.outcome, codes(report)) == (Outcome.PASS, set())
    for notes in (report.notes, audit(folder.path).notes):
        (note,) = notes
        assert "CVE-2024-45808 is not known of curl/curl-" in note


def test_a_note_names_three_logs_and_counts_the_rest(tmp_path: File) -> None:
    folder = Folder(tmp_path, "whole-mesh")
    folder.image("")
    (note,) = [each for each in folder.audit().notes if "CVE-2024-45808" in each]
    assert "more: no image tag says its version" in note
