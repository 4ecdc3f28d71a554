"""The commands of `egressaudit policy`."""

from __future__ import annotations

from pathlib import Path as File
from typing import Any

import click

from egressaudit.cli.options import Moment
from egressaudit.cli.progress import said_to_person


@click.group()
def policy() -> None:
    """Write, check and infer egress policies: which workload may reach which host, and which way."""


@policy.command("init")
@click.argument("file", required=False, type=click.Path(path_type=File))
def policy_init(file: File | None) -> int:
    """Write a commented first policy to FILE, or to standard output; nothing is overwritten.

    \b
    egressaudit policy init egress-policy.yaml
    """
    from egressaudit.cli.policy_command import init_policy

    return init_policy(file)


@policy.command("check")
@click.argument("file", type=click.Path(path_type=File))
def policy_check(file: File) -> int:
    """Say whether FILE is a valid policy and what it holds; exit with 2 and every error in it where it is not.

    \b
    egressaudit policy check egress-policy.yaml
    """
    from egressaudit.cli.policy_command import check_policy

    return check_policy(file)


@policy.command("schema")
def policy_schema() -> int:
    """Print the JSON Schema of the policy file, for editors and CI."""
    from egressaudit.cli.policy_command import print_schema

    return print_schema()


@policy.command("infer")
@click.argument("paths", nargs=-1, metavar="[PATH ...]")
@click.option(
    "--mesh", "mesh_file", type=click.Path(path_type=File, dir_okay=False), help="The snapshot; see snapshot."
)
@click.option("--since", type=Moment(), help="Only what began then or later: 1h ago, 2d, 2026-11-23T03:00:00Z.")
@click.option("--until", type=Moment(), help="Only what began before.")
@click.option("-c", "--container", "containers", multiple=True, help="Proxy containers; default istio-proxy.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
def policy_infer(**options: Any) -> int:
    """Print a policy of what was observed, or of what the mesh configuration claims.

    With PATH (files, folders, archives) it allows exactly what these logs prove to have left through a gateway or
    waypoint; without, each registered host by the gateway or waypoint that the snapshot claims for it. What left
    another way, is not proven, or is claimed by nothing stands there as a comment. Read it before you use it.

    \b
    egressaudit policy infer evidence/ > egress-policy.yaml
    egressaudit policy infer --mesh mesh.json > egress-policy.yaml
    """
    from egressaudit.cli.policy_command import infer_policy

    return infer_policy(options, said_to_person(quiet=options["quiet"]))
