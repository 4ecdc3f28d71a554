"""Faults of the evidence: a call that went through a working mesh, whose lines or objects are not what they were.

The lines are those of real Envoys; what is done to them is what a rotated file, a clock or a network does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from support.loop_breakages import working
from support.loop_mesh import LOOPS
from support.mesh import Manifest, obj

from egressaudit.model import CurlResult
from injected.fault import Change, Fault, Seen
from injected.meshes import HTTP, HTTPS, fault

_TIME = re.compile(r"^\[?(\S+Z)(?:\]|\t\w+\taccess\t)")
_MODES = ("istio-apis", "gateway-api", "ambient")


def faults() -> Iterator[Fault]:
    """All of them."""
    for mode in _MODES:
        for call in (HTTP, HTTPS):
            works = fault("x", "EC00", mode, working(mode), call)
            for name, code, change in _rows(mode):
                # What nobody can prove shows where the configuration is to say what is expected.
                expect = None if code == "EC91" else works.expect
                yield replace(works, name=f"{mode}-{name}-{call.scheme}", code=code, change=change, expect=expect)
    for call in (HTTP, HTTPS):
        works = fault("x", "EC00", "istio-apis", working("istio-apis"), call)
        yield replace(works, name=f"istio-apis-no-logs-{call.scheme}", code="EC73", change=_no_logs)


def _rows(mode: str) -> Iterator[tuple[str, str, Change]]:
    yield "not-written-yet", "EC71", _not_written
    yield "log-not-read", "EC72", lambda seen: seen.lines.pop(seen.via)
    yield "gateway-moved", "EC74", _moved
    yield "no-report", "EC90", lambda seen: _reports(seen, CurlResult())
    yield "unproven", "EC91", _unproven
    yield "range-unknown", "EC94", lambda seen: setattr(seen, "outside", ())
    yield "two-lines", "EC96", _two_lines
    yield "other-format", "EC78", _other_format
    if mode != "ambient":
        yield "client-from-header", "EC75", lambda seen: _other_client(seen, "198.51.100.9:0")
        yield "node-address", "EC76", _behind_node


def _access(lines: list[str]) -> list[int]:
    return [number for number, each in enumerate(lines) if _TIME.match(each)]


def _not_written(seen: Seen) -> None:
    """The logs have the lines of another call, and the gateway's has not yet this one's."""
    lines, own = seen.lines[seen.via], seen.lines[seen.source]
    for number in _access(lines):
        lines[number] = _elsewhen(lines[number], seen)
    own[:0] = [_elsewhen(own[number], seen) for number in _access(own)]


def _elsewhen(text: str, seen: Seen) -> str:
    """The line of a call of another client, a minute before."""
    other = text.replace(seen.probe.nonce, "0123456789abcdef")
    other = re.sub(r"(127\.\d+\.\d+\.\d+):(\d{5})\b", lambda m: f"{m[1]}:{_other_port(int(m[2]))}", other)
    # The counts of bytes stand before the duration, in both kinds of lines.
    counts = re.compile(r' "-" (\d+) (\d+) (\d+) ')
    other = counts.sub(lambda m: f' "-" {int(m[1]) + 7} {int(m[2]) + 11} {m[3]} ', other, count=1)
    for name, more in (("bytes_sent", 7), ("bytes_recv", 11)):
        other = re.sub(rf"{name}=(\d+)", lambda m, n=name, more=more: f"{n}={int(m[1]) + more}", other)
    return _later(other, -60)


def _other_port(port: int) -> int:
    return port + 20_000 if port < 40_000 else port - 20_000


def _later(text: str, seconds: float) -> str:
    found = _TIME.match(text)
    assert found is not None
    when = datetime.fromisoformat(found[1]) + timedelta(seconds=seconds)
    return text.replace(found[1], when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", 1)


def _moved(seen: Seen) -> None:
    """The gateway's pod was replaced after the call: the snapshot has another pod, at another address."""
    for each in seen.objects:
        if each["kind"] == "Pod" and each["metadata"]["namespace"] == "egress":
            each["metadata"]["name"] += "-new"
            each["metadata"]["creationTimestamp"] = (seen.probe.ended + timedelta(minutes=1)).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            )
            _readdress(seen.objects, each["status"]["podIPs"][0]["ip"], "10.0.0.99")
    seen.lines.pop(seen.via)
    seen.lines[replace(seen.via, pod=f"{seen.via.pod}-new")] = []


def _readdress(objects: list[Manifest], old: str, new: str) -> None:
    for each in objects:
        if each["kind"] == "Pod" and each["status"]["podIPs"][0]["ip"] == old:
            each["status"]["podIPs"][0]["ip"] = new
        for endpoint in each.get("endpoints", ()):
            endpoint["addresses"] = [new if address == old else address for address in endpoint["addresses"]]


def _reports(seen: Seen, result: CurlResult) -> None:
    seen.probe = replace(seen.probe, result=result)


def _unproven(seen: Seen) -> None:
    """The pod of the gateway or waypoint is a bare one: anybody could have made it."""
    for each in seen.objects:
        if each["kind"] == "Pod" and each["metadata"]["namespace"] == "egress":
            each["metadata"].pop("ownerReferences")
    kinds = ("Deployment", "ReplicaSet")
    seen.objects = [
        each
        for each in seen.objects
        if each["kind"] not in kinds or each["metadata"]["namespace"] != "egress"
    ]  # fmt: skip


def _two_lines(seen: Seen) -> None:
    """A second line of the gateway fits as well, and it went elsewhere."""
    lines = seen.lines[seen.via]
    for number in _access(lines):
        lines.append(re.sub(r"(127\.\d+\.\d+\.)180:", r"\g<1>181:", lines[number]))


def _other_format(seen: Seen) -> None:
    """The gateway has an access log format that nobody has told."""
    lines = seen.lines[seen.via]
    for number in _access(lines):
        lines[number] = re.sub(r"^\[(\S+)\] (.*)$", r"access: at \1 <\2>", lines[number])


def _other_client(seen: Seen, address: str) -> None:
    lines = seen.lines[seen.via]
    source = next(
        each["status"]["podIPs"][0]["ip"]
        for each in seen.objects
        if each["kind"] == "Pod" and each["metadata"]["name"] == LOOPS["istio-apis"]().source.name
    )
    for number in _access(lines):
        lines[number] = re.sub(rf"\b{re.escape(source)}:\d+", address, lines[number])


def _behind_node(seen: Seen) -> None:
    """The network gives connections of pods the address of their node."""
    addresses = [{"type": "InternalIP", "address": "10.9.0.1"}]
    seen.objects.append(obj("Node", "n1", "v1", status={"addresses": addresses}))
    _other_client(seen, "10.9.0.1:50123")


def _no_logs(seen: Seen) -> None:
    """No proxy of the mesh writes access lines: accessLogFile is not set."""
    for each in seen.objects:
        if each["kind"] == "ConfigMap":
            each["data"] = {"mesh": "{}"}
    for log, lines in seen.lines.items():
        seen.lines[log] = [each for each in lines if not _TIME.match(each)]
