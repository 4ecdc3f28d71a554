"""The hosts of a file: what `verify --hosts-file` reads.

A file is one of three: plain lines, each as `--host` takes it; a policy of ours; or the egress list of OpenShift's
network verifier (openshift/osd-network-verifier pkg/data/egress_lists/*.yaml). As there, port 80 of such a list is
HTTP, port 443 HTTPS and any other one TCP, and `${AWS_REGION}` stands for a variable of the environment
(egress_lists.go, EgressListToString). `tlsDisabled` there means that certificates are not checked; we check none.

In: a file. Out: a `HostsFile` with its targets, or the rules of a policy; UsageError has each error with file and line.
Example: the line `docs.redhat.com:443   # manuals` is the target https://docs.redhat.com/.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as File

from egressaudit.errors import UsageError
from egressaudit.model import Scheme, Target
from egressaudit.policy.loading import file_bytes, parse_policy
from egressaudit.policy.rules import PolicyRule
from egressaudit.policy.yaml_text import Document, read_yaml
from egressaudit.probe import parse_host

Parse = Callable[[str], Target]
"""A text as `--host` takes it to its target; UsageError says what cannot be understood."""

MOST_HOSTS = 1000
_SHOWN = 20
_YAML = re.compile(r"---|\{|[A-Za-z]\w*:(\s|$)")
"""How a document begins; a plain line never does, for nothing follows its colon but a port."""
_COMMENT = re.compile(r"(^|\s)#.*")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SCHEMES = {80: Scheme.HTTP, 443: Scheme.HTTPS}


@dataclass(frozen=True, slots=True)
class HostsFile:
    """The targets of a file in its order, and the rules of a policy, whose hosts take their ports from a mesh."""

    targets: tuple[Target, ...] = ()
    rules: tuple[PolicyRule, ...] = ()


@dataclass(frozen=True, slots=True)
class _Slip:
    line: int
    message: str


def read_hosts(file: File, parse: Parse, environment: Mapping[str, str] = os.environ) -> HostsFile:
    """The hosts of a file; UsageError if it cannot be read, or with every error in it as `FILE:LINE: message`."""
    data = file_bytes(file, "hosts file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}:{data.count(bytes([10]), 0, error.start) + 1}: the file is not UTF-8") from error
    first = next((line for line in text.splitlines() if _COMMENT.sub("", line).strip()), "")
    if not _YAML.match(first):
        found = list(_lines(text, parse))
    else:
        document = read_yaml(text)
        if not isinstance(document.value, dict) or "endpoints" not in document.value:
            return HostsFile(rules=parse_policy(data, str(file)).rules)
        found = list(_endpoints(document, environment))
    if slips := [each for each in found if isinstance(each, _Slip)]:
        lines = [f"{file}:{each.line}: {each.message}" for each in slips[:_SHOWN]]
        more = [f"... and {len(slips) - _SHOWN} more"] if len(slips) > _SHOWN else []
        count = "1 error" if len(slips) == 1 else f"{len(slips)} errors"
        raise UsageError(f"the hosts file {file} has {count}", hint="\n".join([*lines, *more]))
    targets = tuple(dict.fromkeys(each for each in found if isinstance(each, Target)))
    if not targets:
        raise UsageError(f"the hosts file {file} names no host", hint="Write one host in a line; # begins a comment.")
    if len(targets) > MOST_HOSTS:
        raise UsageError(f"the hosts file {file} names {len(targets)} hosts; a run takes at most {MOST_HOSTS}")
    return HostsFile(targets)


def _lines(text: str, parse: Parse) -> Iterator[Target | _Slip]:
    # Every end of a line that there is: a comment would take all that follows a lone "\r" with it.
    for number, line in enumerate(text.splitlines(), start=1):
        said = _COMMENT.sub("", line).strip()
        if said:
            yield _target(said, number, parse)


def _target(text: str, line: int, parse: Parse) -> Target | _Slip:
    try:
        return parse(text)
    except UsageError as error:
        return _Slip(line, error.message.replace("invalid --host ", "invalid host "))


def _endpoints(document: Document, environment: Mapping[str, str]) -> Iterator[Target | _Slip]:
    for problem in document.problems:
        yield _Slip(problem.line, problem.message)
    listed = document.value["endpoints"]
    if not isinstance(listed, tuple):
        yield _Slip(document.keys["endpoints",][0], "endpoints is not a list")
        return
    for number, each in enumerate(listed):
        line = document.values["endpoints", number][0]
        host = each.get("host") if isinstance(each, dict) else None
        ports = each.get("ports") if isinstance(each, dict) else None
        if not isinstance(host, str) or not isinstance(ports, tuple) or not ports:
            yield _Slip(line, "an endpoint needs a host and a list of ports")
            continue
        missing = [name for name in _VARIABLE.findall(host) if not environment.get(name)]
        if missing:
            yield _Slip(line, f"{host!r} needs ${missing[0]}: set it in the environment, e.g. {missing[0]}=us-east-1")
            continue
        whole = _VARIABLE.sub(lambda found: environment[found[1]], host)
        yield from (_endpoint(whole, port, line) for port in ports)


def _endpoint(host: str, port: object, line: int) -> Target | _Slip:
    if type(port) is not int or not 0 < port < 65536:
        return _Slip(line, f"port {str(port)[:40]!r} of {host} is not a number from 1 to 65535")
    return _target(host, line, lambda text: parse_host(text, port=port, scheme=_SCHEMES.get(port, Scheme.TCP)))
