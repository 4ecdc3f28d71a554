"""What a snapshot keeps of a pod: no environment, no command, but a few switches of Istio's own containers.

In: a pod as the API server has it. Out: its containers' names and users, its addresses, its containers' runs, and
what `modes.redirection`, `logging.versions` and `control_planes` read of Istio's containers: flags, switches, the
proxy's image, and whom it asks for its configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.apis import CORE, Resource
from egressaudit.mesh.control_planes import DISCOVERY, control_plane_environment, istiod_environment
from egressaudit.mesh.marks import INIT
from egressaudit.mesh.modes.redirection import REDIRECTION_FLAGS, SWITCHES
from egressaudit.mesh.shapes import KEEP, Shape
from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.model import PROXY_CONTAINER

_OWN = (INIT, PROXY_CONTAINER)
# Whom a container runs as: the proxy's own user is not captured.
_USER = {"runAsUser": KEEP, "runAsGroup": KEEP}
# A Service may name a port of a container.
_CONTAINER = {"name": KEEP, "securityContext": _USER, "ports": {"name": KEEP, "containerPort": KEEP}}
_ENDED = {"startedAt": KEEP, "finishedAt": KEEP}
_RUN = {
    "name": KEEP,
    "restartCount": KEEP,
    "state": {"running": {"startedAt": KEEP}, "terminated": _ENDED},
    "lastState": {"terminated": _ENDED},
}

_POD = {
    "spec": {
        "nodeName": KEEP,
        "hostNetwork": KEEP,
        "serviceAccountName": KEEP,
        "securityContext": _USER,
        "containers": _CONTAINER,
        "initContainers": _CONTAINER,
        "ephemeralContainers": _CONTAINER,
    },
    "status": {
        "phase": KEEP,
        "podIP": KEEP,
        "podIPs": {"ip": KEEP},
        "hostIP": KEEP,
        "hostIPs": {"ip": KEEP},
        "conditions": {"type": KEEP, "status": KEEP},
        # Needed to tell a truncated log from a container that started late.
        "startTime": KEEP,
        "containerStatuses": _RUN,
        "initContainerStatuses": _RUN,
    },
}


def _with_redirection(pod: dict[str, Any], obj: Mapping[str, Any]) -> None:
    """Keep what Istio's containers were told to redirect: the mesh's own settings, which no annotation shows."""
    spec = table(obj.get("spec"))
    flags = next(
        (_flags(words(each.get("args"))) for each in rows(spec.get("initContainers")) if each.get("name") == INIT), []
    )
    for kept in rows(table(pod.get("spec")).get("initContainers")):
        if flags and isinstance(kept, dict) and kept.get("name") == INIT:
            kept["args"] = flags
    for part in ("initContainers", "containers"):
        said = [_switches(each) for each in rows(spec.get(part))]
        for kept, switches in zip(rows(table(pod.get("spec")).get(part)), said, strict=True):
            if switches and isinstance(kept, dict):
                kept["env"] = switches


def _with_proxy_image(pod: dict[str, Any], said: Mapping[str, Any]) -> None:
    """Keep what the proxy's image is called, in the spec and by the node: which version of Envoy it is."""
    for part, lists in (
        ("spec", ("containers", "initContainers")),
        ("status", ("containerStatuses", "initContainerStatuses")),
    ):
        for each in lists:
            images = [_proxy_image(container) for container in rows(table(said.get(part)).get(each))]
            for kept, image in zip(rows(table(pod.get(part)).get(each)), images, strict=True):
                if image and isinstance(kept, dict):
                    kept["image"] = image


def _proxy_image(container: Mapping[str, Any]) -> str:
    return text(container.get("image")) if container.get("name") == PROXY_CONTAINER else ""


def _switches(container: Mapping[str, Any]) -> list[dict[str, str]]:
    if container.get("name") not in (*_OWN, DISCOVERY):
        return []
    env = {text(each.get("name")): text(each.get("value")) for each in rows(container.get("env"))}
    if container.get("name") == DISCOVERY:
        return [{"name": name, "value": value} for name, value in istiod_environment(env).items()]
    kept = {name: env[name] for name in SWITCHES if env.get(name)} | control_plane_environment(env)
    return [{"name": name, "value": value} for name, value in kept.items()]


def _flags(args: tuple[str, ...]) -> list[str]:
    """The flags of istio-iptables that say whose outbound traffic it redirects, each with its value."""
    found: list[str] = []
    rest = iter(args)
    for flag in rest:
        if flag in REDIRECTION_FLAGS and (value := next(rest, None)) is not None:
            found += [flag, value]
    return found


RESOURCES = (
    Resource(
        CORE,
        ("v1",),
        "pods",
        "Pod",
        required=True,
        keep=Shape(_POD, further=(_with_redirection, _with_proxy_image)),
        without="whose an address is, and which proxies write logs, is not known",
    ),
)
