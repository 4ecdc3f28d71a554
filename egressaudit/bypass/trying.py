"""The attempts carried out: from the source and from the changed pods, each with its control.

In: a `Scene`, the pods that could be made, and a `Sender`. Out: a `Battery`; nothing is judged here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from egressaudit.addresses import ip_of, port_of
from egressaudit.bypass import attempts
from egressaudit.bypass.attempt import NONCE, PORT, Asking, Attempt, Need, PositiveControl, Scene, Transport
from egressaudit.bypass.changed_pods import MadePods
from egressaudit.bypass.scene import ADDRESS_UNKNOWN, FEATURES_UNKNOWN, not_tried
from egressaudit.model import Battery, ObjectRef, Probe, Target, Tried
from egressaudit.probe.pod import CONTAINER
from egressaudit.probe.sending import Request, Sender, Sent, Unsent

_LONGEST = 10.0
"""Seconds for one attempt. A port that drops everything holds back the lines of all others of its command."""
_NOT_MADE = "its pod was not created"


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the attempts are made from, and which of them were named."""

    scene: Scene
    source: ObjectRef
    container: str
    named: frozenset[str]
    pods: MadePods
    names: Mapping[str, str]
    """The name of the changed pod of each attempt, by code."""
    in_mesh: Target
    """Where a changed pod connects to as its control."""


def tried_all(ground: Ground, sender: Sender, ordinary: Probe, admitted: str, say: Callable[[str], None]) -> Battery:
    """Every attempt of the catalogue, as far as it makes sense here."""
    limit = max(1.0, min(_LONGEST, (sender.deadline - time.monotonic()) / 3))
    planned = [_planned(attempt, ground, limit) for attempt in attempts().values()]
    requests = [each for plan in planned for each in (plan.request, plan.control) if each is not None]
    say(f"trying {sum(plan.request is not None for plan in planned)} ways around the gateway")
    probes: dict[str, Probe] = {ordinary.nonce: ordinary}
    unsent: dict[str, str] = {}
    for each in _sent(sender, requests, {plan.request.nonce for plan in planned if plan.request and plan.udp}):
        if isinstance(each, Unsent):
            unsent[each.request.nonce] = each.error.message
        else:
            probes[each.nonce] = each
    tried = []
    for plan in planned:
        nonce = plan.tried.nonce
        if nonce in probes:
            # Lines are judged as being about the host, whatever curl was given in its place.
            probes[nonce] = replace(probes[nonce], target=plan.about)
        failed = unsent.get(nonce, "")
        control = plan.tried.control if plan.tried.control in probes else ""
        known = replace(plan.tried, failed=failed, nonce="") if failed else plan.tried
        tried.append(replace(known, control=control))
    return Battery(
        target=ground.scene.target,
        source=ground.source,
        control=ordinary.nonce,
        tried=tuple(tried),
        probes=tuple(probes.values()),
        admitted=admitted,
    )


def _sent(sender: Sender, requests: list[Request], udp: set[str]) -> list[Sent]:
    """What became of the requests. Those over UDP wait long, so they share no command with others.

    curl keeps all connections of a command open until it ends, and proxies log a TCP connection when it ends.
    """
    alone = [each for each in requests if each.nonce in udp]
    waiting: list[Sent | BaseException] = []

    def wait() -> None:
        try:
            waiting.extend(sender.send(alone))
        except BaseException as error:  # noqa: BLE001  raised again below
            waiting.append(error)

    # A daemon: an interrupted run does not wait for curl.
    beside = threading.Thread(target=wait, name="egressaudit-udp", daemon=True)
    beside.start()
    sent = list(sender.send([each for each in requests if each.nonce not in udp]))
    beside.join(max(0.0, sender.deadline - time.monotonic()))
    for each in waiting:
        if isinstance(each, BaseException):
            raise each
        sent.append(each)
    return sent


@dataclass(frozen=True, slots=True)
class _Plan:
    tried: Tried
    about: Target
    request: Request | None = None
    control: Request | None = None
    udp: bool = False


def _planned(attempt: Attempt, ground: Ground, limit: float) -> _Plan:
    scene = ground.scene
    if why := not_tried(attempt, scene, ground.named):
        return _Plan(Tried(attempt.code, not_tried=why), scene.target)
    if Need.ADDRESS in attempt.needs and not scene.outside:
        return _Plan(Tried(attempt.code, failed=ADDRESS_UNKNOWN), scene.target)
    if not scene.features and attempt.needs & {Need.HTTP3, Need.TFTP}:
        return _Plan(Tried(attempt.code, failed=FEATURES_UNKNOWN), scene.target)
    pod = ground.source
    container = ground.container
    if attempt.pod is not None:
        name = ground.names.get(attempt.code, "")
        tried = Tried(attempt.code, asked=attempt.pod.words.replace(PORT, str(scene.target.port)))
        if refused := ground.pods.refused.get(name):
            return _Plan(replace(tried, refused=refused), scene.target)
        if name not in ground.pods.ready:
            return _Plan(replace(tried, failed=ground.pods.failed.get(name, _NOT_MADE)), scene.target)
        pod, container = ObjectRef(ground.source.namespace, name), CONTAINER
    asked = attempt.request(scene)
    request = Request(
        target=_connected_to(asked),
        pod=pod,
        container=container,
        # The last one counts: an attempt may have a limit of its own.
        options=("--max-time", f"{limit:.1f}", *asked.options),
        url=asked.url,
    )
    control = None
    if attempt.control is PositiveControl.SAME_POD:
        control = Request(target=ground.in_mesh, pod=pod, container=container)
    words = asked.words if attempt.pod is None else f"{asked.words} from a pod with {tried.asked}"
    known = Tried(
        attempt.code,
        asked=words.replace(NONCE, request.nonce),
        dialled=asked.dialled,
        nonce=request.nonce,
        control="" if control is None else control.nonce,
    )
    request = replace(request, url=request.url.replace(NONCE, request.nonce))
    return _Plan(known, asked.target, request, control, attempt.transport is Transport.UDP)


def _connected_to(asked: Asking) -> Target:
    """Where curl connects to: of two requests to one place, curl would use one connection twice."""
    if not asked.dialled:
        return asked.target
    ip, port = ip_of(asked.dialled), port_of(asked.dialled)
    assert ip is not None
    assert port is not None
    return replace(asked.target, host=ip, port=port)
