"""Signals that ask a run to end: one of them ends it once, at a time when it can clean up after itself.

In: SIGINT, SIGTERM, SIGHUP, SIGQUIT. Out: `Interruption` in the main thread; further signals disturb nothing.
Example: SIGTERM while a probe is sent raises `Interruption(15)`, which ends the run with exit code 143.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PATIENCE = 15.0
"""Seconds that cleaning up may take before a further signal interrupts it too."""
_SOON = 0.01
"""Seconds until an interruption is raised again that was lost in a callback."""


class Interruption(KeyboardInterrupt):
    """A signal; no `except Exception` of any library takes it for an error of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Signals:
    """What the process was asked. There is one, `SIGNALS`, as signals are the process's."""

    def __init__(self) -> None:
        self.received: int | None = None
        """The first signal."""
        self._raised: float | None = None
        self._holds = 0

    def listen(self) -> None:
        """From now on signals are noticed, and held until `release`. What is ignored already stays so: nohup."""
        self._holds = 1
        for number in NUMBERS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on)
        signal.signal(signal.SIGALRM, self._again)
        sys.unraisablehook = self._unraisable

    def release(self) -> None:
        """The run has begun, and can be interrupted, or it is over: raises Interruption if a signal came meanwhile.

        Also if it was raised before: then a library has swallowed it.
        """
        self._holds, self._raised = 0, None
        self._obey()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing interrupts the block, which cleans up; what came meanwhile is raised at its end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        self._obey()

    def ignore(self) -> None:
        """The exit code is decided."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in NUMBERS:
            signal.signal(number, signal.SIG_IGN)

    def _on(self, number: int, _frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
        elif self._raised is not None and monotonic() - self._raised > _PATIENCE:
            self._raised = None
        self._obey()

    def _obey(self) -> None:
        if self.received is not None and self._raised is None and not self._holds:
            self._raised = monotonic()
            raise Interruption(self.received)

    def _again(self, _number: int, _frame: FrameType | None) -> None:
        self._raised = None
        self._obey()

    def _unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """What was raised in a finalizer or a callback of C is lost; an interruption must not be."""
        if isinstance(lost.exc_value, Interruption):
            signal.setitimer(signal.ITIMER_REAL, _SOON)
        else:
            sys.__unraisablehook__(lost)


SIGNALS = Signals()
