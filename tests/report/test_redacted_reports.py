"""No format of any command shows what is redacted, wherever it stands in a report; and redaction changes no outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.probes import GATEWAY_LOG, SIDECAR_LOG, SOURCE, VIA_GATEWAY, counts, gateway, probe, sidecar
from support.reports import FULL as AUDIT
from support.scenarios import mesh

from egressaudit import model
from egressaudit.evidence.written_places import WrittenPlaces
from egressaudit.model import (
    Attempted,
    AuditReport,
    BypassReport,
    BypassStanding,
    Cause,
    CurlResult,
    Evidence,
    Flow,
    Hop,
    LogFormat,
    LogLine,
    MatrixCell,
    Outcome,
    Path,
    Reporter,
    Scheme,
    Target,
    Verdict,
    VerifyReport,
    analysis,
    drift,
    run,
)
from egressaudit.model.analysis import AnalyzeReport
from egressaudit.pipeline.analyze import AnalyzeSettings, analyzed
from egressaudit.report import Screen, render, render_error
from egressaudit.report.output_formats import names_of
from egressaudit.report.redaction import NOTHING, Level, Redaction, redacted, redacted_line
from egressaudit.report.redaction.custom_lines import WITHHELD
from egressaudit.report.redaction.report_walk import changed, strings_of
from egressaudit.report.redaction.treatments import WORDS_OF_OURS
from egressaudit.report.story import told_flow

SECRET = "S3CR3T"
KEY = b"k" * 32
DEFAULT = Redaction(key=KEY)
NONCES = {"Probe.nonce", "Probe.redirected_from", "MatrixCell.nonce"}
EVERYTHING = Redaction(frozenset(Level), KEY)
COMMANDS = ("verify", "audit", "analyze")


def verify_report() -> VerifyReport:
    """A verdict, an attempt to get around the gateway, and a cell of the matrix."""
    result = CurlResult(0, 301, "10.0.0.5:40000", "198.51.100.1:80", True, "https://docs.redhat.com/a", "an error")
    sent = replace(probe(result), target=Target("docs.redhat.com", 80, Scheme.HTTP, "/a"))
    flow = Flow(sent, (sidecar(), gateway()), ("curl socket", "socket"), unclean=(sidecar(),))
    verdict = Verdict(Outcome.FAIL, Path.DIRECT, VIA_GATEWAY, flow, "a reason", ("advice",))
    tried = Attempted("EB01", "by-ip", "By IP", BypassStanding.OPEN, "it left", "curl x", "control", None, verdict)
    return VerifyReport(
        (verdict,),
        counts(SIDECAR_LOG, GATEWAY_LOG),
        {SIDECAR_LOG: Reporter.SIDECAR, GATEWAY_LOG: Reporter.EGRESS_GATEWAY},
        ("a note",),
        asked=(MatrixCell("docs.redhat.com", "curl/curl", sent.target, SOURCE, nonce=sent.nonce),),
        bypass=(BypassReport(sent.target, SOURCE, (tried,)),),
    )


def report_of(command: str) -> VerifyReport | AuditReport | AnalyzeReport:
    if command == "verify":
        return verify_report()
    return AUDIT if command == "audit" else analyzed(mesh("whole-mesh"), AnalyzeSettings(), WrittenPlaces())


def planted(value: Any, text: str, raw: str, path: str) -> Any:
    """The same report with `text` in every string, `raw` in every log line, and `path` in every path."""

    def of(each: Any, name: str = "") -> Any:
        if each is None or isinstance(each, Enum | datetime | Cause | LogFormat):
            return each
        if isinstance(each, str):
            if name in ("redirected_from", "nonce"):
                return each
            return {"raw": raw, "text": raw, "path": path}.get(name, text)
        if isinstance(each, tuple):
            return tuple(of(part, name) for part in each)
        if isinstance(each, dict):
            return {of(key): of(part, str(key)) for key, part in each.items()}
        if is_dataclass(each) and not isinstance(each, type):
            return replace(each, **{field.name: of(getattr(each, field.name), field.name) for field in fields(each)})
        return each

    return of(value)


def shown(report: Any, redaction: Redaction, command: str) -> Iterator[tuple[str, str]]:
    """The report in every format, and all of its evidence."""
    clean = redacted(report, redaction)
    for name in names_of(command):
        for verbose in (False, True):
            made = render(clean, name, Screen(verbose=verbose))
            if name == "parquet":
                assert isinstance(made, bytes)
                made = str(pq.read_table(BytesIO(made)).to_pylist())
            yield name, made if isinstance(made, str) else made.decode("latin-1")


LINES = [
    f'[2026-03-01T10:00:00.000Z] "GET /cb?token={SECRET} HTTP/1.1" 200 - via_upstream "docs.example.com"',
    f'[2026-03-01T10:00:00.000Z] "GET /cb?f={{"token":"{SECRET}"}} HTTP/1.1" 200 - via_upstream "u:{SECRET}@x.example"',
    f'{{"path":"/cb?a={SECRET}","authorization":"{SECRET}","referer":"https://u:{SECRET}@x.example/?{SECRET}"}}',
    f'2026-03-01T10:00:00Z\tinfo\taccess\tconnection failed\terror="https://x.example/?token={SECRET}"',
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("raw", LINES)
@pytest.mark.parametrize(
    "text",
    [
        f"sent http://docs.example.com/cb?token={SECRET}",
        f"https://user:{SECRET}@docs.example.com/",
        f"'http://docs.example.com/cb?a={SECRET}&b={SECRET}': refused",
    ],
)
def test_no_format_shows_a_query_or_a_password(command: str, raw: str, text: str) -> None:
    report = planted(report_of(command), text, raw, f"/cb?{SECRET}")
    assert any(SECRET in made for _, made in shown(report, NOTHING, command))
    for name, made in shown(report, DEFAULT, command):
        assert SECRET not in made, name


@pytest.mark.parametrize("command", COMMANDS)
def test_no_error_shows_a_query_or_a_password(command: Any) -> None:
    said = f"cannot read https://u:{SECRET}@x.example/?{SECRET}"
    for name in names_of(command):
        made = render_error(command, name, said, said)
        text = made if isinstance(made, str) else str(pq.read_table(BytesIO(made)).to_pylist())
        assert SECRET not in text, name


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("3 flows of shop-s3cr3t/Deployment/cart-s3cr3t", Level.IDENTITIES),
        ("VirtualService ns-s3cr3t/rule-s3cr3t", Level.IDENTITIES),
        ("what ns-s3cr3t/pod-s3cr3t, ns-s3cr3t/pod-s3cr3t-2 send", Level.IDENTITIES),
        ("spiffe://domain-s3cr3t/ns/shop-s3cr3t/sa/cart-s3cr3t", Level.IDENTITIES),
        ("cart-s3cr3t.shop-s3cr3t.svc.cluster.local", Level.IDENTITIES),
        ("it went to s3cr3t.example.com:443", Level.HOSTS),
        ("*.s3cr3t.example.com", Level.HOSTS),
        ("from 203.0.113.99:80", Level.ADDRESSES),
        ("from [2001:db8::99]:80", Level.ADDRESSES),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_format_shows_what_has_a_pseudonym(text: str, level: Level, command: str) -> None:
    report = planted(report_of(command), text, f'[2026-03-01T10:00:00.000Z] "GET / HTTP/1.1" "{text}"', "/")
    report = without_ours(report)
    for name, made in shown(report, Redaction(frozenset({level}), KEY), command):
        assert not any(each in made for each in ("s3cr3t", "203.0.113.99", "2001:db8::99")), name


def without_ours(report: Any) -> Any:
    """The same report with plain words where only our own words stand."""
    return changed(report, lambda place, text: "word" if str(place) in WORDS_OF_OURS - NONCES else text)


def test_every_field_of_our_own_words_is_there() -> None:
    """A name that is misspelt there would exempt nothing, or something else."""
    known = {
        f"{owner}.{each.name}"
        for module in (model, analysis, drift, run, told_flow)
        for owner, kind in vars(module).items()
        if is_dataclass(kind)
        for each in fields(kind)
    }
    assert known >= WORDS_OF_OURS


@pytest.mark.parametrize("redaction", [DEFAULT, EVERYTHING])
@pytest.mark.parametrize("command", COMMANDS)
def test_redaction_changes_no_outcome_and_no_count(command: str, redaction: Redaction) -> None:
    before = report_of(command)
    after = redacted(before, redaction)
    assert after.outcome is before.outcome
    assert numbers(after) == numbers(before)
    assert [place for place, _ in strings_of(replace(after, run=before.run))] == [
        place for place, _ in strings_of(before)
    ]


def numbers(value: Any) -> list[Any]:
    """Everything in a report that is no text, in its order."""
    if isinstance(value, tuple):
        return [each for part in value for each in numbers(part)]
    if isinstance(value, dict):
        return [each for part in value.values() for each in numbers(part)]
    if is_dataclass(value) and not isinstance(value, type):
        return [each for field in fields(value) for each in numbers(getattr(value, field.name))]
    return [] if isinstance(value, str) and not isinstance(value, Enum) else [value]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_report_without_secrets_stays_and_doing_it_twice_does_no_more(command: str) -> None:
    before = report_of(command)
    once = redacted(before, DEFAULT)
    assert replace(once, run=before.run) == before
    assert redacted(once, DEFAULT) == once
    assert once.run.redacted == ("queries",)
    assert once.run.redaction_key == ""
    assert redacted(before, NOTHING) is before


def test_a_report_says_what_it_does_not_show_and_with_which_key() -> None:
    said = redacted(AUDIT, EVERYTHING).run
    assert said.redacted == ("addresses", "hosts", "identities", "queries")
    assert said.redaction_key == redacted(AUDIT, Redaction(frozenset(Level), KEY)).run.redaction_key != ""
    assert said.redaction_key != redacted(AUDIT, Redaction(frozenset(Level))).run.redaction_key
    assert repr(KEY) not in repr(EVERYTHING)


def test_equal_reports_and_one_key_give_equal_pseudonyms() -> None:
    assert redacted(AUDIT, EVERYTHING) == redacted(AUDIT, EVERYTHING)
    other = redacted(AUDIT, Redaction(frozenset(Level)))
    assert other.findings[0].subject != redacted(AUDIT, EVERYTHING).findings[0].subject


def test_values_that_were_equal_are_equal_still() -> None:
    report = redacted(AUDIT, EVERYTHING)
    finding, judged = report.findings[0], report.judged[1]
    assert finding.subject == judged.group.subject != AUDIT.findings[0].subject
    assert finding.judged is judged
    assert finding.evidence[0].source == report.coverage.sources[1].name


FORMAT = LogFormat("meshConfig", '[%START_TIME%] %RESPONSE_CODE% "%REQ(AUTHORIZATION)%" %UPSTREAM_HOST% "%REQ(X-A)%"')
READY = "2026-03-01T10:00:00.000000Z\tinfo\tEnvoy proxy is ready"
START = "[2026-03-01T10:00:00.000Z]"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (f'{START} 200 "{SECRET}" 192.0.2.7:80 "a"', f'{START} 200 "REDACTED" 192.0.2.7:80 "a"'),
        (f'{START} 200 "{SECRET} two words" 192.0.2.7:80 "a"', f'{START} 200 "REDACTED" 192.0.2.7:80 "a"'),
        (f'{START} 200 "-" 192.0.2.7:80 "a"', f'{START} 200 "-" 192.0.2.7:80 "a"'),
        (f'{START} 200 "{SECRET}" x" 192.0.2.7:80 "a"', WITHHELD),
        (f"torn {SECRET}", WITHHELD),
        (
            "2026-03-01T10:00:00.000000Z\tinfo\tEnvoy proxy is ready",
            "2026-03-01T10:00:00.000000Z\tinfo\tEnvoy proxy is ready",
        ),
    ],
)
def test_values_of_secret_headers_go_by_the_format_that_the_mesh_defines(raw: str, clean: str) -> None:
    line = Evidence("shop/cart-1/istio-proxy", 12, raw, "source")
    report = replace(AUDIT, formats=(FORMAT,), findings=(replace(AUDIT.findings[0], evidence=(line,)),))
    [found] = redacted(report, DEFAULT).findings[0].evidence
    assert found.raw == clean
    assert (found.source, found.line) == (line.source, line.line)


def test_keys_that_the_mesh_gave_to_secret_headers_are_known_too() -> None:
    labels = {"who": "%REQ(COOKIE)%", "to": "%UPSTREAM_HOST%", "more": {"x": "a %RESP(SET-COOKIE)%"}}
    raw = f'{{"who":"{SECRET}","to":"192.0.2.7:80","more":{{"x":"a {SECRET}"}}}}'
    line = Evidence("shop/cart-1/istio-proxy", 12, raw, "source")
    format_ = LogFormat("meshConfig", labels=labels)
    report = replace(AUDIT, formats=(format_,), findings=(replace(AUDIT.findings[0], evidence=(line,)),))
    [found] = redacted(report, DEFAULT).findings[0].evidence
    assert found.raw == '{"who":"REDACTED","to":"192.0.2.7:80","more":{"x":"REDACTED"}}'


def test_columns_of_secret_headers_go() -> None:
    hop = Hop(LogLine(SIDECAR_LOG, 1, ""), Reporter.SIDECAR, "custom-text", True, {"req_authorization": SECRET, "x": 5})
    verdict = verify_report().verdicts[0]
    report = replace(verify_report(), verdicts=(replace(verdict, flow=replace(verdict.flow, hops=(hop, hop))),))
    assert redacted(report, DEFAULT).verdicts[0].flow.hops[0].fields == {"req_authorization": "REDACTED", "x": 5}


def test_one_line_by_itself() -> None:
    line = f'{START} "GET /cb?{SECRET} HTTP/1.1" 200 - "docs.example.com" 192.0.2.7:80'
    assert redacted_line(line, DEFAULT) == f'{START} "GET /cb?REDACTED HTTP/1.1" 200 - "docs.example.com" 192.0.2.7:80'
    assert "192.0.2.7" not in redacted_line(line, EVERYTHING)
    assert "docs.example.com" not in redacted_line(line, EVERYTHING)
