"""`--bypass` and its options, checked before the cluster is contacted."""

from __future__ import annotations

from pathlib import Path

import pytest

from egressaudit.cli import run
from egressaudit.errors import ExitCode

VERIFY = ["verify", "--host", "docs.redhat.com", "--kubeconfig", "/nonexistent"]


Captured = pytest.CaptureFixture[str]


# One row: the options, and what is wrong with them.
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--bypass-with", "host-network"), "--bypass-address need --bypass"),
        (("--bypass-address", "192.0.2.1"), "--bypass-address need --bypass"),
        (("--no-bypass", "--bypass-with", "host-network"), "--bypass-address need --bypass"),
        (("--bypass", "--bypass-with", "root"), "unknown --bypass-with 'root'"),
        (("--bypass", "--bypass-with", "host-network,uid-0"), "unknown --bypass-with 'uid-0'"),
        (("--bypass", "--bypass-address", "docs.redhat.com"), "is not an IP address"),
        (("--bypass", "--bypass-address", "192.0.2.1:80"), "is not an IP address"),
        (("--bypass", "--dry-run"), "--bypass does not go with --dry-run"),
    ],
)
def test_what_cannot_be_is_a_usage_error(options: tuple[str, ...], error: str, capsys: Captured) -> None:
    code = run([*VERIFY, *options])
    output = capsys.readouterr().err
    assert code == ExitCode.USAGE, output
    assert error in output


@pytest.mark.parametrize(
    "options",
    [
        ("--bypass",),
        ("--bypass", "--bypass-with", "uid-1337,host-network"),
        ("--bypass", "--bypass-with", "uid-1337", "--bypass-with", "host-network"),
        ("--bypass", "--bypass-address", "2001:db8::7"),
    ],
)
def test_what_can_be_comes_to_the_cluster(options: tuple[str, ...], capsys: Captured) -> None:
    code = run([*VERIFY, *options])
    output = capsys.readouterr().err
    assert code == ExitCode.NOT_PERFORMED, output
    assert "kubeconfig" in output


def test_a_replay_takes_no_battery(tmp_path: Path, capsys: Captured) -> None:
    assert run(["verify", "--replay", str(tmp_path), "--bypass"]) == ExitCode.USAGE
    assert "bypass does not go with --replay" in capsys.readouterr().err
