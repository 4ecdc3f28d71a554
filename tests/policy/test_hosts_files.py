"""The three forms of a hosts file, and every slip in one with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from egressaudit.errors import PolicyError, UsageError
from egressaudit.policy.hosts_files import HostsFile, read_hosts
from egressaudit.probe import parse_named

LIST = """
endpoints:
  - host: registry.redhat.io
    ports: [443]
  - host: cert-api.access.redhat.com
    ports:
      - 443
      - 80
    tlsDisabled: true
  - host: sts.${AWS_REGION}.amazonaws.com
    ports: [443, 5432]
"""
POLICY = """
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: p}
spec:
  rules: [{name: docs, to: {hosts: [docs.redhat.com, "*.quay.io"]}, via: direct}]
"""


def read(tmp_path: Path, text: str | bytes, **environment: str) -> HostsFile:
    file = tmp_path / "hosts"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_hosts(file, parse_named, environment)


def urls(found: HostsFile) -> list[str]:
    return [str(each) for each in found.targets]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docs.redhat.com", ["http://docs.redhat.com/"]),
        ("# all\n\ndocs.redhat.com:443   # manuals\r\n", ["https://docs.redhat.com/"]),
        ("a.example\nhttps://b.example/x#y\ntcp://c.example:5432\n", "http://a.example/ https://b.example/x tcp://c.example:5432"),
        ("a.example\na.example:80\nA.EXAMPLE.\n", ["http://a.example/"]),
        ("[2001:db8::1]:443\n192.0.2.7\n", "https://[2001:db8::1]/ http://192.0.2.7/"),
        ("\ufeffa.example\n", ["http://a.example/"]),
        # Ends of lines of other systems: no comment takes the next host with it.
        ("a.example # one\rb.example\r", "http://a.example/ http://b.example/"),
        ("a.example # one\u2028b.example\x0cc.example", "http://a.example/ http://b.example/ http://c.example/"),
    ],
)  # fmt: skip
def test_plain_lines(tmp_path: Path, text: str, expected: str | list[str]) -> None:
    assert urls(read(tmp_path, text)) == (expected.split() if isinstance(expected, str) else expected)


def test_an_egress_list_of_the_network_verifier(tmp_path: Path) -> None:
    assert urls(read(tmp_path, LIST, AWS_REGION="eu-west-1")) == [
        "https://registry.redhat.io/",
        "https://cert-api.access.redhat.com/",
        "http://cert-api.access.redhat.com/",
        "https://sts.eu-west-1.amazonaws.com/",
        "tcp://sts.eu-west-1.amazonaws.com:5432",
    ]


def test_a_policy_gives_its_rules(tmp_path: Path) -> None:
    [rule] = read(tmp_path, POLICY).rules
    assert [str(each) for each in rule.hosts] == ["docs.redhat.com", "*.quay.io"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.example\nb .example\n*.c.example\n", ["hosts:2: ", "hosts:3: ", "name one host that it covers"]),
        ("a.example\nhttp://u:secret@b.example/\n", ["hosts:2: ", "credentials are never sent"]),
        ("# nothing\n", ["names no host"]),
        (b"a.example\n\xff\n", ["hosts:2: the file is not UTF-8"]),
        (LIST, ["hosts:10: 'sts.${AWS_REGION}.amazonaws.com' needs $AWS_REGION"]),
        ("endpoints:\n- {host: a, ports: [0, x]}\n", ["hosts:2: port '0'", "hosts:2: port 'x'"]),
        ("endpoints:\n- {host: b}\n- 7\n", ["hosts:2: an endpoint needs", "hosts:3: an endpoint needs"]),
        ("endpoints: {a: b}\n", ["hosts:1: endpoints is not a list"]),
        ("x" * (1 << 20) + "x", ["larger than 1 MiB"]),
        ("\n".join(f"h{n}.example" for n in range(1001)), ["names 1001 hosts; a run takes at most 1000"]),
    ],
)  # fmt: skip
def test_every_slip_has_its_line(tmp_path: Path, text: str | bytes, said: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    whole = f"{caught.value.message}\n{caught.value.hint}"
    assert [each for each in said if each not in whole] == []
    assert "secret" not in whole


def test_a_broken_policy_has_its_own_errors(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="has 1 error"):
        read(tmp_path, POLICY.replace("direct", "dirct"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the hosts file .* cannot be read"):
        read_hosts(tmp_path / "none", parse_named)
