"""What a workload wrote, in Markdown (GitHub's): words, lists, tables and code that no reader takes for anything else.

In: text. Out: Markdown in which it stands in code spans, code blocks and character references: `inert("a|b")` is
`` `a`&#124;`b` ``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from egressaudit.report.safe import printable
from egressaudit.report.wording import RAW_LIMIT

_PLAIN = re.compile(r"\(?[A-Za-z]+(?:['-][A-Za-z]+)*\)?[,.;:]?|\(?[0-9]+(?:\.[0-9]+)?[,;:]?|%")
"""A number with a full stop or bracket after it would begin a list."""
_AROUND = re.compile(r"(\(?)(.+?)(\)?[,.;:]?)")
_APART = re.compile(r"([`|\\])")


def inert(text: str) -> str:
    """The words of the text so that no Markdown reader finds structure, HTML, a link or a mention in them.

    All but plain words and numbers goes into code spans, where nothing is taken for anything else: backslash escapes
    would still let `https://...` and `@name` become links. A backtick, a backslash and a bar have a meaning even there
    (https://github.github.com/gfm/#example-200), so they are character references between spans.
    """
    return " ".join(_word(word) for word in printable(text).split())


def short(text: str) -> str:
    """The same of the first 2000 characters, with a note of what is missing: a comment has no room for more."""
    return inert(printable(text, RAW_LIMIT))


def _word(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    around = _AROUND.fullmatch(word)
    before, middle, after = around.groups() if around else ("", word, "")
    parts = (part for part in _APART.split(middle) if part)
    spans = "".join(f"&#{ord(part)};" if _APART.fullmatch(part) else f"`{part}`" for part in parts)
    return f"{before}{spans}{after}"


def fenced(text: str) -> str:
    """A code block whose fence is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}\n"


def table_head(columns: Sequence[str]) -> str:
    """The first two lines of a table."""
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"


def table_row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(short, cells))} |\n"


def item(text: str) -> str:
    """A line of a list."""
    return f"- {short(text)}\n"
