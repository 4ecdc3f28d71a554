"""Lines that are written without rich are what rich would write."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from egressaudit.report.safe import printable
from egressaudit.report.screen import Screen, console_for, trimmed
from egressaudit.report.screen_lines import clipped, field, line, styled

texts = st.one_of(st.text(alphabet=" ab-\t", max_size=90), st.text(max_size=90)).map(printable)


def written(text: str, head: str, width: int, *, by_rich: bool) -> bytes:
    out = StringIO()
    console = console_for(out, Screen(width=width), width=width)
    if by_rich:
        styled(console, Text(text), Text(head))
    else:
        line(console, text, head)
    return trimmed(out)


@given(text=texts, head=st.sampled_from(["", "  ", "  window    "]), width=st.sampled_from([40, 41, 80, 20_000]))
def test_a_line_that_fits_is_written_as_rich_writes_it(text: str, head: str, width: int) -> None:
    assert written(text, head, width, by_rich=False) == written(text, head, width, by_rich=True)


@pytest.mark.parametrize("text", ["a " * 100, "x" * 300, "日本語" * 50])
def test_a_field_of_few_rows_ends_with_an_ellipsis(text: str) -> None:
    out = StringIO()
    field(console_for(out, Screen(width=60), width=60), "window", text, most=2)
    assert len(out.getvalue().splitlines()) == 2
    assert out.getvalue().endswith("…\n")


@given(text=texts, width=st.integers(5, 80))
def test_clipping_says_that_it_clips(text: str, width: int) -> None:
    short = clipped(Text(text.expandtabs()), width)
    assert short.cell_len <= width
    assert short.plain == text.expandtabs().rstrip() or short.plain.endswith("…")
