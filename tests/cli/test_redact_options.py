"""`--redact`: what the reports of whole runs show of secrets that stand in logs and on the command line."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.reports import CLEAN
from support.tools import SAMPLES

from egressaudit.cli import run
from egressaudit.cli.output import finish
from egressaudit.report.output_formats import names_of
from egressaudit.report.redaction import NOTHING, Redaction

Captured = pytest.CaptureFixture[str]

SECRET = "S3CR3T"
QUERY = f"?token={SECRET}"


def planted(sample: str, folder: Path) -> Path:
    """A sample whose every request has a query, and whose redirects have one too."""
    shutil.copytree(SAMPLES / sample, folder)
    for log in folder.rglob("*.log"):
        text = re.sub(r'("GET [^ "]*) HTTP', rf"\1{QUERY} HTTP", log.read_text("utf-8"))
        log.write_text(text, "utf-8")
    probes = folder / "probes.json"
    if probes.exists():
        text = probes.read_text("utf-8").replace('"path": "/"', f'"path": "/{QUERY}"')
        text = re.sub(r'"redirect_url": "([^"]*)"', rf'"redirect_url": "\1{QUERY}#access_token={SECRET}"', text)
        probes.write_text(text, "utf-8")
    return folder


def written(argv: list[str], command: str, folder: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and what is in the report in each format."""
    files = {name: folder / f"report.{name}" for name in names_of(command)}
    outputs = [word for name, file in files.items() for word in ("-o", f"{name}={file}")]
    code = run([*argv, *outputs])
    texts = {
        name: str(pq.read_table(file).to_pylist()) if name == "parquet" else file.read_text("utf-8", "replace")
        for name, file in files.items()
    }
    return code, texts


@pytest.mark.parametrize(
    ("sample", "argv", "command"),
    [
        ("whole-mesh", ["audit", "-q", "FOLDER", "--policy", "FOLDER/policy.yaml"], "audit"),
        ("redirect-escapes", ["verify", "-q", "--replay", "FOLDER"], "verify"),
        ("bypass-open", ["verify", "-q", "-v", "--replay", "FOLDER"], "verify"),
        ("forged", ["verify", "-q", "--replay", "FOLDER"], "verify"),
    ],
)
def test_no_report_on_logs_with_secrets_shows_one_and_the_outcome_is_the_same(
    sample: str, argv: list[str], command: str, tmp_path: Path, capsys: Captured
) -> None:
    folder = planted(sample, tmp_path / "logs")
    argv = [each.replace("FOLDER", str(folder)) for each in argv]
    code, texts = written(argv, command, tmp_path)
    captured = capsys.readouterr()
    whole, shown = written([*argv, "--redact", "none"], command, tmp_path)
    assert SECRET in shown["json"]
    for name, text in texts.items():
        assert SECRET not in text, name
    assert code == whole
    assert captured.out
    assert SECRET not in captured.out + captured.err
    assert SECRET in capsys.readouterr().out
    hidden, full = (json.loads(each["json"]) for each in (texts, shown))
    assert hidden["outcome"] == full["outcome"]
    assert skeleton(hidden) == skeleton(full)


def skeleton(value: object) -> object:
    """A document without its texts."""
    if isinstance(value, dict):
        return {key: skeleton(each) for key, each in value.items() if key != "run"}
    return [skeleton(each) for each in value] if isinstance(value, list) else None if isinstance(value, str) else value


@pytest.mark.parametrize(
    "argv",
    [
        ["verify", "-n", "shop", "--host", f"http://docs.example.com:0/a{QUERY}"],
        ["verify", "-n", "shop", "--host", f"https://u:{SECRET}@docs.example.com/"],
        ["verify", "-n", "shop", f"http://docs.example.com/{QUERY}"],
        ["analyze", "--host", f"docs.example.com/cb?{SECRET}"],
    ],
)
def test_what_was_mistyped_is_not_told_with_its_secrets(argv: list[str], tmp_path: Path, capsys: Captured) -> None:
    report = tmp_path / "report.json"
    assert run([*argv, "-o", f"json={report}"]) == 2
    captured = capsys.readouterr()
    assert "docs.example.com" in captured.err or "user name" in captured.err
    assert SECRET not in captured.err + captured.out + report.read_text("utf-8")


def test_a_story_shows_no_secret_of_a_report_or_a_folder(tmp_path: Path, capsys: Captured) -> None:
    folder, report = planted("istio-apis", tmp_path / "logs"), tmp_path / "report.json"
    run(["verify", "-q", "--replay", str(folder), "--redact", "none", "-o", f"json={report}"])
    assert SECRET in report.read_text("utf-8")
    capsys.readouterr()
    for told in (report, folder):
        assert run(["explain", str(told), f"http://docs.redhat.com/{QUERY}"]) == 0
        text = capsys.readouterr().out
        assert SECRET not in text
        assert "/?REDACTED" in text
        assert run(["explain", str(told), "1", "--redact", "none"]) == 0
        assert SECRET in capsys.readouterr().out


def test_a_flow_that_is_not_there_is_told_without_the_names_that_are_hidden(tmp_path: Path, capsys: Captured) -> None:
    report = tmp_path / "report.json"
    run(["verify", "-q", "--replay", str(SAMPLES / "istio-apis"), "-o", f"json={report}"])
    capsys.readouterr()
    assert run(["explain", str(report), "other.example", "--redact", "hosts"]) == 2
    said = capsys.readouterr().err
    assert "There are: 1 (" in said
    assert "redhat" not in said


def test_a_redacted_report_is_explained_as_well_as_another(tmp_path: Path, capsys: Captured) -> None:
    """The marks stand under the same fields, whatever is redacted."""
    report, marks = tmp_path / "report.json", []
    for more in ([], ["--redact", "hosts,addresses,identities"]):
        run(["verify", "-q", "--replay", str(SAMPLES / "istio-apis"), "-o", f"json={report}", *more])
        capsys.readouterr()
        assert run(["explain", str(report), "1"]) == 0
        text = capsys.readouterr().out
        marks.append(re.findall(r"^ *([a-z])  (\w+) ", text, re.MULTILINE))
        assert ("docs.redhat.com" in text) is not bool(more)
    assert marks[0] == marks[1] != []


def test_one_key_gives_the_same_pseudonyms_in_every_report(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef\n")
    argv = ["verify", "-q", "--replay", str(SAMPLES / "istio-apis"), "--redact", "hosts", "--redact", "addresses"]
    with_key = [report([*argv, "--redact-key", str(key)], tmp_path) for _ in range(2)]
    without = report(argv, tmp_path)
    assert with_key[0] == with_key[1] != without
    hosts = re.findall(r"host-[0-9a-f]{10}", with_key[0])
    assert hosts
    assert not set(hosts) & set(re.findall(r"host-[0-9a-f]{10}", without))


def test_no_report_is_published_in_namespaces_that_it_does_not_name(capsys: Captured) -> None:
    assert run(["audit", "-A", "--publish", "--redact", "identities"]) == 2
    assert "--publish does not go with --redact identities" in capsys.readouterr().err


def test_a_redacted_report_is_still_a_baseline(tmp_path: Path, capsys: Captured) -> None:
    """Queries are no part of a fingerprint; pseudonyms are, and the later report may have them."""
    argv = ["audit", "-q", str(SAMPLES / "whole-mesh"), "--policy", str(SAMPLES / "whole-mesh" / "policy.yaml")]
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    assert run([*argv, "-o", f"json={before}"]) == 10
    compared = [*argv, "--baseline", str(before), "--fail-on", "new", "--redact", "hosts,identities"]
    assert run([*compared, "-o", f"json={after}"]) == 0
    assert json.loads(after.read_text("utf-8"))["run"]["redacted"] == ["hosts", "identities", "queries"]
    assert run([*argv, "--baseline", str(after)]) == 1
    assert "pseudonyms" in capsys.readouterr().err


def report(argv: list[str], folder: Path) -> str:
    """The JSON report without what differs in each run."""
    document = json.loads(written(argv, "verify", folder)[1]["json"])
    return json.dumps({name: each for name, each in document.items() if name != "run"})


def test_a_report_that_was_forgotten_is_redacted_where_it_is_written(tmp_path: Path) -> None:
    """The last line of defence for a command that does not think of it: every writer comes after `finish`."""
    note = replace(CLEAN, notes=(f"sent https://u:{SECRET}@docs.example.com/{QUERY}",))
    file = tmp_path / "report.md"
    finish(note, [("markdown", file)], redaction=Redaction())
    assert SECRET not in file.read_text("utf-8")
    finish(note, [("markdown", file)], redaction=NOTHING)
    assert SECRET in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--redact", "everything"], "'everything' is not queries, addresses, identities, hosts or none"),
        (["--redact", ","], "',' is not queries"),
        (["--redact", "none,hosts"], "--redact none cannot be combined with other levels"),
        (["--redact-key", "KEY"], "--redact-key is of no use without pseudonyms"),
        (["--redact", "none", "--redact-key", "KEY"], "--redact-key is of no use without pseudonyms"),
        (["--redact", "hosts", "--redact-key", "missing"], "--redact-key missing does not exist"),
        (["--redact", "hosts", "--redact-key", "SHORT"], "has fewer than 16 bytes"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_done(
    more: list[str], said: str, tmp_path: Path, capsys: Captured
) -> None:
    key, short = tmp_path / "key", tmp_path / "short"
    key.write_bytes(b"x" * 32)
    short.write_bytes(b"x" * 15 + b"\n\n\n")
    words = [each.replace("KEY", str(key)).replace("SHORT", str(short)) for each in more]
    assert run(["verify", "--replay", str(SAMPLES / "istio-apis"), *words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
