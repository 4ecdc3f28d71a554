"""Several requests at the same time.

In: items, and what is asked of the cluster for each. Out: the answers in the order of the items, or the first error.
Example: of forty kinds, eight are listed at once; where one may not be, those not begun are not asked for any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS = 8

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


def in_parallel(ask: Callable[[_Item], _Answer], items: Iterable[_Item], threads: int = THREADS) -> list[_Answer]:
    """The answer to each item; raises what `ask` raises, once the requests under way have ended."""
    with ThreadPoolExecutor(threads, thread_name_prefix="egressaudit-ask") as pool:
        waiting = [pool.submit(ask, each) for each in items]
        try:
            return [each.result() for each in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
