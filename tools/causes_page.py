"""Write docs/causes.md from the catalogue of causes: `python tools/causes_page.py`."""

from __future__ import annotations

from pathlib import Path

from egressaudit.causes import LEFT_OUT, cause_rules, causes
from egressaudit.cli.causes import mode_words
from egressaudit.model import Cause, Stage

FILE = Path(__file__).resolve().parent.parent / "docs" / "causes.md"

STAGES = {
    Stage.CAPTURED: ("Is it captured?", "any line of the proxy at the source"),
    Stage.KNOWN: ("Does that proxy know the host?", "the kind of its cluster, `dst.service` of a ztunnel"),
    Stage.STEERED: ("Is it sent to the gateway or waypoint?", "the host of that cluster, the tunnel of a ztunnel"),
    Stage.DELIVERED: ("Does the gateway or waypoint take it?", "flags and address of the source's line"),
    Stage.OUTSIDE: ("Does the host take it?", "flags and details of the last proxy's line"),
    Stage.EVIDENCE: ("Or do the logs not tell?", "what is missing, or proves nothing"),
}

HEAD = """\
# Causes

Why traffic did not go the way it should. Every verdict of `egressaudit verify` that is no PASS, and every group and
finding of `egressaudit audit` that is none, names its first cause: found from log lines *and* configuration, with what
excludes the causes that look the same. `egressaudit causes` lists them, `egressaudit causes EC26` (or `mesh-missing`)
explains one, `-o json` gives them to programs. This page is made from the same catalogue.

The questions are asked in this order, and the first that is answered with no has the cause:

{questions}
In a report:

- **cause** is the first cause, with the facts that show it.
- **or** is a look-alike of it that the evidence does not exclude: both are offered.
- **also** is another cause that was found, for a later stage or of another kind.
- **not** are the look-alikes that are excluded, each with what would be so if it were that one.
- **fix** and **at** say what to do, and in which field of which object.

How often the first cause is the true one, of faults that were injected by lot: [benchmarks](../benchmarks/README.md).

A code never changes its meaning and is never reused. Modes: `I` is sidecars with Istio's APIs, `G` sidecars with the
Gateway API, `A` ambient mode.

## Not looked for

{left_out}
"""


def page() -> str:
    """The whole page."""
    text = HEAD.format(questions=_questions(), left_out=_left_out()) + "\n## All causes\n\n" + _table()
    for stage, (question, _) in STAGES.items():
        rows = [rule.cause for rule in cause_rules() if rule.cause.stage is stage]
        text += f"\n## {question}\n"
        text += "".join(_section(each) for each in rows)
    return text


def _questions() -> str:
    rows = [("stage", "question", "deciding field"), ("---",) * 3]
    rows += [(stage.value, question, field) for stage, (question, field) in STAGES.items()]
    return _rows(rows)


def _left_out() -> str:
    return "".join(f"- **{code}**: {why}.\n" for code, why in LEFT_OUT.items())


def _table() -> str:
    rows = [("code", "stage", "modes", "what is wrong", "search for"), ("---",) * 5]
    rows += [
        (f"[{each.code}](#{anchor(each)})", each.stage.value, each.modes, each.title, ", ".join(each.search))
        for each in causes().values()
    ]
    return _rows(rows)


def _rows(rows: list[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows)


def anchor(each: Cause) -> str:
    """The anchor that GitHub makes of the cause's heading."""
    return f"{each.code}-{each.name}".lower()


def _section(each: Cause) -> str:
    unlike = "".join(
        f"\n  - [{other.code}](#{anchor(causes()[other.code])}) {causes()[other.code].title}: {other.fact}."
        for other in each.unlike
    )
    return f"""
### {each.code} {each.name}

{each.title[0].upper()}{each.title[1:]}. In {mode_words(each)}.

- **How it looks.** {each.looks[0].upper()}{each.looks[1:]}.
- **What tells it apart.** {unlike or "Nothing looks the same."}
- **The fix.** {each.remedy}{" As a manifest: `" + each.fix + "`." if each.fix else ""}
- **Search for.** {", ".join(f"`{word}`" for word in each.search) or "Nothing of Istio's or Kiali's is about it."}
- **Sources.** {", ".join(each.sources)}.
"""


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
