"""Send probes: many at once, several in one exec, and one more for each redirect.

In: `Request`s, e.g. http://docs.example.com/ from container curl of pod curl/curl-1, with options of curl where wanted.
Out: each `Probe` with what curl said, as it comes back; `Unsent` for what could not be sent.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from egressaudit.errors import EgressAuditError
from egressaudit.model import CurlResult, ObjectRef, Probe, Target
from egressaudit.probe.curl import curl_argv, many_argv, new_nonce, read_result, seconds_taken, transfer_argv
from egressaudit.probe.redirect import redirect_target

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

_SPARE = 2.0
"""Seconds before the deadline that are kept for the log lines of the last probe."""
MOST_EXECS = 4
"""Commands that run at once."""
MOST_IN_ONE = 12
"""Probes in one command. It makes all of them at once, so that each begins when the command does."""
MOST_BYTES = 7000
"""Of one command in the URL of pods/exec: proxies before an API server commonly take 8 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One probe to be sent. `options` are given to curl after our own, e.g. `("--resolve", "a.example:443:192.0.2.1")`.

    The nonce is the mark by which its lines are found, and by which its `Probe` is told from others.
    """

    target: Target
    pod: ObjectRef
    container: str
    options: tuple[str, ...] = ()
    url: str = ""
    """What curl is given instead of the target's own URL; '' for that."""
    nonce: str = field(default_factory=new_nonce)
    redirected_from: str | None = None


@dataclass(frozen=True, slots=True)
class Unsent:
    """A request whose command could not be run, and why."""

    request: Request
    error: EgressAuditError


Sent = Probe | Unsent


@dataclass(frozen=True, slots=True)
class Sender:
    """How probes are sent, and how long they may take: seconds, the deadline by the monotonic clock."""

    cluster: Cluster
    connect_timeout: float
    deadline: float

    def send(self, requests: Sequence[Request], max_redirects: int = 0) -> Iterator[Sent]:
        """What became of each request, in the order in which they end; each redirect is one more probe.

        curl itself never follows a redirect, for a bypass would hide there. Any error that is not of one command ends
        all of it.
        """
        batches = deque(batched(requests, self.connect_timeout))
        done: queue.SimpleQueue[Sent | BaseException | None] = queue.SimpleQueue()

        def work() -> None:
            try:
                while (batch := _taken(batches)) is not None:
                    for each in self._chains(batch, max_redirects):
                        done.put(each)
                done.put(None)
            except BaseException as error:  # noqa: BLE001  raised again where the results are read
                done.put(error)

        running = min(MOST_EXECS, len(batches))
        for number in range(running):
            # Daemons: an interrupted run does not wait for curl.
            threading.Thread(target=work, name=f"egressaudit-probe-{number}", daemon=True).start()
        try:
            while running:
                match done.get():
                    case None:
                        running -= 1
                    case BaseException() as error:
                        raise error
                    case sent:
                        yield sent
        finally:
            batches.clear()

    def _chains(self, batch: Sequence[Request], max_redirects: int) -> Iterator[Sent]:
        """The probes of a batch, then those of their redirects, and so on."""
        for _ in range(max_redirects + 1):
            sent = [each for part in batched(batch, self.connect_timeout) for each in self._sent(part)]
            yield from sent
            asked = {each.nonce: each for each in batch}
            batch = [_redirected(each, asked[each.nonce]) for each in sent if isinstance(each, Probe) and _leads(each)]
            if not batch:
                return

    def _sent(self, batch: Sequence[Request]) -> list[Sent]:
        """What became of requests that one command makes."""
        try:
            probes = self._run(batch)
        except EgressAuditError as error:
            return [Unsent(each, error) for each in batch]
        in_time = time.monotonic() < self.deadline - _SPARE
        if len(batch) > 1 and in_time and all(each.result == CurlResult() for each in probes):
            # A curl that knows no parallel transfers, or whose reports have no exit code (before 7.75): one at a time.
            return [sent for each in batch for sent in self._sent([each])]
        return list(probes)

    def _run(self, batch: Sequence[Request]) -> list[Probe]:
        left = max(1.0, self.deadline - time.monotonic() - _SPARE)
        if len(batch) > 1:
            # One host that never answers holds back the reports of the others: leave time for their redirects.
            left /= 2
        limits = (min(self.connect_timeout, left), left)
        if len(batch) == 1:
            [only] = batch
            argv = curl_argv(only.target, only.nonce, *limits, only.options, only.url)
        else:
            transfers = [transfer_argv(each.target, each.nonce, *limits, each.options, each.url) for each in batch]
            argv = many_argv(transfers, MOST_IN_ONE)
        started = datetime.now(UTC)
        done = self.cluster.exec(batch[0].pod, batch[0].container, argv, self.deadline)
        ended = datetime.now(UTC)
        stderr = done.stderr if len(batch) == 1 else None
        return [
            Probe(
                nonce=each.nonce,
                target=each.target,
                source=each.pod,
                container=each.container,
                started=started,
                ended=end,
                result=read_result(done.stdout, stderr, each.nonce),
                redirected_from=each.redirected_from,
            )
            for each, end in zip(batch, _ends(done.stdout, batch, started, ended), strict=True)
        ]


def _ends(stdout: str, batch: Sequence[Request], started: datetime, ended: datetime) -> list[datetime]:
    """When each probe of a command ended. A slow one must not widen the time in which lines may be the others'.

    All of them begin together, and the command ends with the slowest.
    """
    longest = (ended - started).total_seconds()
    took = [seconds_taken(stdout, each.nonce) for each in batch]
    known = [min(each, longest) if each is not None else longest for each in took]
    return [ended - timedelta(seconds=max(known) - each) for each in known]


def batched(requests: Sequence[Request], connect_timeout: float = 5.0) -> list[list[Request]]:
    """The requests that one command makes: of one container, and never two to the same host and port.

    For those, curl would use one connection twice, and its socket could not be told to belong to one of them.
    """
    batches: list[list[Request]] = []
    room: list[int] = []
    for each in requests:
        size = _size(each, connect_timeout)
        number = next(
            (n for n, batch in enumerate(batches) if room[n] >= size and _goes_with(each, batch)), len(batches)
        )
        if number == len(batches):
            batches.append([])
            room.append(MOST_BYTES)
        batches[number].append(each)
        room[number] -= size
    return batches


def _taken(batches: deque[list[Request]]) -> list[Request] | None:
    """The next batch, None if there is none. Only here does an IndexError mean the end: elsewhere, probes were lost."""
    try:
        return batches.popleft()
    except IndexError:
        return None


def _goes_with(request: Request, batch: Sequence[Request]) -> bool:
    first = batch[0]
    ends = {(each.target.host, each.target.port) for each in batch}
    return (
        len(batch) < MOST_IN_ONE
        and (first.pod, first.container) == (request.pod, request.container)
        and (request.target.host, request.target.port) not in ends
    )


def _size(request: Request, connect_timeout: float) -> int:
    argv = transfer_argv(request.target, request.nonce, connect_timeout, 1000.0, request.options, request.url)
    return len(urlencode([("command", each) for each in argv]))


def _leads(probe: Probe) -> bool:
    return redirect_target(probe.result, probe.target) is not None


def _redirected(probe: Probe, request: Request) -> Request:
    target = redirect_target(probe.result, probe.target)
    assert target is not None
    return Request(
        target=target,
        pod=request.pod,
        container=request.container,
        options=request.options,
        redirected_from=probe.nonce,
    )
