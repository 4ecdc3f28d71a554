"""Retry until it works, or until there was no progress for too long.

In: a call and a `Backoff(60.0, ...)`. Out: its answer, or the last error after 60 seconds without progress.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from egressaudit.errors import ClusterError, Forbidden, LogRefused, Unauthorized

_BACKOFF = 0.2
_LONGEST_WAIT = 30.0

_Answer = TypeVar("_Answer")


class Backoff:
    """Waits between attempts, longer each time, until there was no progress for `patience` seconds."""

    def __init__(self, patience: float, stopping: threading.Event) -> None:
        self._patience = patience
        self._stopping = stopping
        self._began = time.monotonic()
        self._wait = _BACKOFF

    def wait(self, retry_after: float = 0.0, *, progress: bool = False) -> bool:
        """Wait before the next attempt; False if there should be none."""
        if progress:
            self._began, self._wait = time.monotonic(), _BACKOFF
        seconds = min(max(self._wait, retry_after), _LONGEST_WAIT)
        if time.monotonic() + seconds > self._began + self._patience:
            return False
        self._wait *= 2
        return not self._stopping.wait(seconds)


def persist(ask: Callable[[], _Answer], backoff: Backoff) -> _Answer:
    """The answer, after as many attempts as the backoff allows; else the last error is raised."""
    while True:
        try:
            return ask()
        except (Forbidden, Unauthorized):
            raise
        except LogRefused as error:
            if not (error.passing and backoff.wait(error.retry_after)):
                raise
        except ClusterError:
            if not backoff.wait():
                raise
