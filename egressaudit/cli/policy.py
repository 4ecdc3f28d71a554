"""`egressaudit policy`: write, check and infer policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path as File

import click

from egressaudit.cli.option_types import Moment
from egressaudit.cli.options import taking
from egressaudit.cli.progress import said_to_person
from egressaudit.errors import EgressAuditError, ExitCode, UsageError


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
    """Write a commented first policy to FILE, or to standard output; nothing is overwritten.

    \b
    egressaudit policy init egress-policy.yaml
    """
    from egressaudit.policy import STARTER

    file = options.file
    if file is None:
        click.echo(STARTER, nl=False)
        return ExitCode.PASS
    try:
        # "x" creates or fails: no moment in which another's file could be overwritten.
        with file.open("x", encoding="utf-8") as stream:
            stream.write(STARTER)
    except FileExistsError as error:
        raise UsageError(f"{file} is there already", hint="Name a new file; nothing is overwritten.") from error
    except OSError as error:
        raise EgressAuditError(f"{file} cannot be written: {error.strerror or error}") from error
    click.echo(f"wrote {file}; change it, then: egressaudit policy check {file}", err=True)
    return ExitCode.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What `policy check` was asked."""

    file: File


@policy.command("check")
@click.argument("file", type=click.Path(path_type=File))
@taking(CheckOptions)
def policy_check(options: CheckOptions) -> int:
    """Say whether FILE is a valid policy and what it holds; exit with 2 and every error in it where it is not.

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
    click.echo(f"{printable(str(options.file))}: policy {found.name} is valid")
    click.echo(f"  rules      {len(found.rules)} ({kinds}); default: {found.default}")
    click.echo(f"  gateways   {', '.join(map(str, found.gateways)) or 'none'}")
    click.echo(f"  waypoints  {', '.join(map(str, found.waypoints)) or 'none'}")
    expired = found.expired_waivers(datetime.now(UTC).date())
    click.echo(f"  waivers    {len(found.waivers)}, {len(expired)} of them expired")
    for rule_name, waived in expired:
        said = f"the waiver of {rule_name} ({waived.reason}) expired on {waived.expires} and is a finding now"
        click.echo(f"  expired    {printable(said)}")
    click.echo(f"  sha256     {found.digest}")
    return ExitCode.PASS


@policy.command("schema")
def policy_schema() -> int:
    """Print the JSON Schema of the policy file, for editors and CI."""
    from egressaudit.policy import json_schema

    click.echo(json_schema(), nl=False)
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
    "--mesh", "mesh_file", type=click.Path(path_type=File, dir_okay=False), help="The snapshot; see snapshot."
)
@click.option("--since", type=Moment(), help="Only what began then or later: 1h ago, 2d, 2026-11-23T03:00:00Z.")
@click.option("--until", type=Moment(), help="Only what began before.")
@click.option("-c", "--container", "containers", multiple=True, help="Proxy containers; default istio-proxy.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@taking(InferOptions)
def policy_infer(options: InferOptions) -> int:
    """Print a policy of what was observed, or of what the mesh configuration claims.

    With PATH (files, folders, archives) it allows exactly what these logs prove to have left through a gateway or
    waypoint; without, each registered host by the gateway or waypoint that the snapshot claims for it. What left
    another way, is not proven, or is claimed by nothing stands there as a comment. Read it before you use it.

    \b
    egressaudit policy infer evidence/ > egress-policy.yaml
    egressaudit policy infer --mesh mesh.json > egress-policy.yaml
    """
    if options.paths:
        click.echo(_observed(options), nl=False)
        return ExitCode.PASS
    if options.mesh_file is None:
        raise UsageError(
            "there is nothing to infer a policy from",
            hint="Name stored logs, or a snapshot of the mesh: --mesh mesh.json.",
        )
    for name, given in (("since", options.since), ("until", options.until), ("container", options.containers)):
        if given:
            raise UsageError(f"--{name} is for stored logs", hint="Name the logs too.")
    from egressaudit.evidence.mesh_file import load_mesh
    from egressaudit.mesh import Trust
    from egressaudit.policy import infer_from_mesh

    click.echo(infer_from_mesh(load_mesh(options.mesh_file, Trust())), nl=False)
    return ExitCode.PASS


def _observed(options: InferOptions) -> str:
    from egressaudit.model import PROXY_CONTAINER
    from egressaudit.pipeline.infer import infer_from_logs
    from egressaudit.pipeline.joined_logs import AuditSettings

    if options.since and options.until and options.since >= options.until:
        raise UsageError("--until is not after --since", hint="The window begins at --since and ends before --until.")
    settings = AuditSettings(
        start=options.since,
        end=options.until,
        containers=frozenset(options.containers or (PROXY_CONTAINER,)),
    )
    return infer_from_logs(options.paths, options.mesh_file, settings, said_to_person(quiet=options.quiet))
