"""What became of the lines of a run that came after its first probe was sent.

In: everything that was parsed, and how many lines each log had before. Out: counts, e.g. 2 read of which 1 access and 1
other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from egressaudit.hops.line_parser import Parsed
from egressaudit.model import LineCount, LogSource


def lines_since(parsed: Parsed, before: Mapping[LogSource, int]) -> dict[LogSource, LineCount]:
    """The account of each log without its first lines: those before the probe cannot be about it."""
    after = {
        source: replace(count, read=max(0, count.read - before.get(source, 0)), access=0, unclean=0, unparsed=0)
        for source, count in parsed.lines.items()
    }
    for hop in parsed.hops:
        source = hop.line.source
        if source in after and hop.line.number > before.get(source, 0):
            after[source] += LineCount(access=1, unclean=int(not hop.clean))
    for each in parsed.unparsed:
        source = each.line.source
        if source in after and each.line.number > before.get(source, 0):
            after[source] += LineCount(unparsed=1)
    return {source: replace(count, other=count.read - count.access - count.unparsed) for source, count in after.items()}
