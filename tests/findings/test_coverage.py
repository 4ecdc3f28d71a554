"""Coverage log by log, held against the files: small folders, each with one thing wrong."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.coverage import READ, at, found, plain
from support.folders import gateway_log, in_json, mesh_of
from support.tools import SAMPLES

from egressaudit.evidence.collection import load_collection
from egressaudit.evidence.saved_run import load, save
from egressaudit.model import AuditReport, Outcome
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings


def audited(folder: Path, *, with_collection: bool = True) -> AuditReport:
    collection = load_collection(folder) if with_collection else None
    return audit_window((str(folder),), mesh_of(folder), AuditSettings(), collection)


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


def test_a_file_that_was_added_to_a_proxys_log_leaves_the_window_unproven(evidence: Path) -> None:
    log = gateway_log(evidence)
    shutil.copy(log, f"{log}.1")
    [added] = [each for each in audited(evidence).findings if each.code == "EA321"]
    assert added.subject == f"{log.relative_to(evidence)}.1"
    assert added.outcome is Outcome.INCONCLUSIVE
    assert "judged as a proxy's" in added.message


@pytest.mark.parametrize("previous", [None, {"state": "not-asked"}])
def test_lines_from_before_a_restart_that_nobody_collected_leave_the_window_unproven(
    evidence: Path, previous: object
) -> None:
    in_json(evidence, "collection.json", lambda all_: gateway_entry(all_).update(previous=previous))
    log = gateway_log(evidence)
    shutil.copy(log, log.with_name("istio-proxy.previous.log"))
    [(_, outcome)] = found(audited(evidence), "EA321")
    assert outcome is Outcome.INCONCLUSIVE


def test_a_snapshot_that_is_not_the_collected_one_is_named(evidence: Path) -> None:
    file = evidence / "mesh.json"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    in_json(evidence, "collection.json", lambda all_: all_.update(snapshot_sha256=digest))
    assert found(audited(evidence), "EA320") == []
    file.write_bytes(file.read_bytes() + b"\n")
    [(message, outcome)] = found(audited(evidence), "EA320")
    assert outcome is Outcome.INCONCLUSIVE
    assert message.startswith("mesh.json has SHA-256 ")
    assert digest in message


def saved_run(folder: Path) -> Path:
    """The sample of a run of `verify`, as this version saves it."""
    save(load(SAMPLES / "istio-apis"), folder)
    return folder


def as_window(folder: Path) -> tuple[AuditReport, list[tuple[str, Outcome | None]]]:
    report = audit_window((str(folder),), mesh_of(folder), AuditSettings())
    return report, [(each.subject, each.outcome) for each in report.findings if each.code in ("EA320", "EA321")]


def test_a_saved_run_of_verify_is_held_to_its_checksums_as_a_window_too(tmp_path: Path) -> None:
    folder = saved_run(tmp_path / "saved")
    report, wrong = as_window(folder)
    assert wrong == []
    assert report.made_from.logs_digest
    log = gateway_log(folder)
    log.write_bytes(log.read_bytes().replace(b"docs.redhat.com", b"docs.redhot.com", 1))
    shutil.copy(log, f"{log}.1")
    name = log.relative_to(folder).as_posix()
    _, wrong = as_window(folder)
    assert sorted(wrong) == [
        (name.removesuffix(".log"), Outcome.INCONCLUSIVE),
        (f"{name}.1", Outcome.INCONCLUSIVE),
    ]
    log.unlink()
    _, wrong = as_window(folder)
    assert (name.removesuffix(".log"), Outcome.INCONCLUSIVE) in wrong


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
