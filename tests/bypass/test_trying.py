"""The attempts carried out: which requests are sent, from where, and what is kept of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import pytest
from support.batteries import IP, ORDINARY, SCENE
from support.probes import START, curl

from egressaudit.bypass.attempt import Scene
from egressaudit.bypass.changed_pods import MadePods
from egressaudit.bypass.trying import Ground, tried_all
from egressaudit.errors import ExecFailed
from egressaudit.model import Battery, ObjectRef, Probe, Scheme, Target, Tried
from egressaudit.probe.sending import Request, Sender, Sent, Unsent

PODS = MadePods(
    created=frozenset({"p-ports", "p-nothing"}),
    ready={"p-ports": {}},
    refused={"p-false": "denied request: no"},
    failed={"p-nothing": "ImagePullBackOff"},
)
NAMES = {"EB21": "p-false", "EB23": "p-ports", "EB24": "p-nothing"}


class Recorder:
    """A sender that keeps what it is given, and answers all but what it is told to fail at."""

    @property
    def deadline(self) -> float:
        """Always far: tests are collected long before they run."""
        return time.monotonic() + 60

    def __init__(self, failing: frozenset[str] = frozenset()) -> None:
        self.sent: list[list[Request]] = []
        self._failing = failing

    def send(self, requests: Sequence[Request], max_redirects: int = 0) -> Iterator[Sent]:
        assert max_redirects == 0
        self.sent.append(list(requests))
        for each in requests:
            if each.url in self._failing or each.target.url in self._failing:
                yield Unsent(each, ExecFailed("the stream was cut"))
            else:
                yield Probe(each.nonce, each.target, each.pod, each.container, START, START, curl())


def carried_out(
    scene: Scene = SCENE, failing: str = "", sender: Recorder | None = None, features: str = "tftp"
) -> tuple[Battery, Recorder]:
    ground = Ground(
        scene=replace(scene, features=frozenset(features.split())),
        source=ObjectRef("curl", "curl-1"),
        container="app",
        named=frozenset(),
        pods=PODS,
        names=NAMES,
        in_mesh=Target("10.0.0.9", 8080, Scheme.TCP),
    )
    recorder = sender or Recorder(frozenset({failing} if failing else ()))
    said: list[str] = []
    battery = tried_all(ground, cast("Sender", recorder), ORDINARY.flow.probe, "curl/p", said.append)
    sent = sum(bool(each.nonce) for each in battery.tried) + bool(failing)
    assert said == [f"trying {sent} ways around the gateway"]
    return battery, recorder


def of(battery: Battery, code: str) -> Tried:
    [found] = [each for each in battery.tried if each.code == code]
    return found


def test_every_attempt_of_the_catalogue_is_accounted_for() -> None:
    battery, _ = carried_out()
    codes = [each.code for each in battery.tried]
    assert codes == sorted(set(codes))
    assert len(codes) == 19
    for each in battery.tried:
        said = [bool(each.nonce), bool(each.refused), bool(each.failed), bool(each.not_tried)]
        assert said.count(True) == 1, each


def test_udp_is_not_provable_where_curl_did_not_say_what_it_can_do() -> None:
    """Not "not tried", which counts for nothing: the battery would pass without a packet of UDP."""
    battery, _ = carried_out(features="")
    for code in ("EB05", "EB06"):
        tried = of(battery, code)
        assert (tried.failed, tried.not_tried) == ("curl --version did not say what the source's curl can do", "")


def test_the_probe_of_an_attempt_is_about_the_host_and_curl_was_given_its_address() -> None:
    battery, recorder = carried_out()
    tried = of(battery, "EB02")
    [request] = [each for part in recorder.sent for each in part if each.nonce == tried.nonce]
    assert (request.target.host, request.url) == (IP, f"http://{IP}/")
    assert (request.pod, request.container) == (ObjectRef("curl", "curl-1"), "app")
    [probe] = [each for each in battery.probes if each.nonce == tried.nonce]
    assert probe.target == SCENE.target
    assert tried.dialled == f"{IP}:80"


def test_every_attempt_has_a_limit_of_its_own_and_udp_a_shorter_one() -> None:
    battery, recorder = carried_out()
    sent = {each.nonce: each.options for part in recorder.sent for each in part}
    for each in battery.tried:
        if each.nonce:
            assert sent[each.nonce][:2] == ("--max-time", "10.0")
            assert "--max-time 10" not in each.asked
    udp = sent[of(battery, "EB06").nonce]
    assert udp[-2:] == ("--max-time", "3")


def test_udp_shares_no_command_with_others_and_its_mark_is_in_the_name_of_the_file() -> None:
    battery, recorder = carried_out()
    udp = of(battery, "EB06")
    alone = [part for part in recorder.sent if any(each.nonce == udp.nonce for each in part)]
    assert [[each.url for each in part] for part in alone] == [[f"tftp://{IP}:69/egressaudit-{udp.nonce}"]]
    assert udp.asked == f"tftp://{IP}:69/egressaudit-{udp.nonce} --tftp-no-options --max-time 3"


def test_a_changed_pod_sends_the_ordinary_request_and_its_control() -> None:
    battery, recorder = carried_out()
    tried = of(battery, "EB23")
    sent = [each for part in recorder.sent for each in part if each.pod.name == "p-ports"]
    assert [(each.target, each.container) for each in sent] == [
        (SCENE.target, "curl"),
        (Target("10.0.0.9", 8080, Scheme.TCP), "curl"),
    ]
    assert [each.nonce for each in sent] == [tried.nonce, tried.control]
    assert tried.asked.endswith('from a pod with traffic.sidecar.istio.io/excludeOutboundPorts: "80"')


def test_pods_that_were_refused_or_did_not_start_send_nothing() -> None:
    battery, recorder = carried_out()
    assert of(battery, "EB21").refused == "denied request: no"
    assert of(battery, "EB24").failed == "ImagePullBackOff"
    assert of(battery, "EB22").failed == "its pod was not created"
    assert {each.pod.name for part in recorder.sent for each in part} == {"curl-1", "p-ports"}


def test_without_an_address_the_attempts_that_need_one_could_not_be_carried_out() -> None:
    battery, _ = carried_out(replace(SCENE, outside=""))
    for code in ("EB01", "EB02", "EB06", "EB08", "EB09"):
        assert "proven to be outside" in of(battery, code).failed
    assert of(battery, "EB03").nonce


@pytest.mark.parametrize(
    ("failing", "code"), [("https://egressaudit.invalid/", "EB09"), ("http://docs.redhat.com:8080/", "EB03")]
)
def test_what_could_not_be_sent_has_no_probe_and_says_why(failing: str, code: str) -> None:
    battery, _ = carried_out(failing=failing)
    tried = of(battery, code)
    assert (tried.nonce, tried.failed) == ("", "the stream was cut")


def test_the_battery_names_the_ordinary_request_and_has_it() -> None:
    battery, _ = carried_out()
    assert battery.control == ORDINARY.flow.probe.nonce
    assert ORDINARY.flow.probe in battery.probes
    assert battery.admitted == "curl/p"


def test_an_interrupted_battery_does_not_wait_for_udp() -> None:
    released = threading.Event()

    class Slow(Recorder):
        def send(self, requests: Sequence[Request], max_redirects: int = 0) -> Iterator[Sent]:
            if any(each.url.startswith("tftp:") for each in requests):
                released.wait(30)
                return
            yield from super().send(requests, max_redirects)
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        carried_out(sender=Slow())
    assert time.monotonic() - began < 5
    released.set()


def test_an_error_of_the_udp_sender_is_raised() -> None:
    class Broken(Recorder):
        def send(self, requests: Sequence[Request], max_redirects: int = 0) -> Iterator[Sent]:
            if any(each.url.startswith("tftp:") for each in requests):
                raise RuntimeError("no thread")
            yield from super().send(requests, max_redirects)

    with pytest.raises(RuntimeError, match="no thread"):
        carried_out(sender=Broken())
