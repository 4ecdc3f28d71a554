"""What the line parser must know of the lines that it did not see: of Envoy's text, and what begins a block of lines.

Of `agent line, text line, LEFT, agent line, LEFT`, with LEFT what the lane did not take, the parser is told
before the first LEFT whether the text line is clean, and before the second what the agent line is: only the line
directly before can have begun what it belongs to.
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
    """The lines that a lane took of a block, for a parser that saw none of them."""

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
        # For each line the last one of text up to it.
        self._last = np.maximum.accumulate(np.where(self._what != self._NONE, np.arange(len(lines)), -1))
        self._told = -1
        self._is_other = np.zeros(len(lines), dtype=np.bool_)
        self._is_other[lines.others] = True

    def tell(self, parser: LineParser, line: int) -> None:
        """Tell of the last text line up to this one, if that is not told yet, and of this one if it is an agent's."""
        if line < 0:
            return
        if (last := int(self._last[line])) > self._told:
            parser.saw_text(self._source, clean=self._what[last] == self._CLEAN)
            self._told = last
        if self._is_other[line]:
            text = self._block.text(line, int(self._lines.starts[line]), int(self._lines.ends[line]))
            parser.saw_other(LogLine(self._source, int(self._numbers[line]), text), self._reporter)
