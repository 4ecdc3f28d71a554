"""What the options of `verify` ask for: each host with what it says itself, and where it is sent from."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tools import SAMPLES

from egressaudit.cli.verify import verify
from egressaudit.cli.verify_asked import AskedFor, asked_for, own_choice
from egressaudit.cli.verify_options import VerifyOptions
from egressaudit.errors import UsageError

POLICY = str(SAMPLES / "whole-mesh" / "policy.yaml")


def options(*argv: str) -> VerifyOptions:
    with verify.make_context("verify", list(argv)) as context:
        return VerifyOptions(**context.params)


def asked(*argv: str) -> AskedFor:
    return asked_for(options(*argv))


def placed(*argv: str) -> list[str | None]:
    given = options(*argv)
    return [
        each.name or str(each.selector or "") or None
        for each in asked_for(given).placed("shop", own_choice(given, "shop"))
    ]


@pytest.mark.parametrize(
    ("argv", "urls"),
    [
        ("--host a.example", "http://a.example/"),
        ("--host a.example --port 443", "https://a.example/"),
        ("--host a.example --host b.example:443 --host a.example:80", "http://a.example/ https://b.example/"),
        ("--host a.example --host b.example:443 --port 8080", "http://a.example:8080/ https://b.example/"),
        ("--host a.example --host http://b.example/own --path /x", "http://a.example/x http://b.example/own"),
        ("--host a.example --host tcp://b.example:5432 --path /x", "http://a.example/x tcp://b.example:5432"),
        ("--host a.example --host http://b.example/ --scheme https", "https://a.example/ http://b.example/"),
    ],
)
def test_each_host_keeps_what_it_says_itself(argv: str, urls: str) -> None:
    assert [str(each) for each in asked(*argv.split()).targets] == urls.split()


def test_one_host_that_contradicts_an_option_is_a_slip() -> None:
    with pytest.raises(UsageError, match="contradict each other"):
        asked("--host", "a.example:80", "--port", "443")


def test_hosts_of_files_come_after_those_of_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("b.example\na.example\nc.example:443\n")
    found = asked("--host", "a.example", "--hosts-file", str(file), "--port", "8080")
    assert [str(each) for each in found.targets] == [
        "http://a.example:8080/",
        "http://b.example:8080/",
        "https://c.example/",
    ]


@pytest.mark.parametrize(
    ("argv", "sources"),
    [
        (["--host", "a.example"], [None]),
        (["--host", "a.example", "--from", "deploy/x", "--from", "a/b", "-l", "app=c"], ["deploy/x", "a/b", "app=c"]),
        (["--policy", POLICY], []),
        (["--policy", POLICY, "--from", "deploy/x"], ["deploy/x"]),
        (["--policy", POLICY, "--host", "a.example"], [None]),
        (["--hosts-file", POLICY], [None]),
    ],
)
def test_where_it_is_sent_from(argv: list[str], sources: list[str | None]) -> None:
    assert placed(*argv) == sources


def test_the_rules_of_a_policy_are_probed_unless_hosts_are_named() -> None:
    assert [each.name for each in asked("--policy", POLICY).rules] == ["payments-httpbin", "redhat-docs"]
    assert asked("--policy", POLICY, "--host", "a.example").rules == ()
    assert asked("--policy", POLICY).policy_text == Path(POLICY).read_bytes()
    # The hosts of a policy alone: what is expected is for the mesh to say.
    assert asked("--hosts-file", POLICY).policy is None


def test_a_dry_run_asks_about_the_same_hosts() -> None:
    found = asked("--policy", POLICY, "--hosts-file", POLICY, "--host", "a.example").hosts()
    assert [(host, str(target)) for host, target in found] == [
        ("a.example", "http://a.example/"),
        ("httpbin.org", "http://httpbin.org/"),
        ("docs.redhat.com", "http://docs.redhat.com/"),
    ]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "--host is missing"),
        (["--policy", POLICY, "--image", "x"], "--image is about the probe pod"),
        (["--host", "a.example", "--from", "deploy/x", "--image", "x"], "--image is about the probe pod"),
    ],
)
def test_what_cannot_be(argv: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        asked(*argv)
