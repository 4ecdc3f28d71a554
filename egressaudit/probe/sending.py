"""Send the probes of a run: the first one, and one more for each redirect.

In: a `Sender`, e.g. from pod curl/curl-1, and a target. Out: each `Probe` with what curl said, as it is sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from egressaudit.model import Pod, Probe, Target
from egressaudit.probe.curl import curl_argv, new_nonce, read_result
from egressaudit.probe.redirect import redirect_target

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

_SPARE = 2.0
"""Seconds before the deadline that are kept for the log lines of the last probe."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Where probes are sent from, and how long they may take: seconds, the deadline by the monotonic clock."""

    cluster: Cluster
    pod: Pod
    container: str
    connect_timeout: float
    deadline: float

    def probes(self, first: Target, max_redirects: int) -> Iterator[Probe]:
        """The probe, and one for each redirect: curl itself never follows one, for a bypass would hide there."""
        target: Target | None = first
        before: str | None = None
        for _ in range(max_redirects + 1):
            if target is None:
                return
            probe = self._sent(target, before)
            yield probe
            target, before = redirect_target(probe.result, target), probe.nonce

    def _sent(self, target: Target, before: str | None) -> Probe:
        nonce = new_nonce()
        left = max(1.0, self.deadline - time.monotonic() - _SPARE)
        argv = curl_argv(target, nonce, min(self.connect_timeout, left), left)
        started = datetime.now(UTC)
        done = self.cluster.exec(self.pod.ref, self.container, argv, self.deadline)
        result = read_result(done.stdout, done.stderr, nonce)
        return Probe(
            nonce=nonce,
            target=target,
            source=self.pod.ref,
            container=self.container,
            started=started,
            ended=datetime.now(UTC),
            result=result,
            redirected_from=before,
        )
