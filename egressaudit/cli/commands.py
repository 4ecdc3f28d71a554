"""The group of all commands. Each is a file of its own here, with a click command of the file's name.

In: the name of a command. Out: its click command, imported when asked for. Example: `verify` is `cli.verify.verify`.
"""

from __future__ import annotations

import os
from importlib import import_module

import click

from egressaudit import __version__
from egressaudit.cli.options import EXIT_CODES

COMMANDS = (
    "analyze",
    "audit",
    "bundle",
    "causes",
    "cleanup",
    "controls",
    "explain",
    "generate",
    "history",
    "lab",
    "parse",
    "policy",
    "query",
    "snapshot",
    "verify",
)
"""To add a command: `cli/NAME.py` with a click command `NAME`, and its name in this line."""

_CONTEXT = {"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "EGRESSAUDIT", "max_content_width": 100}


class _Lazy(click.Group):
    """Imports a command's file when the command is asked for, so that no command waits for another's imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names, as the help lists them."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"egressaudit.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_Lazy, context_settings=_CONTEXT, epilog=EXIT_CODES)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the Python traceback of an error.")
def cli(*, debug: bool) -> None:
    """Prove which way a request left an Istio mesh, from the proxies' own access logs.

    \b
    egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    egressaudit lab run -- egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    """
    os.environ["EGRESSAUDIT_DEBUG"] = "1" if debug or os.environ.get("EGRESSAUDIT_DEBUG") else ""
