"""`audit --publish` and `--notify`: what is checked first, what an exit code says, and that the URL stays a secret."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.reports import CLEAN, FULL

from egressaudit.cli import notify_options, publish_options, run
from egressaudit.cli.audit import AuditOptions
from egressaudit.errors import BadLogs, ExitCode, Interrupted, OutputFailed, Unauthorized, Unreachable, UsageError
from egressaudit.model import AuditReport

SAMPLE = str(Path(__file__).parents[2] / "sample_logs" / "whole-mesh")
URL = "http://127.0.0.1:9/services/T000-secret"
AUDIT = ["audit", SAMPLE, "--policy", f"{SAMPLE}/policy.yaml", "-q"]


class Posts:
    """What would have been posted; the webhook answers `why`, or fails."""

    def __init__(self, why: str = "", error: Exception | None = None) -> None:
        self.bodies: list[Any] = []
        self._why, self._error = why, error

    def __call__(self, url: str, body: bytes) -> str:
        assert url == URL
        self.bodies.append(json.loads(body))
        if self._error is not None:
            raise self._error
        return self._why


def posting(monkeypatch: pytest.MonkeyPatch, **answer: Any) -> Posts:
    posts = Posts(**answer)
    monkeypatch.setattr("egressaudit.pipeline.notifying.posted", posts)
    return posts


def test_the_url_of_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    posts = posting(monkeypatch)
    monkeypatch.setenv("EGRESSAUDIT_NOTIFY_URL", URL)
    assert run(AUDIT) == 10
    assert posts.bodies[0]["text"].startswith("egressaudit: FAIL: 1 violation")
    out, err = capsys.readouterr()
    assert "T000-secret" not in out + err


@pytest.mark.parametrize("answer", [{"why": "the webhook answered 404"}, {"error": RuntimeError(URL)}])
def test_what_is_not_delivered_is_said_and_changes_no_exit_code(
    answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    posting(monkeypatch, **answer)
    assert run([*AUDIT, "--notify", URL]) == 10
    err = capsys.readouterr().err
    assert "warning: the notification was not delivered: " in err
    assert "T000-secret" not in err


def test_a_run_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    posts = posting(monkeypatch)
    broken = tmp_path / "mesh.json"
    broken.write_text("{")
    assert run([*AUDIT, "--mesh", str(broken), "--notify", URL]) == 1
    assert posts.bodies[0]["text"] == "egressaudit: no audit was performed"
    # Nobody reads the error of a scheduled run whose policy is gone.
    assert run(["audit", SAMPLE, "--policy", str(tmp_path / "gone?token=S3CR3T"), "-q", "--notify", URL]) == 2
    assert "gone?REDACTED" in json.dumps(posts.bodies[1])
    assert "S3CR3T" not in json.dumps(posts.bodies[1])


def test_a_wrong_url_ends_the_run_before_anything_is_read(capsys: Any, tmp_path: Path) -> None:
    file = tmp_path / "audit.json"
    wrong = "hooks.example.com/T000-secret"
    assert run([*AUDIT, "--notify", wrong, "-o", f"json={file}"]) == 2
    out, err = capsys.readouterr()
    assert "is not the URL of a webhook" in err
    assert "T000-secret" not in out + err + file.read_text("utf-8")


def test_options_that_are_shown_have_no_url() -> None:
    [shown] = [each for each in AuditOptions.__dataclass_fields__.values() if each.name == "notify"]
    assert shown.repr is False


@dataclass
class Asked:
    notify: str | None = URL
    notify_when: str = "not-pass"


@pytest.mark.parametrize(
    ("when", "report", "told"),
    [
        ("not-pass", FULL, True),
        ("not-pass", CLEAN, False),
        ("always", CLEAN, True),
        ("new", FULL, True),
        ("new", CLEAN, False),
    ],
)
def test_when_it_is_told(when: str, report: AuditReport, *, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    posts = posting(monkeypatch)
    with notify_options.notified(report, Asked(notify_when=when)):
        assert not posts.bodies
    assert bool(posts.bodies) is told


def test_it_is_told_also_if_another_delivery_fails_but_not_after_an_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posts = posting(monkeypatch)
    with pytest.raises(Unreachable), notify_options.notified(FULL, Asked()):
        raise Unreachable("gone")
    assert len(posts.bodies) == 1
    with pytest.raises(KeyboardInterrupt), notify_options.notified(FULL, Asked()):
        raise KeyboardInterrupt
    assert len(posts.bodies) == 1


def test_nothing_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    posts = posting(monkeypatch)
    with notify_options.notified(FULL, Asked(notify=None)), notify_options.notified_if_it_fails(Asked(notify=None)):
        pass
    assert not posts.bodies


# ---------------------------------------------------------------- publishing


class Place:
    """A cluster of which only its namespace is known."""

    namespace = "shop"


@dataclass
class Publishing:
    publish: bool = True
    publish_name: str | None = None
    all_namespaces: bool = False
    selector: str | None = None
    namespace: str | None = None
    quiet: bool = True

    def connect(self) -> Any:
        return Place()


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is said in the cluster of audits that were not performed; the API is there."""
    said: list[tuple[str, str]] = []
    monkeypatch.setattr("egressaudit.pipeline.publishing.reports_api", lambda _: None)
    monkeypatch.setattr(
        "egressaudit.pipeline.publishing.publish_failure",
        lambda _cluster, message, _hint, name: said.append((name, message)),
    )
    return said


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (Publishing(all_namespaces=True), "egressaudit"),
        (Publishing(), "egressaudit-shop"),
        (Publishing(namespace="curl"), "egressaudit-curl"),
        (Publishing(selector="app=x", publish_name="x"), "x"),
        (Publishing(all_namespaces=True, publish_name="nightly"), "nightly"),
    ],
)
def test_audits_of_other_parts_have_reports_of_other_names(
    asked: Publishing, name: str, checked: list[tuple[str, str]]
) -> None:
    with pytest.raises(BadLogs), publish_options.published_if_it_fails(asked):
        raise BadLogs("no log")
    assert checked == [(name, "no log")]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Publishing(selector="app=x"), "--publish with --selector needs --publish-name"),
        (Publishing(namespace="n" * 60), "too long for the report"),
        (Publishing(publish=False, publish_name="x"), "--publish-name needs --publish"),
    ],
)
def test_a_report_needs_a_name_of_its_own(asked: Publishing, said: str, checked: list[tuple[str, str]]) -> None:
    with pytest.raises(UsageError, match=said), publish_options.published_if_it_fails(asked):
        pytest.fail("the audit began")
    assert not checked


def test_an_unexpected_failure_leaves_no_earlier_report_either(checked: list[tuple[str, str]]) -> None:
    with pytest.raises(RuntimeError), publish_options.published_if_it_fails(Publishing()):
        raise RuntimeError("a mistake of ours")
    assert [name for name, _ in checked] == ["egressaudit-shop"]


@pytest.mark.parametrize(
    ("error", "written"),
    [
        (None, 1),
        (OutputFailed("the disk is full"), 1),
        (KeyboardInterrupt(), 0),
        (Interrupted(ExitCode.INTERRUPTED), 0),
    ],
)
def test_a_report_is_published_also_if_its_files_cannot_be_written(
    error: BaseException | None, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier run published may be a PASS, and this report is none."""
    done: list[AuditReport] = []
    monkeypatch.setattr(publish_options, "publish_if_asked", lambda report, _: done.append(report))
    with pytest.raises(type(error)) if error else nullcontext(), publish_options.published(FULL, Publishing()):
        if error is not None:
            raise error
    assert done == [FULL] * written


@pytest.mark.parametrize("error", [Unauthorized("x"), Unreachable("x"), KeyboardInterrupt()])
def test_a_cluster_that_is_not_there_is_not_asked_again(error: BaseException, checked: list[tuple[str, str]]) -> None:
    with pytest.raises(type(error)), publish_options.published_if_it_fails(Publishing()):
        raise error
    assert not checked


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (AUDIT, "--publish works only on a live cluster"),
        (["audit", "-A", "--redact", "identities"], "--publish does not go with --redact identities"),
        (
            ["audit", "--what-if", "--history", "h.duckdb", "--policy", "p.yaml"],
            "--publish does not work with --what-if",
        ),
    ],
)
def test_what_is_not_this_clusters_own_is_not_published(asked: list[str], said: str, capsys: Any) -> None:
    assert run([*asked, "--publish"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "A", "-a", "a/b", "a" * 51, "a.b"])
def test_a_name_is_a_label(name: str) -> None:
    assert run(["audit", "--publish", "--publish-name", name]) == 2
