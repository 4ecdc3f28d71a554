"""What the careful lane must know of the lines that it did not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from egressaudit.columnar import Taken
from egressaudit.model import LogSource
from egressaudit.parse import LineParser


class TextLines:
    """The lines of Envoy's text that the fast lanes took of a block, for a parser that saw none of them."""

    _NONE, _CLEAN, _UNCLEAN = range(3)

    def __init__(self, lines: int, taken: Sequence[Taken]) -> None:
        self._what = np.zeros(lines, dtype=np.int8)
        for each in taken:
            if each.text:
                self._what[each.lines] = self._CLEAN if each.clean else self._UNCLEAN
        # For each line the last one of text up to it.
        self._last = np.maximum.accumulate(np.where(self._what != self._NONE, np.arange(lines), -1))
        self._told = -1

    def tell(self, parser: LineParser, source: LogSource, line: int) -> None:
        """Tell of the last text line up to this one, if that is not told yet."""
        if line >= 0 and (last := int(self._last[line])) > self._told:
            parser.saw_text(source, clean=self._what[last] == self._CLEAN)
            self._told = last
