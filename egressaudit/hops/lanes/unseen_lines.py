"""What the line parser must know about the lines that a lane read in its place.

The parser reads only what the lane left, but what such a line means can depend on the lines before it. In: a block of
`agent, text, LEFT, agent, LEFT`. Out: before the first LEFT the parser is told whether the text line is clean (LEFT may
be its tail); before the second, what the agent line is (LEFT may continue its output). Only the line directly before
can have begun what a line belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from egressaudit.hops.lanes import Block, Taken
from egressaudit.hops.line_parser import LineParser
from egressaudit.model import LogLine, LogSource, Reporter
from egressaudit.sources import LineBlock, Origin


class TextLines:
    """The lines that a lane read of a block, for a parser that saw none of them."""

    _NONE, _CLEAN, _UNCLEAN = range(3)

    def __init__(
        self, origin: Origin, block: LineBlock, lines: Block, numbers: npt.NDArray[np.int64], taken: Sequence[Taken]
    ) -> None:
        self._source = origin.source or LogSource("", "", "")
        self._reporter = origin.reporter or Reporter.SIDECAR
        self._block, self._lines, self._numbers = block, lines, numbers
        self._what = np.zeros(len(lines), dtype=np.int8)
        for each in taken:
            if each.text:
                self._what[each.lines] = self._CLEAN if each.clean else self._UNCLEAN
        # `_last[n]`: the nearest text line at or before line n; -1 where there is none.
        self._last = np.maximum.accumulate(np.where(self._what != self._NONE, np.arange(len(lines)), -1))
        self._told = -1
        self._is_other = np.zeros(len(lines), dtype=np.bool_)
        self._is_other[lines.others] = True

    def tell(self, parser: LineParser, line: int) -> None:
        """Tell the parser of the nearest text line up to this one, once, and of this line if it is an agent's."""
        if line < 0:
            return
        if (last := int(self._last[line])) > self._told:
            parser.saw_text(self._source, clean=self._what[last] == self._CLEAN)
            self._told = last
        if self._is_other[line]:
            text = self._block.text(line, int(self._lines.starts[line]), int(self._lines.ends[line]))
            parser.saw_other(LogLine(self._source, int(self._numbers[line]), text), self._reporter)
