"""Write the catalogue of docs/bypass.md: `python tools/bypass_page.py`. What stands before it is written by hand."""

from __future__ import annotations

from pathlib import Path

from egressaudit.bypass import attempts
from egressaudit.bypass.attempt import Attempt, PositiveControl
from egressaudit.model import DataplaneMode

FILE = Path(__file__).resolve().parent.parent / "docs" / "bypass.md"
BEGIN = "<!-- tools/bypass_page.py writes what follows -->\n"

_CONTROLS = {
    PositiveControl.STEERED: "the ordinary request",
    PositiveControl.SAME_POD: "the same pod, and an ordinary one",
}


def page() -> str:
    """The page with its catalogue as it is now."""
    before, found, _ = FILE.read_text(encoding="utf-8").partition(BEGIN)
    assert found, f"{FILE} lacks the line {BEGIN!r}"
    return before + BEGIN + "\n" + _table() + "".join(map(_section, attempts().values()))


def _table() -> str:
    rows = [("code", "name", "what it tries", "modes", "positive control"), ("---",) * 5]
    rows += [
        (f"[{each.code}](#{anchor(each)})", f"`{each.name}`", each.title, _modes(each), _CONTROLS[each.control])
        for each in attempts().values()
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def anchor(each: Attempt) -> str:
    """The anchor that GitHub makes of the attempt's heading."""
    return f"{each.code}-{each.name}".lower()


def _modes(each: Attempt) -> str:
    return ", ".join(mode.value for mode in DataplaneMode if mode in each.modes)


def _section(each: Attempt) -> str:
    change = "" if each.pod is None else f"- **Pod.** `{each.pod.words.replace('{port}', 'PORT')}`\n"
    named = "- **Only if named**: `--bypass-with " + each.name + "`.\n" if each.only_named else ""
    return f"""
### {each.code} {each.name}

{each.title[0].upper()}{each.title[1:]}.

- **Tries.** {each.tries}
{change}{named}- **Control.** {each.control.value[0].upper()}{each.control.value[1:]}.
- **What closes it.** {each.closed_by}
"""


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
