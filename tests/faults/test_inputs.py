"""What a user sees if an input cannot be read: endless, nested, damaged, in another form, out of range.

The commands run in this process, which costs a hundredth of a start; whoever waits for more than `_PATIENCE` fails.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

import pytest
from support.tools import ROOT

from egressaudit.cli import run as run_cli
from faults.harness import Place, Ran, Row, a_place, check, reports_of, rows

_SAMPLE = ROOT / "sample_logs" / "istio-apis"
_LOG = next(_SAMPLE.glob("curl/*/istio-proxy.log"))
_PATIENCE = 20
"""Seconds after which a command counts as hanging; the longest of a row is a pipe's wait of 5."""
_WINDOW = "--since 2020-01-01T00:00:00Z"

COMMANDS = {
    "audit --mesh": f"audit {{root}}/sample_logs/istio-apis {_WINDOW} --mesh {{place}}/in -o json={{place}}/r.json",
    "audit --policy": "audit {root}/sample_logs/istio-apis --policy {place}/in -o json={place}/r.json",
    "audit": f"audit {{place}}/in --mesh {{root}}/sample_logs/istio-apis/mesh.json {_WINDOW} -o json={{place}}/r.json",
    "analyze --mesh": "analyze --mesh {place}/in -o json={place}/r.json",
    "analyze -f": "analyze -f {place}/in -o json={place}/r.json",
    "parse": "parse {place}/in",
    "parse --format @": "parse {root}/CHANGELOG.md --format @{place}/in",
    "explain": "explain {place}/in",
    "policy check": "policy check {place}/in",
    "verify --trust": "verify --replay {root}/sample_logs/istio-apis --trust {place}/in -o json={place}/r.json",
    "verify --replay": "verify --replay {place}/in -o json={place}/r.json",
    "verify --hosts-file": "verify --hosts-file {place}/in --kubeconfig {place}/none -o json={place}/r.json",
    "verify --policy": "verify --policy {place}/in --kubeconfig {place}/none -o json={place}/r.json",
    "verify --pod-template": "verify --host a.example.com --pod-template {place}/in --kubeconfig {place}/none",
}


def _text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content)


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.mkdir()
    (path / "again").symlink_to(path)


def _deep_folders(path: Path) -> None:
    # A call of `mkdir` with parents goes into itself for each.
    for level in range(1, 1200, 100):
        path.joinpath(*["a"] * level).mkdir(parents=True)


def _tar(path: Path) -> None:
    """Names that lead out, links, devices, a pipe and an archive in it."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind in (
            ("../../curl/c-1/istio-proxy.log", tarfile.REGTYPE),
            ("curl/c-1/istio-proxy.log", tarfile.SYMTYPE),
            ("curl/c-2/istio-proxy.log", tarfile.CHRTYPE),
            ("curl/c-3/istio-proxy.log", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)


def _saved(name: str, content: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        shutil.copytree(_SAMPLE, path)
        (path / name).write_text(content)

    return make


_DEEP = "[" * 100_000 + "]" * 100_000
_BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
INPUTS: dict[str, Callable[[Path], object]] = {
    "a device": _device,
    "a folder": Path.mkdir,
    "a pipe nobody writes to": os.mkfifo,
    "a link to itself": lambda path: path.symlink_to(path),
    "a folder with a loop": _loop,
    "folders 1,100 levels deep": _deep_folders,
    "nothing": lambda path: None,
    "empty": _text(""),
    "JSON 100,000 levels deep": _text(_DEEP),
    "a number of 5,000 digits": _text('{"schema_version": ' + "9" * 5000 + "}"),
    "NaN": _text('{"schema_version": NaN}'),
    "keys twice": _text('{"objects": [], "objects": 5}'),
    "lone surrogates": _text('{"\\ud800": "\\udfff"}'),
    "UTF-16": _bytes('{"schema_version": 1}'.encode("utf-16")),
    "a YAML bomb": _text(_BOMB),
    "a tag of Python": _text('!!python/object/apply:os.system ["touch owned"]'),
    "an invalid time": _text("kind: 2026-99-99T99:99:99Z"),
    "more than 1 MiB": _text("a.example.com\n" * 100_000),
    "more than 16 MiB": _text("# a comment\n" * 1_500_000),
    "300 MB of zeros in gzip": lambda path: path.write_bytes(_zeros()),
    "gzip cut off": _bytes(gzip.compress(_LOG.read_bytes())[:-9]),
    "gzip and garbage": _bytes(gzip.compress(_LOG.read_bytes()) + b"secret"),
    "tar of special files": _tar,
    "tar damaged": _bytes(b"x" * 257 + b"ustar" + b"x" * 500),
    "a zip": _bytes(b"PK\x03\x04" + b"\0" * 600),
    "probes nested deeply": _saved("probes.json", _DEEP),
    "probes without a field": _saved("probes.json", '{"schema_version": 1}'),
    "a snapshot in another form": _saved("mesh.json", "[]"),
    "a collection in another form": _saved("collection.json", '{"schema_version": "x"}'),
    "a collection nested deeply": _saved("collection.json", _DEEP),
}


def _zeros() -> bytes:
    return gzip.compress(bytes(300_000_000), 1)


_USAGE = "Usage: … Error: Invalid value for"

ROWS = rows("""
    a device | audit --mesh          | 1 | no audit was performed: DIR/in cannot be read: it is a device / …
    a device | audit --policy        | 2 | error: the policy DIR/in cannot be read: it is a device
    a device | audit                 | 1 | no audit was performed: in cannot be read: it is a device / …
    a device | analyze --mesh        | 1 | no audit was performed: DIR/in cannot be read: it is a device / …
    a device | analyze -f            | 2 | error: DIR/in cannot be read: it is a device
    a device | parse                 | 1 | read 0 logs: … / no audit was performed: DIR/in cannot be read: it is a device / …
    a device | parse --format @      | 2 | error: --format @DIR/in cannot be read: it is a device
    a device | explain               | 1 | no audit was performed: cannot read DIR/in: it is a device
    a device | policy check          | 2 | error: the policy DIR/in cannot be read: it is a device
    a device | verify --trust        | 2 | error: the trust DIR/in cannot be read: it is a device
    a device | verify --hosts-file   | 2 | error: the hosts file DIR/in cannot be read: it is a device
    a device | verify --policy       | 2 | error: the policy DIR/in cannot be read: it is a device
    a device | verify --pod-template | 2 | error: DIR/in cannot be read: it is a device
    a device | verify --replay       | 2 | error: DIR/in is not a saved run of verify: it is a file / …
    a folder | analyze --mesh        | 2 | Usage: … is a directory.
    a folder | explain               | 2 | error: DIR/in is not a saved run of verify: it holds neither probes.json nor logs / …
    a folder | verify --trust        | 2 | error: the trust DIR/in cannot be read: it is a folder
    a folder | parse --format @      | 2 | error: --format @DIR/in cannot be read: it is a folder
    a folder | verify --replay       | 2 | error: DIR/in is not a saved run of verify: it holds neither probes.json nor logs / …
    a pipe nobody writes to | analyze --mesh | 1 | no audit was performed: DIR/in cannot be read: it is a pipe that nobody writes to / …
    a pipe nobody writes to | parse          | 1 | read 0 logs: … / no audit was performed: DIR/in cannot be read: it is a pipe that nobody writes to / …
    a pipe nobody writes to | audit          | 2 | error: audit cannot read the pipe DIR/in / Give it files: it reads the evidence twice.
    a folder with a loop | parse     | 1 | read 0 logs: … / passed over: 1 links / no audit was performed: no log was found at these paths / …
    folders 1,100 levels deep | parse      | 1 | read 0 logs: … / no audit was performed: DIR/in/a…a cannot be read: it is more than 64 levels deep / …
    folders 1,100 levels deep | audit      | 1 | no audit was performed: a…a cannot be read: it is more than 64 levels deep / …
    folders 1,100 levels deep | analyze -f | 2 | error: DIR/in cannot be read: its folders are nested too deeply
    a link to itself | parse         | 2 | error: DIR/in does not exist / …
    nothing  | explain               | 2 | error: DIR/in: no such file / …
    empty    | analyze --mesh        | 1 | no audit was performed: DIR/in cannot be read: it is not JSON (line 1, column 1) / …
    empty    | explain               | 1 | no audit was performed: DIR/in is not a JSON report (line 1, column 1) / …
    JSON 100,000 levels deep | analyze --mesh   | 1 | no audit was performed: DIR/in cannot be read: it is nested too deeply / …
    JSON 100,000 levels deep | explain          | 1 | no audit was performed: DIR/in is not a JSON report: nested too deeply, or a number too long / …
    JSON 100,000 levels deep | policy check     | 2 | error: the policy DIR/in has 1 error / DIR/in:1:17: this is nested more than 16 levels deep
    JSON 100,000 levels deep | analyze -f       | 2 | error: DIR/in:1: …
    JSON 100,000 levels deep | parse --format @ | 2 | error: --format @DIR/in is not YAML… / …
    JSON 100,000 levels deep | parse            | 0 | read DIR/in: 1 lines = 0 access (0 not clean) + 0 other + 1 unparsed
    a number of 5,000 digits | analyze --mesh   | 1 | no audit was performed: DIR/in cannot be read: a number in it is too large / …
    a number of 5,000 digits | parse --format @ | 2 | error: --format @DIR/in is not YAML… / …
    NaN             | analyze --mesh        | 1 | no audit was performed: mesh.json is not a mesh snapshot / …
    keys twice      | analyze --mesh        | 1 | no audit was performed: mesh.json is not a mesh snapshot / …
    keys twice      | policy check          | 2 | …duplicate key…
    lone surrogates | explain               | 1 | no audit was performed: DIR/in is not a report of egressaudit / …
    UTF-16          | analyze --mesh        | 1 | no audit was performed: DIR/in cannot be read: it is not UTF-8 / …
    UTF-16          | verify --hosts-file   | 2 | error: DIR/in:1: the file is not UTF-8
    UTF-16          | parse --format @      | 2 | error: --format @DIR/in cannot be read: it is not UTF-8
    a YAML bomb     | policy check          | 2 | error: the policy DIR/in has …
    a YAML bomb     | analyze -f            | 2 | error: DIR/in:…
    a YAML bomb     | parse --format @      | 2 | error: --format @DIR/in: …
    a tag of Python | parse --format @      | 2 | error: --format @DIR/in is not YAML… / …
    a tag of Python | policy check          | 2 | error: the policy DIR/in has 1 error / …
    an invalid time | parse --format @  | 2 | error: --format @DIR/in is not YAML… / …
    more than 1 MiB  | audit --policy       | 2 | error: the policy DIR/in cannot be read: it is larger than 1 MiB
    more than 1 MiB  | verify --hosts-file  | 2 | error: the hosts file DIR/in cannot be read: it is larger than 1 MiB
    more than 1 MiB  | parse --format @     | 2 | error: --format @DIR/in cannot be read: it is larger than 1 MiB
    more than 16 MiB | analyze -f           | 2 | error: DIR/in cannot be read: it is larger than 16 MiB
    more than 16 MiB | verify --pod-template | 2 | error: DIR/in cannot be read: it is larger than 16 MiB
    300 MB of zeros in gzip | parse         | 1 | read DIR/in: 1 lines = … / no audit was performed: DIR/in is broken after line 1: a line has no end within 256 MiB / …
    gzip cut off         | parse | 1 | read DIR/in: … / no audit was performed: DIR/in is broken after line 2: it was cut off: the compressed data has no end / …
    gzip and garbage     | parse | 1 | read DIR/in: … / no audit was performed: DIR/in is broken after line 2: the compressed data is damaged here, or something else follows it / …
    tar of special files | parse | 1 | read 0 logs: … / passed over: 2 devices and other special files, 1 links, 1 names that lead out of the archive / …
    tar damaged          | parse | 1 | read 0 logs: … / no audit was performed: DIR/in is broken: a header is broken / …
    a zip                | parse | 1 | read 0 logs: … / no audit was performed: DIR/in is a zip file, which is not supported / …
    probes nested deeply         | verify --replay | 1 | no audit was performed: DIR/in/probes.json cannot be read: it is nested too deeply / …
    probes without a field       | verify --replay | 1 | no audit was performed: DIR/in/probes.json is incomplete: … is missing
    a snapshot in another form   | verify --replay | 1 | no audit was performed: DIR/in/mesh.json does not hold a JSON object / …
    a collection in another form | audit           | 1 | no audit was performed: DIR/in/collection.json is not a collection that this version reads: … / …
    a collection nested deeply   | audit           | 1 | no audit was performed: DIR/in/collection.json is not a collection that this version reads: it is not JSON / …
    """)

OPTIONS = {
    "--since 999999d": "audit {place} --since 999999d -o json={place}/r.json",
    "--since in the year 1": "audit {place} --since 0001-01-01T00:00:00+14:00 -o json={place}/r.json",
    "--until in the year 9999": "audit {place} --until 9999-12-31T23:59:59-14:00 -o json={place}/r.json",
    "--until before --since": "audit {place} --since 1h --until 2h -o json={place}/r.json",
    "--memory-limit banana": "audit {place} --memory-limit banana -o json={place}/r.json",
    "--memory-limit 1KB": "audit {place} --memory-limit 1KB -o json={place}/r.json",
    "--memory-limit 1e999GB": "audit {place} --memory-limit 1e999GB -o json={place}/r.json",
    "--fail-coverage-below nan": "audit {place} --fail-coverage-below nan -o json={place}/r.json",
    "--fail-coverage-below inf": "audit {place} --fail-coverage-below inf -o json={place}/r.json",
    "--fail-coverage-below -1": "audit {place} --fail-coverage-below -1 -o json={place}/r.json",
    "--format of 6,000 operators": "parse {root}/CHANGELOG.md --format " + "%PROTOCOL%" * 6000,
    "--format of 300 operators": "parse {root}/CHANGELOG.md --format " + "%PROTOCOL%" * 300,
    "--format with a fraction of 30 digits": "parse {root}/CHANGELOG.md --format %START_TIME(%" + "9" * 30 + "f)%",
    "--format with a length of 5,000 digits": "parse {root}/CHANGELOG.md --format %REQ(X):" + "9" * 5000 + "%",
    "--columns with no such column": "parse {root}/CHANGELOG.md --columns line,\x1b[31mnone",
    "--scenario outside the scenarios": "lab run --scenario ../../x",
    "--as with a control character": "audit --as a\x1b[31mb --kubeconfig {place}/none -A --since 1m -o json={place}/r.json",
    "a control character in a path": "explain {place}/\x1b[31mred",
}

OPTION_ROWS = rows("""
    --since 999999d                        | audit   | 2 | Usage: … Error: Invalid value for '--since': '999999d' is longer ago than any log
    --since in the year 1                  | audit   | 2 | Usage: … Error: Invalid value for '--since': … is not between the years 1971 and 2200
    --until in the year 9999               | audit   | 2 | Usage: … Error: Invalid value for '--until': … is not between the years 1971 and 2200
    --until before --since                 | audit   | 2 | error: --until must be after --since / …
    --memory-limit banana                  | audit   | 2 | Usage: … Error: Invalid value for '--memory-limit': 'banana' is not a size such as 500MB or 1GB
    --memory-limit 1KB                     | audit   | 2 | Usage: … Error: Invalid value for '--memory-limit': '1KB' is not between 16MB and 999TB
    --memory-limit 1e999GB                 | audit   | 2 | Usage: … Error: Invalid value for '--memory-limit': '1e999GB' is not a size such as 500MB or 1GB
    --fail-coverage-below nan              | audit   | 2 | Usage: … Error: Invalid value for '--fail-coverage-below': 'nan' is not between 0% and 100%
    --fail-coverage-below inf              | audit   | 2 | Usage: … Error: Invalid value for '--fail-coverage-below': 'inf' is not between 0% and 100%
    --fail-coverage-below -1               | audit   | 2 | Usage: … Error: Invalid value for '--fail-coverage-below': '-1' is not between 0% and 100%
    --format of 6,000 operators            | parse   | 2 | error: --format cannot be read at column 1: it has 6000 operators, more than 256 / …
    --format of 300 operators              | parse   | 2 | error: --format cannot be read at column 1: it has 300 operators, more than 256 / …
    --format with a fraction of 30 digits  | parse   | 2 | error: --format cannot be read at column 1: %9… is not a fraction of a second, which has 1 to 9 digits / …
    --format with a length of 5,000 digits | parse   | 2 | error: --format cannot be read at column 1: the length of REQ(X) is 1000000000 or more / …
    --columns with no such column          | parse   | 2 | error: … / …
    --scenario outside the scenarios       | lab run | 2 | …
    --as with a control character          | audit   | 2 | error: --as …cannot be sent / …
    a control character in a path          | explain | 2 | error: DIR/\\x1b[31mred: no such file / …
    """)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_a_user_finds_in_an_input(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    _held(row, COMMANDS[row.command], INPUTS[row.fault], monkeypatch)


@pytest.mark.parametrize("row", OPTION_ROWS, ids=lambda row: row.fault)
def test_what_a_user_finds_of_an_option(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    _held(row, OPTIONS[row.fault], lambda _: None, monkeypatch)


def test_a_log_may_come_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_place() as place:
        pipe = place.folder / "in"
        os.mkfifo(pipe)
        writer = threading.Thread(target=lambda: pipe.write_bytes(_LOG.read_bytes()))
        writer.start()
        ran = _run(place.argv("parse {place}/in -o jsonl"), place, monkeypatch)
        writer.join()
    assert ran.code == 0
    assert ran.said == "read DIR/in: 2 lines = 1 access (0 not clean) + 1 other + 0 unparsed"
    assert json.loads(ran.out)["response_code"] == 200


def test_a_snapshot_may_come_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_place() as place:
        pipe = place.folder / "in"
        os.mkfifo(pipe)
        writer = threading.Thread(target=lambda: pipe.write_bytes((_SAMPLE / "mesh.json").read_bytes()))
        writer.start()
        ran = _run(place.argv("analyze --mesh {place}/in -o json"), place, monkeypatch)
        writer.join()
    assert json.loads(ran.out)["tool"]["name"] == "egressaudit", ran.err


def test_a_switch_of_the_environment_that_is_none_is_a_wrong_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRESSAUDIT_DEBUG", "banana")
    with a_place() as place:
        ran = _run(place.argv("explain {place}/in"), place, monkeypatch)
    assert (ran.code, "--debug" in ran.err, "Traceback" in ran.err) == (2, True, False)


def _held(row: Row, command: str, make: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch) -> None:
    with a_place(*reports_of(command)) as place:
        make(place.folder / "in")
        # The names of options hold what a format would take for a place.
        words = [word.replace("{place}", str(place.folder)).replace("{root}", str(ROOT)) for word in command.split(" ")]
        ran = _run(words, place, monkeypatch)
        # Not `rmtree`, which goes into itself for each level.
        subprocess.run(["rm", "-rf", str(place.folder / "in")], check=True)
        check(row, ran)


def _run(argv: list[str], place: Place, monkeypatch: pytest.MonkeyPatch) -> Ran:
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("TMPDIR", str(place.temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    out, err = _stream(), _stream()
    with open(os.devnull) as nothing:  # noqa: PTH123  as a shell opens it
        for name, stream in (("stdin", nothing), ("stdout", out), ("stderr", err)):
            monkeypatch.setattr(sys, name, stream)
        with _bounded():
            code = run_cli(argv)
    return Ran(place, code, _written(out), _written(err), ())


def _stream() -> TextIO:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8")


def _written(stream: TextIO) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


@contextmanager
def _bounded() -> Iterator[None]:
    """TimeoutError for what hangs; it is no error of the program, so that nothing there catches it."""

    def hanging(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"nothing came for {_PATIENCE} seconds")

    before = signal.signal(signal.SIGALRM, hanging)
    signal.alarm(_PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
