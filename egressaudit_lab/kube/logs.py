"""GET pods/NAME/log: what a kubelet answers, streamed as it is written.

In: query parameters, e.g. `follow=true&tailLines=10&timestamps=true`. Out: stamped lines.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from egressaudit_lab.kube.kinds import POD
from egressaudit_lab.kube.refusal import bad_request, invalid
from egressaudit_lab.world import ContainerLog, Entry, Manifest

_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class LogOptions:
    """`v1.PodLogOptions`, as far as the lab has them."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: int | None = None
    """Nanoseconds since the epoch."""
    tail: int | None = None
    limit_bytes: int | None = None


def truth(text: str | None) -> bool:
    """A query parameter as Go's strconv.ParseBool reads it."""
    return text in {"1", "t", "T", "true", "TRUE", "True"}


def options_of(query: Mapping[str, str], pod: str) -> LogOptions:
    """The options of a request; Refusal 400 or 422 for values that Kubernetes refuses."""
    since = None
    if "sinceTime" in query and "sinceSeconds" in query:
        why = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        raise invalid(POD, pod, "sinceSeconds", why)
    if seconds := _number(query, "sinceSeconds", least=1):
        since = time.time_ns() - seconds * _SECOND
    if text := query.get("sinceTime"):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": {error}') from error
        # Whole seconds: the API server forwards it as RFC 3339 (pkg/registry/core/pod/strategy.go, LogLocation).
        since = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * _SECOND
    return LogOptions(
        follow=truth(query.get("follow")),
        previous=truth(query.get("previous")),
        timestamps=truth(query.get("timestamps")),
        since=since,
        tail=_number(query, "tailLines", least=0),
        limit_bytes=_number(query, "limitBytes", least=1),
    )


def _number(query: Mapping[str, str], name: str, *, least: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < least:
        raise bad_request(f'{name}: Invalid value: "{text}": must be at least {least}')
    return int(text)


def container_of(pod: Manifest, asked: str) -> str:
    """The container that is meant; Refusal 400 where it is not clear (pkg/registry/core/pod/strategy.go)."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    containers = [c["name"] for c in spec["containers"]]
    inits = [c["name"] for c in spec.get("initContainers") or []]
    if asked:
        if asked not in containers + inits:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(containers) == 1:
        return str(containers[0])
    message = f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]"
    if inits:
        message += f" or one of the init containers: [{' '.join(inits)}]"
    raise bad_request(message)


def previous_log_of(pod: Manifest, container: str, logs: Mapping[str, ContainerLog]) -> ContainerLog:
    """The log of the container's run before its last restart; Refusal 400 where it was not restarted."""
    if container not in logs:
        raise bad_request(f'previous terminated container "{container}" in pod "{pod["metadata"]["name"]}" not found')
    return logs[container]


def log_of(pod: Manifest, container: str, logs: Mapping[str, ContainerLog]) -> ContainerLog:
    """The container's log; Refusal 400 in the kubelet's words where it has none (pkg/kubelet/kubelet_pods.go)."""
    name = pod["metadata"]["name"]
    status = pod.get("status") or {}
    states = (status.get("containerStatuses") or []) + (status.get("initContainerStatuses") or [])
    waiting = {s["name"]: s.get("state", {}).get("waiting", {}).get("reason", "") for s in states}.get(container, "")
    if waiting or container not in logs:
        pulling = {"ErrImagePull", "ImagePullBackOff"}
        reason = "trying and failing to pull image" if waiting in pulling else waiting or "ContainerCreating"
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
    return logs[container]


async def send_log(request: web.Request, log: ContainerLog, options: LogOptions, cut_after: int) -> web.StreamResponse:
    """The finished response. With `cut_after` >= 0 the connection is closed after so many lines, without an end."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    if not options.follow:
        await response.prepare(request)
    sent = lines = 0
    async with aclosing(_texts(log, options)) as texts:
        async for text in texts:
            if lines == cut_after:
                break
            # Like a kubelet: following an empty log, not even the headers are sent before there is a first line.
            if not response.prepared:
                await response.prepare(request)
            room = len(text) if options.limit_bytes is None else options.limit_bytes - sent
            await response.write(text[:room])
            sent, lines = sent + len(text), lines + 1
            if len(text) >= room and options.limit_bytes is not None:
                break
            if lines == cut_after:
                break
    if 0 <= cut_after <= lines and request.transport is not None:
        request.transport.close()
    if not response.prepared:
        await response.prepare(request)
    return response


async def _texts(log: ContainerLog, options: LogOptions) -> AsyncGenerator[bytes, None]:
    async with aclosing(log.read(since=options.since, tail=options.tail, follow=options.follow)) as entries:
        async for entry in entries:
            yield _text(entry, timestamps=options.timestamps)


def _text(entry: Entry, *, timestamps: bool) -> bytes:
    if not timestamps:
        return entry.line + b"\n"
    seconds, rest = divmod(entry.nanoseconds, _SECOND)
    # Always nine digits (RFC3339NanoFixed, pkg/kubelet/kuberuntime/logs/logs.go).
    stamp = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z "
    return stamp.encode() + entry.line + b"\n"
