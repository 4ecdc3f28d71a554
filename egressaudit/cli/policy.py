"""`egressaudit policy`: write, check and infer policies.

In: a policy, logs or a snapshot. Out: a policy, its errors, or its schema. Example: `egressaudit policy check p.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as File

import click

from egressaudit.cli.option_types import Moment
from egressaudit.cli.options import taking
from egressaudit.cli.progress import steps_shown
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode, OutputFailed, UsageError, why_refused
from egressaudit.whole_file import opened_private, remove_file


@click.group()
def policy() -> None:
    """Write, check and infer egress policies: which workload may reach which host, and which way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """What `policy init` was asked."""

    file: File | None


@policy.command("init")
@click.argument("file", required=False, type=click.Path(path_type=File))
@taking(InitOptions)
def policy_init(options: InitOptions) -> int:
    """Write a commented starter policy to FILE, or to standard output. It never overwrites a file.

    \b
    egressaudit policy init egress-policy.yaml
    """
    from egressaudit.policy import STARTER

    file = options.file
    if file is None:
        to_stdout(STARTER)
        return ExitCode.PASS
    written = False
    try:
        # "x" creates or fails: no moment in which another's file could be overwritten.
        with open(file, "xb", opener=opened_private) as stream:
            written = True
            stream.write(STARTER.encode())
    except FileExistsError as error:
        raise UsageError(f"{file} already exists", hint="Name a new file: policy init never overwrites one.") from error
    except OSError as error:
        if written:
            remove_file(file)
        raise OutputFailed(f"cannot write {file}: {why_refused(error)}") from error
    click.echo(f"wrote {file}; edit it, then run: egressaudit policy check {file}", err=True)
    return ExitCode.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What `policy check` was asked."""

    file: File


@policy.command("check")
@click.argument("file", type=click.Path(path_type=File))
@taking(CheckOptions)
def policy_check(options: CheckOptions) -> int:
    """Check whether FILE is a valid policy, and summarize it. If it isn't valid, list every error and exit 2.

    \b
    egressaudit policy check egress-policy.yaml
    """
    from egressaudit.policy import load_policy
    from egressaudit.report.safe import printable

    found = load_policy(options.file)
    ways: dict[str, int] = {}
    for rule in found.rules:
        ways[rule.expected.value] = ways.get(rule.expected.value, 0) + 1
    kinds = ", ".join(f"{number} {way}" for way, number in sorted(ways.items())) or "none"
    expired = found.expired_waivers(datetime.now(UTC).date())
    lines = [
        f"{printable(str(options.file))}: policy {found.name} is valid",
        f"  rules      {len(found.rules)} ({kinds}); default: {found.default}",
        f"  gateways   {', '.join(map(str, found.gateways)) or 'none'}",
        f"  waypoints  {', '.join(map(str, found.waypoints)) or 'none'}",
        f"  waivers    {len(found.waivers)}, {len(expired)} of them expired",
    ]
    for rule_name, waived in expired:
        said = f"the waiver for {rule_name} ({waived.reason}) expired on {waived.expires} and is now a finding"
        lines.append(f"  expired    {printable(said)}")
    lines.append(f"  sha256     {found.digest}")
    to_stdout("\n".join(lines) + "\n")
    return ExitCode.PASS


@policy.command("schema")
def policy_schema() -> int:
    """Print the JSON Schema of the policy file, for editors and CI."""
    from egressaudit.policy import json_schema

    to_stdout(json_schema())
    return ExitCode.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class InferOptions:
    """What `policy infer` was asked."""

    paths: tuple[str, ...]
    mesh_file: File | None
    since: datetime | None
    until: datetime | None
    containers: tuple[str, ...]
    quiet: bool


@policy.command("infer")
@click.argument("paths", nargs=-1, metavar="[PATH ...]")
@click.option(
    "--mesh",
    "mesh_file",
    type=click.Path(path_type=File, dir_okay=False),
    help="Mesh snapshot written by `egressaudit snapshot`.",
)
@click.option("--since", type=Moment(), help="Start of the window: a time, or how long ago (1h, 2d).")
@click.option("--until", type=Moment(), help="End of the window: a time, or how long ago.")
@click.option(
    "-c", "--container", "containers", multiple=True, help="Name of the proxy containers. Default: istio-proxy."
)
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@taking(InferOptions)
def policy_infer(options: InferOptions) -> int:
    """Print a policy inferred from logs, or from the mesh configuration.

    With PATH (files, folders, archives), the policy allows exactly the traffic that these logs prove to have left
    through a gateway or waypoint. Without PATH, it allows each registered host through the gateway or waypoint that the
    snapshot claims for it. Comments list everything else: traffic that left another way or isn't proven, and hosts that
    nothing claims. Read the policy before you use it.

    \b
    egressaudit policy infer evidence/ > egress-policy.yaml
    egressaudit policy infer --mesh mesh.json > egress-policy.yaml
    """
    if options.paths:
        to_stdout(_observed(options))
        return ExitCode.PASS
    if options.mesh_file is None:
        raise UsageError(
            "nothing to infer a policy from",
            hint="Name stored logs, or a snapshot of the mesh: --mesh mesh.json.",
        )
    for name, given in (("since", options.since), ("until", options.until), ("container", options.containers)):
        if given:
            raise UsageError(f"--{name} works only with stored logs", hint="Name the logs too.")
    from egressaudit.evidence.mesh_file import load_mesh
    from egressaudit.mesh import Trust
    from egressaudit.policy import infer_from_mesh

    to_stdout(infer_from_mesh(load_mesh(options.mesh_file, Trust())))
    return ExitCode.PASS


def _observed(options: InferOptions) -> str:
    from egressaudit.model import PROXY_CONTAINER
    from egressaudit.pipeline.infer import infer_from_logs
    from egressaudit.pipeline.joined_logs import AuditSettings

    if options.since and options.until and options.since >= options.until:
        raise UsageError("--until must be after --since", hint="The window starts at --since and ends before --until.")
    settings = AuditSettings(
        start=options.since,
        end=options.until,
        containers=frozenset(options.containers or (PROXY_CONTAINER,)),
    )
    with steps_shown(quiet=options.quiet) as say:
        return infer_from_logs(options.paths, options.mesh_file, settings, say)
