"""`audit --history`, `egressaudit history` and `audit --what-if`, on the window of the samples with other policies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.whole_mesh import POLICY, SAMPLE, allowing_policy

from egressaudit.cli import run

Captured = pytest.CaptureFixture[str]
BEFORE, AFTER = ("--until", "2026-11-23T08:05:25Z"), ("--since", "2026-11-23T08:05:25Z")
"""The window of the sample as two, so that there is an earlier and a later run."""


def said(capsys: Captured, *argv: object, code: int = 0) -> str:
    capsys.readouterr()
    assert run([*map(str, argv)]) == code
    return capsys.readouterr().out


def asked(capsys: Captured, *argv: object, code: int = 0) -> Any:
    return json.loads(said(capsys, *argv, "-o", "json", code=code))


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "egress.duckdb"


@pytest.fixture
def allowing(tmp_path: Path) -> Path:
    return allowing_policy(tmp_path, "allowing")


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    file = tmp_path / "strict.yaml"
    text = POLICY.read_text("utf-8").replace("name: whole-mesh", "name: strict")
    file.write_text(text.replace("namespaces: [curl, shop]", "namespaces: [shop]"), "utf-8")
    return file


def test_the_second_audit_is_compared_with_the_first(capsys: Captured, history: Path, allowing: Path) -> None:
    audit = ("audit", SAMPLE, "--history", history, "-q", "--fail-on", "new")
    first = asked(capsys, *audit, "--policy", allowing, *BEFORE)["drift"]
    assert not first["compared"]
    assert first["notes"] == ["Not compared: egress.duckdb has no earlier run of this mesh."]
    second = asked(capsys, *audit, "--policy", POLICY, *AFTER, code=10)["drift"]
    assert (second["baseline"], second["new_violations"]) == ("egress.duckdb run 1", 1)
    third = asked(capsys, *audit, "--policy", POLICY, "--since", "2026-11-23T08:05:26Z")["drift"]
    assert (third["baseline"], third["new_violations"]) == ("egress.duckdb run 2", 0)


@pytest.mark.parametrize("whole", [True, False])
def test_what_is_absent_is_gone_if_its_logs_were_read(
    capsys: Captured, history: Path, tmp_path: Path, *, whole: bool
) -> None:
    """In the second window nobody calls 240.240.0.1 any more, as ztunnel's log shows if it is there."""
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", *BEFORE, code=10)
    folder = tmp_path / "evidence"
    shutil.copytree(SAMPLE, folder)
    if not whole:
        for log in (folder / "ztunnel").rglob("*.log"):
            log.unlink()
    report = asked(capsys, "audit", folder, "--policy", POLICY, "--history", history, "-q", *AFTER, code=10)
    absent = [each for each in report["drift"]["rows"] if each["text"].startswith("240.240.0.1:80 failed")]
    assert [each["change"] for each in absent] == ["gone" if whole else "not-seen"]
    assert ("no log of payments" in absent[0]["text"] or "does not cover" in absent[0]["text"]) is not whole


def test_without_an_earlier_run_every_violation_is_new(capsys: Captured, history: Path) -> None:
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", "--fail-on", "new", code=10)


def test_what_is_stored_is_listed_shown_and_compared(capsys: Captured, history: Path, allowing: Path) -> None:
    said(capsys, "audit", SAMPLE, "--policy", allowing, "--history", history, "-q", *BEFORE)
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", *AFTER, code=10)
    listed = said(capsys, "history", "list", history).splitlines()
    assert [line.split()[0] for line in listed] == ["RUN", "1", "2"]
    assert "FAIL     1 " in listed[2]
    assert [each["policy"] for each in asked(capsys, "history", "list", history)["runs"]] == ["allowing", "whole-mesh"]
    assert "EA104 high  shop/Deployment/checkout" in said(capsys, "history", "show", history)
    assert "EA104" not in said(capsys, "history", "show", history, 1)
    assert asked(capsys, "history", "show", history, 2)["outcome"] == "FAIL"
    compared = said(capsys, "history", "compare", history)
    assert "since egress.duckdb run 1: findings: 1 new violation" in compared
    assert said(capsys, "history", "compare", history, 1, 2) == compared
    assert asked(capsys, "history", "compare", history, 2, 1)["new_violations"] == 0
    pruned = said(capsys, "history", "prune", history, "--keep", "2026-11-23T08:05:26Z")
    assert pruned.startswith("1 runs removed; ")
    assert [each["run"] for each in asked(capsys, "history", "list", history)["runs"]] == [2]


def test_what_if_says_who_would_break_and_who_still_escapes(capsys: Captured, history: Path, strict: Path) -> None:
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", code=10)
    what_if = ("audit", "--what-if", "--history", history, "-q")
    text = said(capsys, *what_if, "--policy", strict, code=10)
    assert "WOULD BREAK (1)\n  curl/Deployment/curl\n    docs.redhat.com:80 via-gateway" in text
    assert "WOULD STILL ESCAPE (1)\n  shop/Deployment/checkout\n" in text
    assert text.splitlines()[-1] == (
        "FAIL: 1 workload would break, 1 would still escape; 1 run judged again by policy strict"
    )
    report = asked(capsys, *what_if, "--policy", strict, code=10)
    assert [each["would"] for each in report["flows"]] == ["breaks", "escapes", "same", "same", "same"]
    broken = report["flows"][0]
    assert (broken["before"], broken["after"], broken["code"], broken["rule"]) == ("PASS", "FAIL", "EA104", "default")


def test_what_if_of_a_rule_that_allows_it(capsys: Captured, history: Path, allowing: Path) -> None:
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", code=10)
    report = asked(capsys, "audit", "--what-if", "--history", history, "--policy", allowing, "-q")
    assert (report["outcome"], report["flows"][0]["would"]) == ("PASS", "settled")


def test_what_if_says_the_same_as_an_audit_by_that_policy(
    capsys: Captured, history: Path, allowing: Path, strict: Path
) -> None:
    """Of the same evidence, group by group, for each policy."""
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", code=10)
    for policy, code in ((POLICY, 10), (allowing, 0), (strict, 10)):
        again = asked(capsys, "audit", "--what-if", "--history", history, "--policy", policy, "-q", code=code)
        audit = asked(capsys, "audit", SAMPLE, "--policy", policy, "-q", code=code)
        key = ("namespace", "workload", "host", "port", "path", "via", "flows", "first", "last", "rule", "because")
        assert sorted([*(each[k] for k in key), each["after"]] for each in again["flows"]) == sorted(
            [*(each[k] for k in key), each["outcome"]] for each in audit["flows"]
        )


def test_only_the_days_that_are_asked_for_are_judged_again(capsys: Captured, history: Path) -> None:
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", *BEFORE, code=10)
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", *AFTER, code=10)
    what_if = ("audit", "--what-if", "--history", history, "--policy", POLICY, "-q")
    both = asked(capsys, *what_if, code=10)
    later = asked(capsys, *what_if, "--since", "2026-11-23T08:05:25Z", code=10)
    assert (both["runs"], later["runs"]) == (2, 1)
    assert (both["window"]["end"], both["window"]["start"] < later["window"]["start"]) == (later["window"]["end"], True)
    said(capsys, *what_if, "--since", "2026-11-24T00:00:00Z", code=2)


def test_a_gateway_that_nobody_names_any_more_proves_nothing(capsys: Captured, history: Path, tmp_path: Path) -> None:
    """It was believed because the policy of that day named it. By a policy that names none, its lines prove nothing."""
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", code=10)
    policy = tmp_path / "mesh.yaml"
    head = "apiVersion: egressaudit.io/v1alpha1\nkind: EgressPolicy\nmetadata: {name: mesh}\n"
    policy.write_text(f"{head}spec: {{default: mesh}}\n", "utf-8")
    report = asked(capsys, "audit", "--what-if", "--history", history, "--policy", policy, "-q", code=3)
    through = [each for each in report["flows"] if each["via"]]
    assert {(each["after"], each["would"]) for each in through} == {("INCONCLUSIVE", "unproven")}
    assert "was believed because of what was trusted then" in through[0]["because"]


def test_gaps_of_then_stay_gaps(capsys: Captured, history: Path, allowing: Path, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    shutil.copytree(SAMPLE, folder)
    for log in (folder / "curl").rglob("*.log"):
        log.unlink()
    said(capsys, "audit", folder, "--policy", allowing, "--history", history, "-q", code=3)
    report = asked(capsys, "audit", "--what-if", "--history", history, "--policy", allowing, "-q", code=3)
    assert (report["outcome"], report["incomplete"]) == ("INCONCLUSIVE", 1)


def test_what_if_says_how_much_time_no_run_covers(capsys: Captured, history: Path) -> None:
    for since, until in (("08:04:29", "08:04:59"), ("08:05:20", "08:05:31")):
        window = ("--since", f"2026-11-23T{since}Z", "--until", f"2026-11-23T{until}Z")
        run(list(map(str, ("audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", *window))))
    capsys.readouterr()
    run(["audit", "--what-if", "--history", str(history), "--policy", str(POLICY), "-q", "-o", "json"])
    assert "Nothing is known of 0:00:21 between these runs, in 1 pause." in json.loads(capsys.readouterr().out)["notes"]


WRONG = [
    (("--policy", POLICY), "--what-if needs --history and --policy"),
    (("--history", "h.duckdb"), "--what-if needs --history and --policy"),
    (("--history", "h.duckdb", "--policy", POLICY, SAMPLE), "--what-if reads no logs"),
    (("--history", "h.duckdb", "--policy", POLICY, "-o", "csv"), "-o csv does not work with --what-if"),
    (("--history", "h.duckdb", "--policy", POLICY, "--baseline", "b.json"), "--baseline does not work"),
    (("--history", "h.duckdb", "--policy", POLICY, "--redact", "hosts"), "--redact does not work"),
    (("--history", "h.duckdb", "--policy", POLICY, "--bundle", "b.tar.zst"), "--bundle does not work"),
    (("--history", "nothing.duckdb", "--policy", POLICY), "no such file"),
]


@pytest.mark.parametrize(("argv", "words"), WRONG)
def test_what_does_not_go_together(capsys: Captured, argv: tuple[object, ...], words: str) -> None:
    assert run([*map(str, ("audit", "--what-if", *argv))]) == 2
    assert words in capsys.readouterr().err


def test_a_damaged_history_is_an_error_before_any_log_is_read(capsys: Captured, history: Path, tmp_path: Path) -> None:
    history.write_bytes(b"hello")
    out = tmp_path / "audit.json"
    assert run(["audit", str(SAMPLE), "--history", str(history), "-q", "-o", f"json={out}"]) == 1
    assert json.loads(out.read_text("utf-8"))["outcome"] == "NOT_PERFORMED"
    assert run(["history", "list", str(history)]) == 1
    assert "is not a DuckDB file" in capsys.readouterr().err
    assert (
        run(["audit", "--what-if", "--history", str(history), "--policy", str(POLICY), "-q", "-o", f"json={out}"]) == 1
    )
    assert json.loads(out.read_text("utf-8"))["kind"] == "egressaudit-what-if"


def test_an_audit_that_cannot_be_stored_is_reported_all_the_same(
    capsys: Captured, history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from egressaudit.errors import BadHistory
    from egressaudit.history.stored_runs import History

    def in_use(*_: object) -> int:
        raise BadHistory("another process has it open", hint="Wait.")

    monkeypatch.setattr(History, "add", in_use)
    out = tmp_path / "audit.json"
    assert run(["audit", str(SAMPLE), "--policy", str(POLICY), "--history", str(history), "-o", f"json={out}"]) == 1
    assert json.loads(out.read_text("utf-8"))["outcome"] == "FAIL"
    assert "the audit is not stored: another process has it open" in capsys.readouterr().err


@pytest.mark.parametrize("what_if", [(), ("--what-if",)])
def test_no_report_is_written_to_the_history(capsys: Captured, history: Path, what_if: tuple[str, ...]) -> None:
    """Not even the error that says so."""
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", code=10)
    there = history.read_bytes()
    paths = () if what_if else (SAMPLE,)
    said(capsys, "audit", *paths, *what_if, "--policy", POLICY, "--history", history, "-o", f"json={history}", code=2)
    assert history.read_bytes() == there


def test_a_history_in_no_folder_is_an_error_before_any_log_is_read(capsys: Captured, tmp_path: Path) -> None:
    assert run(["audit", str(SAMPLE), "--history", str(tmp_path / "no" / "egress.duckdb"), "-q"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_link_to_a_history_stays_one(capsys: Captured, history: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(history)
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", link, "-q", code=10)
    said(capsys, "history", "prune", link, "--keep", "2100-01-01T00:00:00Z")
    assert (link.is_symlink(), history.is_file()) == (True, True)


def test_a_redacted_report_shows_no_fingerprint_of_names(capsys: Captured, tmp_path: Path, allowing: Path) -> None:
    before, out = tmp_path / "before.json", tmp_path / "out.json"
    said(capsys, "audit", SAMPLE, "--policy", allowing, "-q", "-o", f"json={before}")
    audit = ("audit", SAMPLE, "--policy", POLICY, "--baseline", before, "-q", "-o", f"json={out}")
    prints = {}
    for redact in ((), ("--redact", "hosts")):
        said(capsys, *audit, *redact, code=10)
        drift = json.loads(out.read_text("utf-8"))["drift"]
        prints[redact] = {each["fingerprint"] for each in drift["rows"]}
    assert len(prints[()]) == len(prints["--redact", "hosts"]) == 3
    assert prints[()].isdisjoint(prints["--redact", "hosts"])
    assert run(["audit", str(SAMPLE), "--baseline", str(out), "-q"]) == 1
    assert "has pseudonyms for hosts" in capsys.readouterr().err


def test_a_webhook_for_all_runs_of_a_machine_does_not_stop_what_if(
    capsys: Captured, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capsys, "audit", SAMPLE, "--policy", POLICY, "--history", history, "-q", code=10)
    what_if = ("audit", "--what-if", "--history", history, "--policy", POLICY, "-q")
    monkeypatch.setenv("EGRESSAUDIT_NOTIFY_URL", "http://127.0.0.1:9/x")
    said(capsys, *what_if, code=10)
    said(capsys, *what_if, "--notify", "http://127.0.0.1:9/x", code=2)


def test_what_a_history_shows_has_no_secret_of_a_log(capsys: Captured, history: Path, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    shutil.copytree(SAMPLE, folder)
    odd = next(folder.rglob("istio-proxy.log")).parent / "cb?token=S3CR3T.log"
    for text in ("not understood\n", ""):
        odd.write_text(text, "utf-8")
        said(capsys, "audit", folder, "--policy", POLICY, "--history", history, "-q", code=10)
    for argv in (("show", history, 1), ("compare", history, 1, 2)):
        for form in ("text", "json"):
            shown = said(capsys, "history", *argv, "-o", form)
            assert "cb?REDACTED" in shown
            assert "S3CR3T" not in shown
