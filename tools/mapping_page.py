"""Write docs/control-mapping.md from the mapping of controls: `python tools/mapping_page.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from egressaudit.findings import controls
from egressaudit.findings.frameworks import FRAMEWORKS, framework
from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl

FILE = Path(__file__).resolve().parent.parent / "docs" / "control-mapping.md"

HEAD = """\
# Controls of compliance frameworks

Which controls the evidence of an audit touches, what of each it covers, and what it doesn't.
`egressaudit controls --framework NAME` lists them, and `egressaudit controls --framework NAME ID` explains one. A rule
of a policy names them in `controls`, as `framework/id`; reports repeat them. This page is made from
`egressaudit/findings/frameworks/`.

- **assessed**: a report can say whether a part of the control was met in its window. [OSCAL](oscal.md) results have a
  finding for it. Below is what must be proven, and which findings speak against it. Without a policy that says what is
  approved, no control is met.
- **supported**: a report is a part of the evidence that an auditor asks for, and decides nothing.

No report is enough for a control. It covers one window of time, and only outbound traffic of the mesh.

"""


def page() -> str:
    """The whole page."""
    every = [framework(name) for name in FRAMEWORKS]
    return HEAD + _table(every) + "".join("".join(_framework(each)) for each in every)


def _table(every: list[Framework]) -> str:
    rows = [("framework", "in a policy", "assessed", "supported"), ("---",) * 4]
    for each in every:
        assessed = [control.id for control in each.controls if control.assessed]
        supported = [control.id for control in each.controls if not control.assessed]
        rows.append((f"[{each.title}](#{anchor(each.title)})", f"`{each.name}/`", _list(assessed), _list(supported)))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _list(ids: list[str]) -> str:
    return ", ".join(ids) or "none"


def _framework(each: Framework) -> Iterator[str]:
    yield f"\n## {each.title}\n\n"
    yield f"- **Source.** {each.source}. <{each.url}>\n"
    yield f"- **Checked.** {each.verified[0].upper()}{each.verified[1:]}.\n"
    yield f"- **To know.** {each.remark}\n"
    for control in each.controls:
        yield "".join(_control(each, control))


def _control(of: Framework, each: MappedControl) -> Iterator[str]:
    yield f"\n### {each.id} {each.title}\n\n"
    yield f"`{of.key(each)}`, {'assessed' if each.assessed else 'supported'}. {each.section}.\n\n"
    if each.assessed:
        yield f"- **Decided.** {each.objective}\n"
        yield f"- **Proven by.** At least one flow that is {' or '.join(path.value for path in each.proof)}"
        yield " and that no rule names.\n" if each.by_default else ".\n"
    yield f"- **Covered.** {each.covers}\n"
    yield f"- **Not covered.** {each.leaves}\n"
    if each.codes:
        links = ", ".join(f"[{code}](controls.md#{anchor(f'{code} {controls()[code].name}')})" for code in each.codes)
        yield f"- **{'Against it' if each.assessed else 'Look at'}.** {links}\n"
    if each.part_of:
        yield f"- **Part of.** {', '.join(f'`{part}`' for part in each.part_of)} of the framework's OSCAL catalogue\n"


def anchor(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
