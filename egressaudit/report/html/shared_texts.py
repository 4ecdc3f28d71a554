"""Texts of which a page has many that are alike, each once: rows of the page's JSON name them by number.

In: `texts.index("no rule leads the host to a gateway")`. Out: 17, the same each time; `texts.all[17]` is the text, made
harmless to look at. 0 is the empty text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from egressaudit.report.safe import printable


@dataclass(slots=True)
class SharedTexts:
    """The texts of one page."""

    all: list[str] = field(default_factory=lambda: [""])
    _known: dict[str, int] = field(default_factory=lambda: {"": 0})

    def index(self, text: str) -> int:
        """The number of a text."""
        number = self._known.get(text)
        if number is None:
            number = self._known[text] = len(self.all)
            self.all.append(printable(text))
        return number
