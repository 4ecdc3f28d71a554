"""How far a run is, for whoever waits for it.

In: what the run does, and how much of it is done. Out: a text that has the numbers too.
Example: `RunStep("collecting logs", 3, 211)` reads `collecting logs: 3 of 211`.
"""

from __future__ import annotations

from typing import Self


class RunStep(str):
    """A sentence on what is being done, for every `say` that takes sentences; a bar takes its numbers.

    `total` is None where nobody knows how much there is to do. `size` says that both numbers are bytes, of `logs` logs.
    """

    __slots__ = ("done", "logs", "name", "size", "total")

    name: str
    done: int
    total: int | None
    size: bool
    logs: int

    def __new__(cls, name: str, done: int, total: int | None, *, size: bool = False, logs: int = 0) -> Self:
        """A step with its numbers."""
        step = super().__new__(cls, f"{name}: {done} of {total if total is not None else '?'}")
        step.name, step.done, step.total, step.size, step.logs = name, done, total, size, logs
        return step
