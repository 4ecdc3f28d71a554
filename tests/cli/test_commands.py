"""The command line: help, exit codes, outputs. Everything runs as a user would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from inspect import unwrap
from pathlib import Path
from typing import get_type_hints

import click
import pytest
from support.tools import SAMPLES

from egressaudit.cli import run
from egressaudit.cli.commands import COMMANDS, cli
from egressaudit.report.output_formats import names_of

HEAVY = ("kubernetes", "pandas", "numpy", "duckdb", "pyarrow", "lark", "aiohttp", "rich")


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "egressaudit", "--help"], check=True, capture_output=True, text=True
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    imported = {each.partition(".")[0] for each in modules}
    assert "click" in imported
    assert imported.isdisjoint(HEAVY)
    # Its dataclasses alone would take a third of the time.
    assert "egressaudit.model" not in modules


@pytest.mark.parametrize("command", [[], ["verify"], ["audit"], ["cleanup"], ["lab"], ["lab", "run"], ["lab", "list"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--help"]) == 0
    assert "Usage:" in capsys.readouterr().out


def every_command(group: click.Group, context: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from every_command(command, click.Context(command, parent=context))
        else:
            yield command


@pytest.mark.parametrize("command", list(every_command(cli, click.Context(cli))), ids=lambda each: each.name)
def test_the_options_of_a_command_are_a_frozen_dataclass(command: click.Command) -> None:
    taken = {option.name for option in command.params if option.expose_value}
    if not taken:
        return
    assert command.callback is not None
    [form] = [kind for name, kind in get_type_hints(unwrap(command.callback)).items() if name != "return"]
    assert {each.name for each in fields(form)} == taken
    assert form.__dataclass_params__.frozen


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_waits_for_the_imports_of_no_other(name: str) -> None:
    code = (
        f"import sys; from egressaudit.cli import run; run([{name!r}, '--help']); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    imported = set(done.stderr.split())
    assert {other for other in COMMANDS if f"egressaudit.cli.{other}" in imported} == {name}
    assert {each.partition(".")[0] for each in imported}.isdisjoint(HEAVY)


def test_the_formats_of_the_commands_stand_in_one_list() -> None:
    assert names_of("verify") == ("text", "json", "html", "junit")
    own = ("sarif", "openreports", "prometheus", "openmetrics", "oscal")
    assert names_of("audit") == ("text", "json", "jsonl", "markdown", "html", "junit", *own, "csv", "parquet")
    assert names_of("parse") == ("table", "jsonl", "csv", "parquet")
    assert names_of("query") == ("table", "json", "jsonl", "csv", "parquet")
    assert names_of("controls") == names_of("lab list") == ("text", "json")
    with pytest.raises(ValueError, match="snapshot"):
        names_of("snapshot")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["verify"], "--host"),
        (["nonsense"], "nonsense"),
        (["verify", "--host", "x", "--timeout", "soon"], "duration"),
        (["verify", "--host", "x", "--timeout", "0s"], "longer than 0"),
        (["verify", "--host", "x", "-o", "xml"], "text, json, html or junit"),
        (["verify", "--host", "x", "-o", "json="], "text, json, html or junit"),
        (["verify", "--host", "x", "-o", "json", "-o", "text"], "standard output"),
        (["verify", "--host", "x", "-o", "json=/no/such/folder/x.json"], "does not exist"),
        (["verify", "--host", "x", "--policy", "p.yaml", "--expect", "direct"], "--expect and --policy both say"),
        (["verify", "--host", "x", "--hosts-file", "/no/such/file"], "the hosts file /no/such/file cannot be read"),
        (["verify", "--policy", "/no/such/file"], "the policy /no/such/file cannot be read"),
        (["verify", "--host", "x", "-l", "app=c=d"], "-l 'app=c=d' is not a label selector: expected a comma"),
        (["verify", "--host", "x", "-l", ""], "it is empty"),
        (
            ["audit", "-l", "app in shop"],
            "-l 'app in shop' is not a label selector: in needs its values",
        ),
        (["audit", "-l", ""], "it is empty"),
        (["audit", "logs", "-l", ""], "--selector works only on a live cluster"),
    ],
)
def test_a_bad_command_line_exits_with_2(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30.0), ("1m30s", 90.0), ("1h", 3600.0), ("250ms", 0.25), ("1.5s", 1.5), ("7", 7.0)]
)
def test_durations_are_written_as_kubectl_writes_them(text: str, seconds: float) -> None:
    from egressaudit.cli.option_types import Duration

    assert Duration().convert(text, None, None) == seconds


def test_a_folder_that_is_not_there_performs_no_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", str(tmp_path / "nowhere")]) == 2
    captured = capsys.readouterr()
    assert "nowhere does not exist" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("istio-apis", 0), ("redirect-escapes", 10), ("logging-off", 3)],
)
def test_the_exit_code_does_not_depend_on_the_format(
    scenario: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for output in ("text", "json", "junit", f"json={tmp_path / 'r.json'}"):
        assert run(["verify", "--replay", str(SAMPLES / scenario), "-o", output]) == code
    assert json.loads((tmp_path / "r.json").read_text())["schema_version"] == 1
    capsys.readouterr()


def test_several_reports_are_written_in_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = ["-o", f"json={tmp_path / 'r.json'}", "-o", f"junit={tmp_path / 'r.xml'}"]
    assert run(["verify", "--replay", str(SAMPLES / "istio-apis"), *outputs]) == 0
    assert capsys.readouterr().out.startswith("PASS  http://docs.redhat.com/")
    assert json.loads((tmp_path / "r.json").read_text())["verdicts"][0]["outcome"] == "PASS"
    assert "<testcase" in (tmp_path / "r.xml").read_text()


def test_the_module_and_the_plugin_are_the_same_program() -> None:
    plugin = Path(sys.executable).parent / "kubectl-egressaudit"
    outputs = [
        subprocess.run([*command, "--version"], check=True, capture_output=True, text=True).stdout
        for command in ([sys.executable, "-m", "egressaudit"], [str(plugin)])
    ]
    assert outputs[0] == outputs[1]


def test_a_broken_pipe_is_no_traceback() -> None:
    done = subprocess.run(
        f"{sys.executable} -m egressaudit verify --replay {SAMPLES / 'istio-apis'} -o json | head -c 1 > /dev/null",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
