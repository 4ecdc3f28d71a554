"""A container's log as the kubelet serves it, line by line, each with its timestamp.

In: a container, e.g. `LogSource("shop", "cart-1", "istio-proxy")`, and which part of its log.
Out: `b"2026-11-23T08:04:44.258000000Z [2026-11-23T08:04:44.257Z] ..."`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from egressaudit.cluster.access import ClusterAccess
from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.refusals import PASSING, Action, Refused
from egressaudit.cluster.stream_socket import SocketStream
from egressaudit.errors import ClusterError, LogRefused
from egressaudit.model import LogSource

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; a longer line is left out and counted. Envoy's lines end far below, at its limit for headers."""

_ENDLESS_LINE = 16 * LONGEST_LINE
"""Bytes without a line's end after which there is no hope of one."""
_SILENCE = 60.0
"""Seconds without a byte after which a log that is not followed counts as stuck: a kubelet only reads its file."""
_LEAST = 1024
"""Bytes that must come in each of those times: a byte a second is no log that is read from a file."""
_HEAD_BYTES = 64
"""More than a timestamp has, and no more of the line than its beginning."""


class LogStream:
    """One log, followed or to its present end. Iterate it once; `close` ends it from any thread."""

    def __init__(
        self,
        access: ClusterAccess,
        source: LogSource,
        *,
        follow: bool,
        tail: int | None = None,
        since: datetime | None = None,
        since_seconds: int | None = None,
        previous: bool = False,
        limit_bytes: int | None = None,
    ) -> None:
        query: dict[str, str | int] = {"container": source.container, "timestamps": "true"}
        if follow:
            query["follow"] = "true"
        if tail is not None:
            query["tailLines"] = tail
        if since is not None:
            # Whole seconds: the API server drops the fraction (metav1.Time).
            query["sinceTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        if since_seconds is not None:
            query["sinceSeconds"] = since_seconds
        if previous:
            query["previous"] = "true"
        if limit_bytes is not None:
            query["limitBytes"] = limit_bytes
        path = api_path("v1", "pods", source.namespace, source.pod, "log")
        action = Action(("get",), "pods/log", namespace=source.namespace, name=source.pod)
        self._stream = SocketStream(access, path, query, action)
        self._follow = follow
        self.too_long = 0
        """Lines left out so far because they are longer than `LONGEST_LINE`."""

    @property
    def asked(self) -> float | None:
        """When the request was sent (`time.monotonic`), None before: following an empty log, nothing comes back."""
        return self._stream.asked

    def close(self) -> None:
        """End it; an iteration that waits ends at once."""
        self._stream.close()

    def __iter__(self) -> Iterator[bytes]:
        """Complete lines without their newline; a last one without newline is left out, as it may be half."""
        return self._lines(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they come. LogRefused if a log that is not followed is not served."""
        if self._follow:
            yield from self._stream.chunks()
            return
        try:
            yield from self._stream.chunks(_SILENCE, _LEAST)
        except Refused as error:
            raise LogRefused(
                error.message,
                gone=error.status == 404,
                passing=error.status in PASSING,
                retry_after=error.retry_after,
            ) from error
        except TimeoutError as error:
            raise ClusterError(f"nothing, or next to nothing, arrived for {_SILENCE:.0f} seconds") from error

    def _lines(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        # Collect chunks in a list and join once: a line of many chunks must not be copied for each of them.
        begun: list[bytes] = []
        size = 0
        for chunk in chunks:
            first, *others = chunk.split(b"\n")
            size += len(first)
            if size <= LONGEST_LINE:
                begun.append(first)
            else:
                begun.clear()
            if not others:
                if size > _ENDLESS_LINE:
                    raise LogRefused(f"it has a line of more than {_ENDLESS_LINE // 1024**2} MiB")
                continue
            if size <= LONGEST_LINE:
                yield b"".join(begun)
            else:
                self.too_long += 1
            yield from others[:-1]
            begun, size = [others[-1]], len(others[-1])


def read_head(access: ClusterAccess, source: LogSource, *, previous: bool = False) -> bytes:
    """The first bytes of a log, as far as it is kept: a timestamp and the start of a line; b'' if it is empty."""
    stream = LogStream(access, source, follow=False, previous=previous, limit_bytes=_HEAD_BYTES)
    head = b""
    try:
        for chunk in stream.chunks():
            head += chunk
            if b" " in head:
                # The timestamp is complete, so an error after it does not matter.
                break
    finally:
        stream.close()
    return head[:_HEAD_BYTES]
