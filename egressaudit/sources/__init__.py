"""Logs wherever they lie: files, folders, archives and standard input to lines, nothing loaded whole.

streams ─▶ archives ─▶ layouts ─▶ lines ─▶ wrappers
bytes      members     whose      text     as the proxy wrote it
"""

from egressaudit.sources.layouts import PROXY, reporter_of
from egressaudit.sources.reading import Origin, SourceLine, Sources

__all__ = ["PROXY", "Origin", "SourceLine", "Sources", "reporter_of"]
