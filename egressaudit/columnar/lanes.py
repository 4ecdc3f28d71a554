"""Which lane may take the lines of a block."""

from __future__ import annotations

from egressaudit.columnar.block import Block, Taken
from egressaudit.columnar.json_lane import json_lines
from egressaudit.columnar.text_lane import text_lines
from egressaudit.columnar.ztunnel_lane import ztunnel_lines
from egressaudit.model import Reporter


def take(block: Block, reporter: Reporter | None, columns: frozenset[str]) -> list[Taken]:
    """What the fast lanes took of a block of a log; `reporter` is None where nothing but the lines tells it.

    Each line is in one of the results or in none.
    """
    taken: list[Taken] = []
    if reporter is not Reporter.ZTUNNEL:
        taken += text_lines(block, columns)
    # Beside lines of text what is no text may be the rest of one: only the careful lane keeps account of that.
    if (block.begins == ord("[")).any():
        return taken
    if reporter is not Reporter.ZTUNNEL:
        taken += json_lines(block, columns)
    if reporter in (None, Reporter.ZTUNNEL) and (lines := ztunnel_lines(block, columns)) is not None:
        taken.append(lines)
    return taken
