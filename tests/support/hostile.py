"""Text that a workload might write to break a report, and a report that is full of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from hypothesis import strategies as st

NASTY = (
    "\x1b[2J\x1b]8;;http://evil.example\x07x\x1b]8;;\x07",
    "\x1b[31mPASS\x07 [bold]x[/bold] [link=http://evil.example]y[/link] :smile:",
    "<script>alert(1)</script><b>&]]>--> &lt;",
    "a|b `c` ``d`` ~~e~~ **f** _g_ \\| \\` ![h](http://i) [j][k] @team #1 www.evil.example",
    "# x\n- y\n1. z\n```\n| a |\n|---|\n\n    code\n<!-- -->",
    "=cmd|'/c calc'!A1",
    "@SUM(1)\t+1\r-1",
    "\u202eevil\u2028\u2029 \udcff\ud800 \x00\x7f\x85 \ufffe\uffff \U000e0001",
    "日本語" * 30,
    "x" * 200,
    "https://evil.example/ mailto:a@b.example",
    "",
)
hostile = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet=st.sampled_from("`|\\<>[]()*_~#-+=.:!&@\"'{} \t\n\x1b\udcffab1"), max_size=30),
    st.text(alphabet=st.characters(), max_size=40),
)


def poisoned(value: Any, text: str) -> Any:
    """The same report with this text in every string that it has, whatever fields there are."""
    if isinstance(value, Enum | datetime):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(each, text) for each in value)
    if isinstance(value, Mapping):
        return {poisoned(key, text): poisoned(each, text) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: poisoned(getattr(value, each.name), text) for each in fields(value)})
    return value
