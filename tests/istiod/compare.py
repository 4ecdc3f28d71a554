"""istiod's answers against the route model's, call by call.

In: a case and istiod's answer to it. Out: `Disagreement`s, none if the model says the same: the act, the route, the
clusters with their shares, the reason, in the order of the choices.

What is compared is what both can say. The model has conditions in words, istiod's routes have matchers: of both counts
whether there is one. The model is told the address that the oracle dialed, which a call may leave open. Where istiod
leaves to chance which of several services a waypoint serves, the model says what becomes of the call with each, and
istiod must say one of these.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

import yaml

from egressaudit.mesh.objects import Objects
from egressaudit.mesh.routes.gateway import step as gateway_step
from egressaudit.mesh.routes.sidecar_proxy import step as sidecar_step
from egressaudit.mesh.routes.waypoint_step import SERVES, waypoint_step
from egressaudit.mesh.trim import trim
from egressaudit.mesh.world import World
from egressaudit.model import Act, Call, Choice, ObjectRef, Pod, Scheme, Step, Tls
from istiod.compare_services import of_services
from istiod.disagreement import Disagreement
from istiod.objects import GATEWAY_NAME, named

Case = Mapping[str, Any]
Answer = Mapping[str, Any]


class Said(NamedTuple):
    """One choice, as it is compared."""

    act: str
    route: str
    to: tuple[tuple[str, int], ...]
    conditional: bool
    reason: str
    authority: str
    tunnel: str


def disagreements(case: Case, answer: Answer) -> list[Disagreement]:
    """All of a case."""
    world = world_of(case, answer)
    return [*_of_proxies(world, case, answer), *of_services(world, case["id"], answer)]


def calls_of(answer: Answer) -> int:
    """How many answers are compared."""
    return sum(len(each["answers"]) for each in answer.get("proxies", ())) + len(answer.get("services", ()))


def world_of(case: Case, answer: Answer) -> World:
    """The world of a snapshot of the case; without what istiod's webhook refuses, for it is never there."""
    refused = {each["object"] for each in answer.get("refused", ())}
    kept = [each for each in case["objects"] if named(each) not in refused]
    config = {"mesh": yaml.safe_dump(case.get("mesh", {}))}
    kept.append(
        {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {"name": "istio", "namespace": "istio-system"},
            "data": config,
        }
    )
    return World.of(Objects.of([trim(json.loads(json.dumps(each))) for each in kept]))


# ---------------------------------------------------------------- proxies


def _of_proxies(world: World, case: Case, answer: Answer) -> Iterator[Disagreement]:
    for asked, answered in zip(case["proxies"], answer.get("proxies", ()), strict=True):
        pod = world.pods_by_name[ObjectRef(asked["namespace"], asked["name"])]
        for call, said in zip(asked["calls"], answered["answers"], strict=True):
            theirs = istiod_says(said)
            try:
                step = _STEPS[asked["kind"]](world, pod, as_call(call, said))
                ours, possible = model_says(step), model_allows(step)
            except Exception as error:  # noqa: BLE001  # Any of them is a disagreement.
                ours, possible = (f"raised {error!r}", []), []
            if theirs not in possible:
                where = f"{asked['namespace']}/{asked['name']} {json.dumps(call)}"
                classes = (_class(theirs), _class(ours))
                yield Disagreement(case["id"], asked["kind"], where, _line(theirs), _line(ours), classes)


def _waypoint(world: World, pod: Pod, call: Call) -> Step:
    return waypoint_step(world, ObjectRef(pod.namespace, pod.labels.get(GATEWAY_NAME, "")), call)


_STEPS: Mapping[str, Callable[[World, Pod, Call], Step]] = {
    "sidecar": sidecar_step,
    "router": gateway_step,
    "waypoint": _waypoint,
}


def as_call(call: Mapping[str, Any], said: Mapping[str, Any]) -> Call:
    """The call in the model's words."""
    return Call(
        call["host"], call["port"], Scheme(call["scheme"]), Tls(call.get("tls", "plaintext")), call.get("sni", ""),
        said.get("address", ""), call.get("path"), call.get("method"),
        # Inside mTLS there is a request that another proxy got at the port of its scheme (address.go, authority).
        call["host"] if call.get("tls") == "mtls" else "",
    )  # fmt: skip


Told = tuple[str, list[Said]]


def istiod_says(said: Mapping[str, Any]) -> Told:
    """An answer of the program: the listener and the choices."""
    found = [one for each in said["choices"] for one in _of_istiod(each)]
    return said.get("listener", ""), found


def _of_istiod(choice: Mapping[str, Any]) -> Iterator[Said]:
    reason, when = choice.get("reason", "").partition(" ")[0], bool(choice.get("when"))
    clusters = [each for each in choice.get("clusters", ()) if each["weight"]]
    total = sum(each["weight"] for each in clusters)
    there = tuple((each["name"], round(100 * each["weight"] / total)) for each in clusters if not each.get("missing"))
    route = choice.get("route", "")
    if there and len(there) < len(clusters):
        yield Said("refuse", route, (), True, "no-cluster", "", "")
    sends = choice["act"] == "send"
    rest = (choice.get("authority", ""), choice.get("tunnel", "")) if sends else ("", "")
    yield Said(choice["act"], route, there if sends else (), when, reason, *rest)


def model_says(step: Step) -> Told:
    """A step of the model, in the same words."""
    listener = step.listener
    return listener, [_of_model(each) for each in step.choices]


def model_allows(step: Step) -> list[Told]:
    """What istiod may say by the model: a single answer, or one for each outcome of what it leaves to chance.

    A run of choices with the same such conditions is an outcome; within it they are no conditions any more.
    """
    return [
        (step.listener, [_of_model(replace(each, when=tuple(set(each.when) - chance))) for each in choices])
        for chance, choices in groupby(step.choices, _chance)
    ] or [(step.listener, [])]


def _chance(choice: Choice) -> frozenset[str]:
    return frozenset(each for each in choice.when if SERVES in each)


def _of_model(choice: Choice) -> Said:
    sends = choice.act is Act.SEND
    reason = "fault" if choice.reason == "fault-abort" else choice.reason.partition(" ")[0]
    to = tuple((each.cluster, each.weight) for each in choice.to) if sends else ()
    rest = (choice.authority, getattr(choice, "tunnel", "")) if sends else ("", "")
    return Said(choice.act.value, choice.route, to, bool(choice.when), reason, *rest)


def _class(told: Told) -> str:
    listener, choices = told
    first = choices[0] if choices else None
    return f"{first.act} {first.reason}".strip() if first else listener.partition("(")[0]


def _line(told: Told) -> str:
    listener, choices = told
    return f"{listener}: {'; '.join(' '.join(str(part) for part in each if part) for each in choices)}"
