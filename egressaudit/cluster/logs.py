"""A container's log as the kubelet serves it, line by line, each with its timestamp."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from egressaudit.cluster.access import Access
from egressaudit.cluster.refusals import Action
from egressaudit.cluster.streams import Stream
from egressaudit.model import LogSource

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; a longer line is left out and counted. Envoy's lines end far below, at its limit for headers."""


class LogStream:
    """One log, followed or to its present end. Iterate it once; `close` ends it from any thread."""

    def __init__(
        self,
        access: Access,
        source: LogSource,
        *,
        follow: bool,
        tail: int | None = None,
        since: datetime | None = None,
        since_seconds: int | None = None,
    ) -> None:
        query: dict[str, str | int] = {"container": source.container, "timestamps": "true"}
        if follow:
            query["follow"] = "true"
        if tail is not None:
            query["tailLines"] = tail
        if since is not None:
            # Whole seconds: the API server hands it on to the kubelet without a fraction (metav1.Time).
            query["sinceTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        if since_seconds is not None:
            query["sinceSeconds"] = since_seconds
        path = f"/api/v1/namespaces/{source.namespace}/pods/{source.pod}/log"
        action = Action(("get",), "pods/log", namespace=source.namespace, name=source.pod)
        self._stream = Stream(access, path, query, action)
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
        """Complete lines without their line end; a last one without line end is left out, as it may be half."""
        return self._lines(self._stream.chunks())

    def _lines(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        # Collected in a list and joined once: a line of many chunks must not be copied at each of them.
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
                continue
            if size <= LONGEST_LINE:
                yield b"".join(begun)
            else:
                self.too_long += 1
            yield from others[:-1]
            begun, size = [others[-1]], len(others[-1])
