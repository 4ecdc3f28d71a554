"""The one policy of trying again: what passes is asked for again, less and less often, and not for ever.

In: a call and a `Backoff(60.0)`. Out: its answer, or the last error after 60 seconds without progress.
Example: the server answers 503 with `Retry-After: 1`. The request is sent again after one second.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from egressaudit.errors import ClusterError, Forbidden, LogRefused, Unauthorized

_FIRST_WAIT = 0.2
_LONGEST_WAIT = 30.0

_Answer = TypeVar("_Answer")


class Backoff:
    """Waits between attempts, each twice as long, until there was no progress for `patience` seconds.

    A wait is up to a quarter shorter, by chance: what failed together must not come back together. A server's own
    wish (`Retry-After`) is kept up to half a minute; where that does not fit into what is left, nothing is tried.
    """

    def __init__(self, patience: float, stopping: threading.Event | None = None, *, attempts: float = math.inf) -> None:
        self._patience = patience
        self._stopping = stopping or threading.Event()
        self._most = attempts
        self._progressed()

    def _progressed(self) -> None:
        self._began, self._wait, self._left = time.monotonic(), _FIRST_WAIT, self._most - 1

    def wait(self, retry_after: float = 0.0, *, progress: bool = False) -> bool:
        """Wait before the next attempt; False, at once, if there should be none."""
        if progress:
            self._progressed()
        usual = self._wait * random.uniform(0.75, 1.0)  # noqa: S311  no secret
        seconds = min(max(usual, retry_after), _LONGEST_WAIT)
        if self._left <= 0 or time.monotonic() + seconds > self._began + self._patience:
            return False
        self._left -= 1
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
