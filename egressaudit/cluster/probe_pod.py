"""The probe pod's life at the API server: created, waited for, removed.

In: a manifest and a deadline. Out: the ready pod, or PodNotReady with the reason, e.g. "ImagePullBackOff".
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.foreign_text import json_of, shown
from egressaudit.cluster.refusals import Action, Refused
from egressaudit.cluster.rest import Rest
from egressaudit.cluster.stream_socket import SocketStream
from egressaudit.errors import ClusterError, PodNotReady, PodRejected
from egressaudit.mesh.untyped import rows, table, text
from egressaudit.model import ObjectRef

Ready = Callable[[dict[str, Any]], bool | str]
"""True if a pod is ready; else why not, or False."""

_POLL = 0.5
_CONFLICT = 409
_ABSENT = 404
_REMOVING = 15.0
"""Seconds for the removal of a pod, all attempts together."""
_LONGEST_EVENT = 16 * 1024 * 1024
"""Bytes; etcd takes objects of up to 1.5 MiB."""

_HOPELESS = {
    "ErrImagePull": "Check the image's name and that the nodes may pull it; --image chooses another one.",
    "ImagePullBackOff": "Check the image's name and that the nodes may pull it; --image chooses another one.",
    "InvalidImageName": "Give a valid image name with --image.",
    "ErrImageNeverPull": "The node does not have the image and may not pull it. Choose another image with --image.",
    "CreateContainerConfigError": "Choose an image that does not run as root, with --image.",
    "CreateContainerError": "Choose an image that has `sleep` and `curl` with --image.",
    "RunContainerError": "Choose an image that has `sleep` and `curl` with --image.",
}
"""Reasons for a waiting container that won't go away within a run."""


def create_pod(rest: Rest, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The created pod; PodRejected if an admission webhook or policy refuses it."""
    meta = manifest["metadata"]
    namespace, name = str(meta["namespace"]), str(meta["name"])
    try:
        path = api_path("v1", "pods", namespace)
        return rest.request("POST", path, Action(("create",), "pods", namespace=namespace), body=manifest)
    except Refused as error:
        if error.status == _CONFLICT and "already exists" in error.server_message:
            # The name contains the run's id, so an earlier attempt, whose answer was lost, created it.
            return rest.get(api_path("v1", "pods", namespace, name), _get(ObjectRef(namespace, name)))
        if error.status == _ABSENT:
            raise PodNotReady(
                f"cannot create the probe pod: {error.server_message}", hint="Name a namespace that exists with -n."
            ) from error
        if error.status in (400, 403, 422):
            raise PodRejected(
                f"the cluster rejected the probe pod in namespace {namespace}: {error.server_message}",
                hint="Send from an existing workload, with --from or -l, or ask for an exception.",
                server_message=error.server_message,
            ) from error
        raise


def admitted_pod(rest: Rest, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """The pod as admission would make it, by a dry run; None if the server does not do that, or would refuse the pod.

    The refusal is said when the pod is created.
    """
    namespace = str(manifest["metadata"]["namespace"])
    action = Action(("create",), "pods", namespace=namespace)
    try:
        return rest.request("POST", api_path("v1", "pods", namespace), action, query={"dryRun": "All"}, body=manifest)
    except Refused:
        return None


def delete_pod(rest: Rest, ref: ObjectRef, grace: int) -> None:
    """Ask for a pod's removal; one that is gone already is fine.

    It has its own time, whatever deadline the run had: what was made must go also where the time is over.
    """
    action = Action(("delete",), "pods", namespace=ref.namespace, name=ref.name)
    path = api_path("v1", "pods", ref.namespace, ref.name)
    try:
        rest.request("DELETE", path, action, query={"gracePeriodSeconds": grace}, deadline=time.monotonic() + _REMOVING)
    except Refused as error:
        if error.status != _ABSENT:
            raise


def wait_pod(rest: Rest, ref: ObjectRef, ready: Ready, deadline: float) -> dict[str, Any]:
    """The pod as soon as it is ready; PodNotReady with the reason at the deadline, or when it can no longer be.

    By a watch; where that is refused or breaks off, by asking again.
    """
    why: bool | str = False
    pod: dict[str, Any] = {}
    try:
        for pod in _states(rest, ref, deadline):
            why = ready(pod)
            if why is True:
                return pod
            _give_up_if_hopeless(ref, pod)
    except Refused as error:
        if error.status != _ABSENT:
            raise
        raise PodNotReady(f"pod {ref} was deleted before it was ready") from error
    raise _not_ready(ref, pod, str(why or "it did not become ready"))


def _states(rest: Rest, ref: ObjectRef, deadline: float) -> Iterator[dict[str, Any]]:
    """The pod now and after each change, until the deadline; at least once."""
    path = api_path("v1", "pods", ref.namespace)
    while True:
        pod = rest.get(api_path("v1", "pods", ref.namespace, ref.name), _get(ref))
        yield pod
        left = deadline - time.monotonic()
        if left <= 0:
            return
        query: dict[str, str | int] = {
            "watch": "true",
            "fieldSelector": f"metadata.name={ref.name}",
            "resourceVersion": text(table(pod.get("metadata")).get("resourceVersion")),
            "timeoutSeconds": max(1, int(left)),
        }
        stream = SocketStream(
            rest.access, path, query, Action(("watch",), "pods", namespace=ref.namespace, name=ref.name)
        )
        try:
            with closing(stream):
                yield from _changes(stream, deadline)
        except (ClusterError, TimeoutError):
            # Forbidden, expired or cut: the next round asks again, and reports it if that fails too.
            pass
        left = deadline - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(_POLL, left))


def _changes(stream: SocketStream, deadline: float) -> Iterator[dict[str, Any]]:
    begun = b""
    for chunk in stream.chunks(max(0.1, deadline - time.monotonic()), math.inf):
        *lines, begun = (begun + chunk).split(b"\n")
        for line in lines:
            event = table(json_of(line))
            if event.get("type") not in ("ADDED", "MODIFIED", "BOOKMARK"):
                return
            if isinstance(event.get("object"), dict) and event.get("type") != "BOOKMARK":
                yield event["object"]
        if time.monotonic() > deadline or len(begun) > _LONGEST_EVENT:
            return


def _give_up_if_hopeless(ref: ObjectRef, pod: Mapping[str, Any]) -> None:
    status = table(pod.get("status"))
    if status.get("phase") in ("Failed", "Succeeded"):
        said = _reason(status)
        raise PodNotReady(f"pod {ref} ended before it was ready{f': {said}' if said else ''}", hint=_look(ref))
    for name, state in _containers(pod):
        waiting = table(state.get("waiting"))
        if (reason := text(waiting.get("reason"))) in _HOPELESS:
            message = shown(text(waiting.get("message")))
            said = f": {message}" if message else ""
            raise PodNotReady(f"container {name} of pod {ref} does not start: {reason}{said}", hint=_HOPELESS[reason])


def _not_ready(ref: ObjectRef, pod: Mapping[str, Any], why: str) -> PodNotReady:
    """The deadline has passed: what the pod's status says about the cause."""
    for condition in rows(table(pod.get("status")).get("conditions")):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return PodNotReady(
                f"pod {ref} was not scheduled to a node: {_reason(condition) or 'no reason is given'}",
                hint="Free capacity, or send from an existing workload, with --from.",
            )
    details = []
    for name, state in _containers(pod):
        for what in ("waiting", "terminated"):
            if (told := state.get(what)) is not None:
                said = _reason(table(told))
                details.append(f"container {name} is {what}{f' ({said})' if said else ''}")
    known = "; ".join(details)
    return PodNotReady(
        f"pod {ref} was not ready in time: {why}{f'; {known}' if known else ''}",
        hint=f"{_look(ref)} If it is only slow, use a longer --timeout.",
    )


def _reason(told: Mapping[str, Any]) -> str:
    """Reason and message of a status, as far as they are there."""
    return ": ".join(shown(text(told.get(key))) for key in ("reason", "message") if text(told.get(key)))


def _look(ref: ObjectRef) -> str:
    return f"`kubectl describe pod -n {ref.namespace} {ref.name}` says more as long as the pod exists."


def _containers(pod: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    status = table(pod.get("status"))
    for each in (*rows(status.get("initContainerStatuses")), *rows(status.get("containerStatuses"))):
        state = table(each.get("state"))
        done = table(state.get("terminated")).get("exitCode") == 0
        if not done:
            yield str(each.get("name")), state


def _get(ref: ObjectRef) -> Action:
    return Action(("get",), "pods", namespace=ref.namespace, name=ref.name)
