"""`egressaudit controls`: what each code of a finding means, and which controls of a framework an audit speaks to.

In: nothing, a code or a name, or a framework. Out: the catalogue, or one entry of it. Example: `egressaudit controls
EA101`, `egressaudit controls --framework nist-800-53 "SC-7(5)"`.
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
    from egressaudit.findings.frameworks.mapped_control import MappedControl

_FORMATS = names_of("controls")


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsOptions:
    """What `controls` was asked."""

    codes: tuple[str, ...]
    framework: str | None
    output: str


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE ...]")
@click.option(
    "--framework",
    metavar="NAME",
    help="List the controls of a compliance framework instead, e.g. nist-800-53 or pci-dss-v4.",
)
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True)
@taking(ControlsOptions)
def controls(options: ControlsOptions) -> int:
    """List the finding codes, or explain the ones you name.

    \b
    egressaudit controls
    egressaudit controls EA101
    egressaudit controls --framework nist-800-53
    """
    if options.framework is not None:
        to_stdout(_of_framework(options.framework, options))
        return ExitCode.PASS
    from egressaudit.findings import control_of
    from egressaudit.findings import controls as catalogue

    chosen = (control_of(code) for code in options.codes)
    to_stdout(shown(chosen, catalogue().values(), options.output, _listed, _explained))
    return ExitCode.PASS


def _of_framework(name: str, options: ControlsOptions) -> str:
    from egressaudit.findings.frameworks import control_in, framework

    of = framework(name)
    chosen = (control_in(name, each) for each in options.codes)
    return shown(chosen, of.controls, options.output, _mapped, _mapped_one)


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


def _mapped(every: Iterable[MappedControl]) -> str:
    rows = [("ID", "HOW", "TITLE")]
    rows += [(each.id, "assessed" if each.assessed else "supported", each.title) for each in every]
    return listed(rows)


def _mapped_one(each: MappedControl) -> str:
    proof = " or ".join(path.value for path in each.proof)
    parts = (
        ("section", each.section),
        ("decided", each.objective or "nothing: an audit is only a part of what shows it"),
        ("proven by", f"at least one flow that is {proof}" if proof else ""),
        ("covered", each.covers),
        ("not covered", each.leaves),
        ("against it" if each.assessed else "look at", ", ".join(each.codes)),
    )
    return f"{each.id} {each.title}\n\n" + "".join(
        f"{line}\n" for label, text in parts if text for line in folded(label, text)
    )
