"""`egressaudit policy`: write, check and infer policies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path as File
from typing import Any

import click

from egressaudit.cli.audit_command import beside, snapshot_of
from egressaudit.errors import EgressAuditError, ExitCode, UsageError


def init_policy(file: File | None) -> int:
    """Write the commented starter to a new file, to standard output without one; UsageError where the file is there."""
    from egressaudit.policy import STARTER

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


def check_policy(file: File) -> int:
    """Say what a policy holds; PolicyError with all that is wrong with it."""
    from egressaudit.policy import load_policy
    from egressaudit.report.safe import printable

    policy = load_policy(file)
    ways: dict[str, int] = {}
    for rule in policy.rules:
        ways[rule.expected.value] = ways.get(rule.expected.value, 0) + 1
    kinds = ", ".join(f"{number} {way}" for way, number in sorted(ways.items())) or "none"
    click.echo(f"{printable(str(file))}: policy {policy.name} is valid")
    click.echo(f"  rules      {len(policy.rules)} ({kinds}); default: {policy.default}")
    click.echo(f"  gateways   {', '.join(map(str, policy.gateways)) or 'none'}")
    click.echo(f"  waypoints  {', '.join(map(str, policy.waypoints)) or 'none'}")
    expired = policy.expired_waivers(datetime.now(UTC).date())
    click.echo(f"  waivers    {len(policy.waivers)}, {len(expired)} of them expired")
    for rule_name, waived in expired:
        said = f"the waiver of {rule_name} ({waived.reason}) expired on {waived.expires} and is a finding now"
        click.echo(f"  expired    {printable(said)}")
    click.echo(f"  sha256     {policy.digest}")
    return ExitCode.PASS


def print_schema() -> int:
    """Print the JSON Schema of the policy file."""
    from egressaudit.policy import json_schema

    click.echo(json_schema(), nl=False)
    return ExitCode.PASS


def infer_policy(options: dict[str, Any], say: Callable[[str], None]) -> int:
    """Print a policy made of the flows in stored logs, or without them of what a snapshot's configuration claims."""
    paths: tuple[str, ...] = options["paths"]
    if paths:
        click.echo(_observed(paths, options, say), nl=False)
        return ExitCode.PASS
    if options["mesh_file"] is None:
        raise UsageError(
            "there is nothing to infer a policy from",
            hint="Name stored logs, or a snapshot of the mesh: --mesh mesh.json.",
        )
    if wrong := [name for name in ("since", "until", "containers") if options[name]]:
        raise UsageError(f"--{wrong[0].removesuffix('s')} is for stored logs", hint="Name the logs too.")
    from egressaudit.policy import infer_from_mesh

    click.echo(infer_from_mesh(snapshot_of(options["mesh_file"], [])), nl=False)
    return ExitCode.PASS


def _observed(paths: tuple[str, ...], options: dict[str, Any], say: Callable[[str], None]) -> str:
    from egressaudit.pipeline.policing import inferred
    from egressaudit.pipeline.window import WindowSettings, window_groups

    if options["since"] and options["until"] and options["since"] >= options["until"]:
        raise UsageError("--until is not after --since", hint="The window begins at --since and ends before --until.")
    settings = WindowSettings(
        start=options["since"],
        end=options["until"],
        containers=frozenset(options["containers"] or ("istio-proxy",)),
    )
    mesh, collection = beside(paths, options["mesh_file"])
    return inferred(window_groups(paths, mesh, settings, collection, say), mesh)
