"""`egressaudit controls`: what each code of a finding means.

In: nothing, a code or a name. Out: the catalogue, or one entry of it. Example: `egressaudit controls EA101`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from egressaudit.cli.catalogue_text import folded, listed, shown
from egressaudit.cli.options import taking
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode
from egressaudit.report.output_formats import names_of

if TYPE_CHECKING:
    from egressaudit.findings.control import Control

_FORMATS = names_of("controls")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsOptions:
    """What `controls` was asked."""

    codes: tuple[str, ...]
    output: str


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE ...]")
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True)
@taking(ControlsOptions)
def controls(options: ControlsOptions) -> int:
    """List the finding codes, or explain the ones you name.

    \b
    egressaudit controls
    egressaudit controls EA101
    """
    from egressaudit.findings import control_of
    from egressaudit.findings import controls as catalogue

    chosen = (control_of(code) for code in options.codes)
    to_stdout(shown(chosen, catalogue().values(), options.output, _listed, _explained))
    return ExitCode.PASS


def outcome_words(each: Control) -> str:
    """`FAIL`, `INCONCLUSIVE`, both, or `informational`."""
    return " or ".join("informational" if outcome is None else outcome.value for outcome in each.outcomes)


def _listed(every: Iterable[Control]) -> str:
    rows = [("CODE", "NAME", "SEVERITY", "WHAT HAPPENED")]
    rows += [(each.code, each.name, each.severity.value, each.title) for each in every]
    return listed(rows)


def _explained(each: Control) -> str:
    parts = (
        ("severity", each.severity.value),
        ("outcome", outcome_words(each)),
        ("seen", each.what),
        ("why", each.why),
        ("do", each.remedy),
        ("confidence", each.confidence),
        ("not found", each.passing),
        ("found", each.failing),
    )
    return f"{each.code} {each.name}: {each.title}\n\n" + "".join(
        f"{line}\n" for label, text in parts for line in folded(label, text)
    )
