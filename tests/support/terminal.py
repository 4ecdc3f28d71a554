"""A terminal: a command under a pseudo-terminal, what it wrote, and what then stands on the screen."""

from __future__ import annotations

from support.tools import load_tool

_recordings = load_tool("recordings")
on_terminal = _recordings.on_terminal
Shown = _recordings.Shown
