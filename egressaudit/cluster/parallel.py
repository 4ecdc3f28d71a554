"""Several requests at the same time, which an error or an interruption ends at once.

In: items, and what is asked of the cluster for each. Out: the answers in the order of the items, or the first error.
Example: of forty kinds, eight are listed at once; where one may not be, those not begun are not asked for any more.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

THREADS = 8

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def in_parallel(ask: Callable[[_Item], _Answer], items: Iterable[_Item]) -> list[_Answer]:
    """The answer to each item; raises what `ask` raises, without waiting for the requests under way.

    The threads are daemons, as those of an executor are not: a run that is interrupted ends before their time limits.
    """
    waiting = deque(enumerate(items))
    answers: list[Any] = [None] * len(waiting)
    done: queue.SimpleQueue[tuple[int, object, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                number, item = waiting.popleft()
            except IndexError:
                return
            try:
                done.put((number, ask(item), None))
            except BaseException as error:  # noqa: BLE001  raised where it is waited for
                done.put((number, None, error))

    for number in range(min(THREADS, len(waiting))):
        threading.Thread(target=work, name=f"egressaudit-ask-{number}", daemon=True).start()
    try:
        for _ in answers:
            number, answer, error = done.get()
            if error is not None:
                raise error
            answers[number] = answer
    finally:
        waiting.clear()
    return answers
