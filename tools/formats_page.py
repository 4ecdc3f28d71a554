"""Write docs/output-formats.md from the one list of output formats: `python tools/formats_page.py`."""

from __future__ import annotations

from pathlib import Path

from egressaudit.report.output_formats import FORMATS, names_of

FILE = Path(__file__).resolve().parent.parent / "docs" / "output-formats.md"
COMMANDS = ("verify", "audit", "analyze", "parse", "query", "causes", "controls", "lab list")
HEAD = """\
# Output formats

What `-o` takes, by command; **default** is what a command writes without `-o`. `tools/formats_page.py` writes this page
from the list in `egressaudit/report/output_formats.py`.

"""
TAIL = """
`verify`, `audit` and `analyze` take `-o` several times, and `-o FORMAT=FILE` writes to a file: `-o json=report.json`.
The keys and columns: [json.md](json.md) for `verify`, [audit-reports.md](audit-reports.md) for `audit`,
[analyze.md](analyze.md) for `analyze`, [hops.md](hops.md) for `parse`, [query.md](query.md) for `query`.
[oscal.md](oscal.md) describes the OSCAL document; [publish.md](publish.md) is about what code scanning, dashboards
and alerts read.

`html` is one file for a browser, which needs no network: [audit-reports.md](audit-reports.md#html) shows it.
"""


def page() -> str:
    """The whole page."""
    rows = [("format", "file", *COMMANDS), ("---",) * (2 + len(COMMANDS))]
    rows += [
        (f"`{each.name}`", f"`.{each.suffix}`", *(_offered(command, each.name) for command in COMMANDS))
        for each in FORMATS
    ]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows) + TAIL


def _offered(command: str, name: str) -> str:
    names = names_of(command)
    return "**default**" if name == names[0] else "yes" if name in names else ""


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
