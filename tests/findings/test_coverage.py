"""Coverage log by log, held against the files: small folders, each with one thing wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.folders import gateway_log, in_json, mesh_of
from support.lanes import compiled
from support.lanes import lines as lines_of_logs
from support.log_lines import ISTIO_LINE
from support.tools import SAMPLES

from egressaudit.compiled_module import OFF
from egressaudit.evidence.collection import load_collection
from egressaudit.findings.coverage import log_files
from egressaudit.findings.coverage.log_files import LogFile, LogFiles
from egressaudit.findings.coverage.spans import in_words, present, rhythm, uncovered
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.model import AuditReport, ContainerRun, LineCount, LogSource, Outcome, Window
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.pipeline.replay import audit as saved_run
from egressaudit.sources import Sources

DAY = datetime(2026, 11, 7, tzinfo=UTC)
READ = [each.name for each in RESOURCES if each.only is None]


def at(clock: str) -> datetime:
    hours, minutes = clock.split(":")[:2]
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


def span(text: str) -> Window:
    start, end = text.split("-")
    return Window(at(start), at(end))


def shown(spans: Iterable[Window]) -> list[str]:
    return [f"{each.start:%H:%M}-{each.end:%H:%M}" for each in spans]


# ------------------------------------------------------------ when the proxy was there

PRESENT: tuple[tuple[str, dict[str, Any], list[str]], ...] = (
    ("nothing is said", {}, ["14:00-15:00"]),
    ("it ran before", {"started": at("13:00")}, ["14:00-15:00"]),
    ("it came later", {"started": at("14:20")}, ["14:20-15:00"]),
    ("it came after the window", {"started": at("15:20")}, []),
    ("it ended", {"started": at("13:00"), "ended": at("14:20")}, ["14:00-14:20"]),
    (
        "one restart, and nothing between the two runs",
        {"started": at("14:40"), "restarts": 1, "previous_started": at("14:10"), "previous_ended": at("14:30")},
        ["14:10-14:30", "14:40-15:00"],
    ),
    (
        "more restarts than the snapshot has times of",
        {"started": at("14:40"), "restarts": 2, "previous_started": at("14:10"), "previous_ended": at("14:30")},
        ["14:00-14:30", "14:40-15:00"],
    ),
    ("restarted, and no word of the run before", {"started": at("14:40"), "restarts": 1}, ["14:00-15:00"]),
)


@pytest.mark.parametrize(("runs", "there"), [row[1:] for row in PRESENT], ids=[row[0] for row in PRESENT])
def test_when_a_container_ran(runs: dict[str, Any], there: list[str]) -> None:
    assert shown(present(ContainerRun("istio-proxy", **runs), span("14:00-15:00"))) == there


UNCOVERED = (
    (["14:00-15:00"], [], ["14:00-15:00"]),
    (["14:00-15:00"], ["13:00-16:00"], []),
    (["14:00-15:00"], ["14:10-14:50"], ["14:00-14:10", "14:50-15:00"]),
    (["14:00-15:00"], ["14:40-15:00", "14:00-14:20"], ["14:20-14:40"]),
    (["14:00-15:00"], ["14:00-14:30", "14:20-14:40"], ["14:40-15:00"]),
    (["14:00-14:20", "14:40-15:00"], ["14:10-14:50"], ["14:00-14:10", "14:50-15:00"]),
)


@pytest.mark.parametrize(("there", "covered", "left"), UNCOVERED)
def test_what_is_not_covered(there: list[str], covered: list[str], left: list[str]) -> None:
    assert shown(uncovered(map(span, there), map(span, covered))) == left


RHYTHM = (
    # from first to last line, lines, seconds of silence that say nothing
    ("14:00-15:00", 3601, 10),
    ("14:00-15:00", 36001, 1),
    ("14:00-15:00", 2, 60),
    ("14:00-15:00", 1, 1),
)


@pytest.mark.parametrize(("when", "lines", "seconds"), RHYTHM)
def test_how_long_a_log_may_be_silent(when: str, lines: int, seconds: int) -> None:
    assert rhythm([span(when)], lines) == timedelta(seconds=seconds)


def test_lengths_in_words() -> None:
    assert [in_words(timedelta(seconds=each)) for each in (5, 65, 3590, 3660)] == [
        "5 s",
        "1 min 5 s",
        "59 min 50 s",
        "1 h 1 min",
    ]


def test_counts_of_lines_add() -> None:
    assert LineCount(5, 3, 1, 1, 1) + LineCount(2, 1, 0, 1, 0) == LineCount(7, 4, 1, 2, 1)


def test_verify_counts_only_the_lines_that_came_after_its_first_probe(tmp_path: Path) -> None:
    """The gateway's log is off, and holds lines from before: none of them was written while the probe ran."""
    folder = Path(shutil.copytree(SAMPLES / "istio-apis", tmp_path / "saved"))
    log = gateway_log(folder)
    old = [each for each in log.read_text().splitlines() if each.startswith("[")] * 5
    log.write_text("".join(f"{each}\n" for each in old))

    def change(probes: Any) -> None:
        probes["lines_before"] = {"/".join(log.relative_to(folder).with_suffix("").parts): 5}

    in_json(folder, "probes.json", change)
    [verdict] = saved_run(folder).verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "wrote no access line at all while this ran (0 lines read)" in verdict.reason


# ------------------------------------------------------------ when a file's lines were written

LINE = (
    '[2026-11-07T{clock}Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 46 {duration} 18 "-" "curl/8" "r" '
    '"docs.redhat.com" "10.0.0.2:8080" inbound|8080|| 127.0.0.6:40000 10.0.0.2:8080 10.0.0.1:3333 - -'
)
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


# ------------------------------------------------------------ whole folders


def audited(folder: Path, *, with_collection: bool = True) -> AuditReport:
    collection = load_collection(folder) if with_collection else None
    return audit_window((str(folder),), mesh_of(folder), AuditSettings(), collection)


def found(report: AuditReport, code: str) -> list[tuple[str, Outcome | None]]:
    return [(each.message, each.outcome) for each in report.findings if each.code == code]


def gateway_entry(collection: Mapping[str, Any]) -> dict[str, Any]:
    return next(dict_ for dict_ in collection["logs"] if dict_["source"]["pod"].startswith("egressgateway-"))


def test_the_sample_is_as_it_was_collected(evidence: Path) -> None:
    report = audited(evidence)
    assert not [each for each in report.findings if each.code in ("EA302", "EA320", "EA321", "EA323")]
    # The sample is of a version that did not ask for EnvoyFilters.
    assert [each.partition(" ")[0] for each in report.not_asked] == ["networking.istio.io/EnvoyFilter"]


def test_a_file_that_lost_lines_is_named_with_both_figures(evidence: Path) -> None:
    log = gateway_log(evidence)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-2]))
    [(message, outcome)] = found(audited(evidence), "EA320")
    assert outcome is Outcome.INCONCLUSIVE
    assert "has 87 lines" in message
    assert "says 89 lines and 25019 bytes" in message


def test_a_file_of_the_same_length_is_told_by_its_check_sum(evidence: Path) -> None:
    log = gateway_log(evidence)
    whole = log.read_bytes()
    in_json(
        evidence, "collection.json", lambda all_: gateway_entry(all_).update(sha256=hashlib.sha256(whole).hexdigest())
    )
    assert found(audited(evidence), "EA320") == []
    log.write_bytes(whole.replace(b"docs.redhat.com", b"docs.redhot.com"))
    [(message, outcome)] = found(audited(evidence), "EA320")
    assert outcome is Outcome.INCONCLUSIVE
    assert hashlib.sha256(whole).hexdigest() in message


def test_a_file_that_is_gone_and_one_that_was_added_are_named(evidence: Path) -> None:
    log = gateway_log(evidence)
    log.rename(log.with_name("other.log"))
    shutil.copy(next(evidence.glob("curl/*/istio-proxy.log")), evidence / "extra.log")
    report = audited(evidence)
    [(message, outcome)] = found(report, "EA320")
    assert "is missing" in message
    assert outcome is Outcome.INCONCLUSIVE
    unlisted = [each for each in report.findings if each.code == "EA321"]
    assert {Path(each.subject).name for each in unlisted} == {"extra.log", "other.log"}
    assert {each.outcome for each in unlisted} == {None}


def test_packed_files_are_as_collected(evidence: Path) -> None:
    for log in evidence.glob("*/*/*.log"):
        log.with_suffix(".log.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    report = audited(evidence)
    assert found(report, "EA320") + found(report, "EA321") == []


def test_one_log_with_a_hole_counts_however_high_the_average_is(evidence: Path) -> None:
    def change(collection: Any) -> None:
        gateway_entry(collection).update(
            state="partial", reason="the node had dropped it", covered_from="2026-11-23T08:05:29Z"
        )

    in_json(evidence, "collection.json", change)
    [(message, outcome)] = found(audited(evidence), "EA302")
    assert outcome is Outcome.INCONCLUSIVE
    assert "the node had dropped it" in message
    assert "08:05:29Z is not covered" in message


def test_a_gateway_that_the_collection_leaves_out_is_missed_all_the_same(evidence: Path) -> None:
    in_json(evidence, "collection.json", lambda all_: all_["logs"].remove(gateway_entry(all_)))
    gateway_log(evidence).unlink()
    [missing] = [each for each in audited(evidence).findings if each.code == "EA301"]
    assert missing.subject.startswith("egress-gateway/egressgateway-")
    assert missing.outcome is Outcome.INCONCLUSIVE


def test_what_nobody_asked_for_is_said_by_name(evidence: Path) -> None:
    def change(collection: Any) -> None:
        collection["logs"] = [each for each in collection["logs"] if each["source"]["namespace"] != "shop"]

    in_json(evidence, "collection.json", change)
    shutil.rmtree(evidence / "shop")
    assert audited(evidence).not_asked[0] == "Namespaces that were not asked for, with their proxies: shop (1)."


KINDS = (
    # read lacks, refused, outcome
    ("telemetry.istio.io/Telemetry", [], Outcome.INCONCLUSIVE),
    ("discovery.k8s.io/EndpointSlice", [], Outcome.INCONCLUSIVE),
    ("networking.istio.io/ServiceEntry", [], Outcome.INCONCLUSIVE),
    ("networking.istio.io/VirtualService", [], Outcome.INCONCLUSIVE),
    ("security.istio.io/AuthorizationPolicy", ["security.istio.io/AuthorizationPolicy"], None),
    ("networking.istio.io/EnvoyFilter", ["networking.istio.io/EnvoyFilter"], Outcome.INCONCLUSIVE),
    # A snapshot of a version that never asked for it.
    ("networking.istio.io/EnvoyFilter", [], None),
)


@pytest.mark.parametrize(("kind", "refused", "outcome"), KINDS)
def test_a_kind_that_was_not_read_counts_where_a_verdict_could_depend_on_it(
    kind: str, refused: list[str], outcome: Outcome | None, evidence: Path
) -> None:
    in_json(evidence, "mesh.json", lambda mesh: mesh.update(read=sorted({*READ} - {kind}), refused=refused))
    report = audited(evidence)
    given = [(each.subject, each.outcome) for each in report.findings if each.code == "EA322"]
    assert given == ([(kind, outcome)] if outcome else [])
    assert any(kind in sentence for sentence in report.not_asked) is (outcome is None)


def test_nothing_is_said_of_kinds_that_were_read(evidence: Path) -> None:
    in_json(evidence, "mesh.json", lambda mesh: mesh.update(read=READ))
    report = audited(evidence)
    assert (found(report, "EA322"), report.not_asked) == ([], ())


def test_a_snapshot_that_does_not_say_what_was_read_counts(evidence: Path) -> None:
    in_json(evidence, "mesh.json", lambda mesh: mesh.pop("read"))
    assert [outcome for _, outcome in found(audited(evidence), "EA322")] == [Outcome.INCONCLUSIVE]


def test_a_copy_that_says_something_else_is_named_and_an_equal_one_is_not(evidence: Path) -> None:
    log = next(evidence.glob("curl/*/istio-proxy.log"))
    copy = evidence / "x" / "curl" / log.parent.name / "istio-proxy.log"
    copy.parent.mkdir(parents=True)
    shutil.copy(log, copy)
    equal = audited(evidence)
    assert found(equal, "EA323") == []
    lines = log.read_text().splitlines(keepends=True)
    n = next(n for n, line in enumerate(lines) if "outbound|80|rh-docs|egressgateway" in line)
    lines[n] = lines[n].replace(
        "outbound|80|rh-docs|egressgateway.egress-gateway.svc.cluster.local", "PassthroughCluster"
    )
    copy.write_text("".join(lines))
    [(message, outcome)] = found(audited(evidence), "EA323")
    assert outcome is Outcome.INCONCLUSIVE
    assert message.startswith("1 lines stand in ")


# ------------------------------------------------------------ plain folders

MESH = """
- {apiVersion: v1, kind: ConfigMap, metadata: {namespace: istio-system, name: istio},
   data: {mesh: "accessLogFile: /dev/stdout"}}
"""


def plain(tmp_path: Path, files: Mapping[str, Iterable[str]], run: Mapping[str, Any] | None = None) -> AuditReport:
    """One sidecar with an outbound line at each of these times (`HH:MM:SS`), by file name; the window is 14 to 15."""
    folder = tmp_path / "shop" / "shop-1"
    folder.mkdir(parents=True)
    for name, clocks in files.items():
        line = LINE.replace("inbound|8080||", "outbound|8080||a.shop.svc.cluster.local")
        (folder / name).write_text("".join(line.format(clock=f"{each}.000", duration=0) + "\n" for each in clocks))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "shop", "name": "shop-1", "annotations": {"sidecar.istio.io/status": "{}"}},
        "spec": {"containers": [{"name": "app"}, {"name": "istio-proxy"}]},
        "status": {"podIPs": [{"ip": "10.0.0.2"}], "containerStatuses": [{"name": "istio-proxy", **(run or {})}]},
    }
    settings = AuditSettings(start=at("14:00"), end=at("15:00"))
    return audit_window((str(tmp_path),), Mesh.of([pod], READ), settings)


def every(seconds: int, start: str = "14:00", end: str = "15:00") -> list[str]:
    count = int((at(end) - at(start)).total_seconds()) // seconds
    return [f"{at(start) + timedelta(seconds=n * seconds):%H:%M:%S}" for n in range(count + 1)]


RESTARTED = {
    "restartCount": 1,
    "state": {"running": {"startedAt": "2026-11-07T14:30:00Z"}},
    "lastState": {"terminated": {"startedAt": "2026-11-07T13:00:00Z", "finishedAt": "2026-11-07T14:10:00Z"}},
}
PLAIN: tuple[tuple[str, dict[str, list[str]], dict[str, Any], str], ...] = (
    ("lines all the time", {"istio-proxy.log": every(10)}, {}, ""),
    # A line every ten seconds: half a minute of silence is nothing, two minutes are.
    ("a short silence at the end", {"istio-proxy.log": every(10, end="14:59")}, {}, ""),
    ("a longer one", {"istio-proxy.log": every(10, end="14:58")}, {}, "it ends 2 min 0 s before the window does"),
    ("a late beginning", {"istio-proxy.log": every(10, start="14:20")}, {}, "it starts 20 min 0 s after the window"),
    (
        "silence within one file",
        {"istio-proxy.log": [*every(10, end="14:10"), *every(10, start="14:50")]},
        {},
        "",
    ),
    (
        "the same silence between two files",
        {"istio-proxy.previous.log": every(10, end="14:10"), "istio-proxy.log": every(10, start="14:50")},
        {},
        "there is a hole of 40 min 0 s between two of its files",
    ),
    (
        "two files without a hole",
        {"istio-proxy.previous.log": every(10, end="14:10"), "istio-proxy.log": every(10, start="14:10")[1:]},
        {},
        "",
    ),
    (
        "the container was not there in between",
        {"istio-proxy.previous.log": every(10, end="14:10"), "istio-proxy.log": every(10, start="14:30")},
        RESTARTED,
        "",
    ),
    (
        "the run before is missing",
        {"istio-proxy.log": every(10, start="14:30")},
        RESTARTED,
        "it starts 10 min 0 s after",
    ),
    ("no line with a time", {"istio-proxy.log": []}, {}, "it has no line with a time"),
)


@pytest.mark.parametrize(("files", "run", "gap"), [row[1:] for row in PLAIN], ids=[row[0] for row in PLAIN])
def test_what_a_plain_folder_covers(files: dict[str, list[str]], run: dict[str, Any], gap: str, tmp_path: Path) -> None:
    gaps = found(plain(tmp_path, files, run), "EA302")
    assert [outcome for _, outcome in gaps] == ([Outcome.INCONCLUSIVE] if gap else [])
    assert not gap or gap in gaps[0][0]
