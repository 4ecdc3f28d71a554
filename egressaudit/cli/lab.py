"""`egressaudit lab`: run a mesh of real Envoy processes, and name the scenarios.

In: the name of a scenario and a command. Out: the exit code of the command, run beside the mesh.
Example: `egressaudit lab run --scenario ambient -- kubectl get pods -A`.
"""

from __future__ import annotations

from dataclasses import dataclass

import click

from egressaudit.cli.options import taking
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode
from egressaudit.report.output_formats import names_of

_FORMATS = names_of("lab list")


@click.group()
def lab() -> None:
    """Run a mesh of real Envoy processes on this machine, behind a stand-in Kubernetes API (Linux)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRunOptions:
    """What `lab run` was asked."""

    scenario: str
    command: tuple[str, ...]


@lab.command("run", context_settings={"ignore_unknown_options": True})
@click.option("--scenario", default="istio-apis", show_default=True, help="A scenario from `lab list`.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@taking(LabRunOptions)
def lab_run(options: LabRunOptions) -> int:
    """Start a scenario: run COMMAND with KUBECONFIG set and then stop, or stay up until interrupted.

    \b
    egressaudit lab run -- egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    egressaudit lab run --scenario ambient -- kubectl get pods -A
    egressaudit lab run --scenario noisy
    """
    from egressaudit_lab.commands import lab_run as run_lab

    return run_lab(options.scenario, options.command)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabListOptions:
    """What `lab list` was asked."""

    output: str


@lab.command("list")
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True)
@taking(LabListOptions)
def lab_list(options: LabListOptions) -> int:
    """List the scenarios: what each one shows, and how to verify it."""
    from egressaudit_lab.commands import lab_list as list_scenarios

    to_stdout(list_scenarios(options.output))
    return ExitCode.PASS
