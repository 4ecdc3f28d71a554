"""Write docs/controls.md from the catalogue of findings: `python tools/controls_page.py`."""

from __future__ import annotations

from pathlib import Path

from egressaudit.cli.controls import outcome_words
from egressaudit.findings import RETIRED, controls
from egressaudit.findings.control import Control

FILE = Path(__file__).resolve().parent.parent / "docs" / "controls.md"

PARTS = {
    "EA1": "The path that traffic took",
    "EA2": "Who sent it, and what it called the host",
    "EA3": "Coverage and evidence",
    "EA4": "The policy and the mesh configuration",
}

HEAD = """\
# Controls

Every finding of `egressaudit audit` has a code. A code never changes its meaning and is never reused.
`egressaudit controls` lists them, `egressaudit controls EA101` (or `direct`) explains one, and `-o json` gives them to
programs. This page is made from the same catalogue.

What a finding can be:

- **FAIL**: a violation is proven. One that no waiver excuses makes the report FAIL.
- **INCONCLUSIVE**: something is not proven. Without a FAIL, one of these makes the report INCONCLUSIVE.
- **informational**: worth knowing; it changes no outcome.

The severity of EA101 to EA106 is that of the policy rule that decides; the one given here holds where no rule does.
Which lines prove a finding is its confidence; the words are explained in [evidence.md](evidence.md#confidence).

Retired codes: {retired}.
"""


def page() -> str:
    """The whole page."""
    text = HEAD.format(retired=", ".join(RETIRED) or "none") + "\n" + _table()
    for part, title in PARTS.items():
        text += f"\n## {part}xx: {title}\n"
        text += "".join(_section(each) for code, each in controls().items() if code.startswith(part))
    return text


def _table() -> str:
    rows = [("code", "name", "severity", "outcome", "what happened"), ("---",) * 5]
    rows += [
        (f"[{each.code}](#{anchor(each)})", each.name, each.severity.value, outcome_words(each), each.title)
        for each in controls().values()
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def anchor(each: Control) -> str:
    """The anchor that GitHub makes of the control's heading."""
    return f"{each.code}-{each.name}".lower()


def _section(each: Control) -> str:
    return f"""
### {each.code} {each.name}

{each.title[0].upper()}{each.title[1:]}. Severity {each.severity.value}; {outcome_words(each)}.

- **Seen.** {each.what}
- **Why it matters.** {each.why}
- **What to do.** {each.remedy}
- **Confidence.** {each.confidence[0].upper()}{each.confidence[1:]}

Not found:

    {each.passing}

Found:

    {each.failing}
"""


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
