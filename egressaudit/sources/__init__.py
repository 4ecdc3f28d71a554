"""Logs wherever they are kept (files, folders, archives, standard input) to lines; nothing is loaded as a whole.

locations ─▶ streams ─▶ archives ─▶ layouts ─▶ lines ─▶ wrappers
where        bytes      members     whose      text     as the proxy wrote it
                                          ╰──▶ blocks ─▶ bare_blocks: the same of many lines at once
"""

from egressaudit.sources.blocks import BLOCK, LineBlock
from egressaudit.sources.found_logs import Log, Origin, SourceLine, Sources, plain_line
from egressaudit.sources.layouts import reporter_of

__all__ = ["BLOCK", "LineBlock", "Log", "Origin", "SourceLine", "Sources", "plain_line", "reporter_of"]
