"""Options under headings: what `--help` of a command with many options shows."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from egressaudit.cli.audit import audit
from egressaudit.cli.option_groups import GroupedCommand
from egressaudit.cli.verify import verify


def test_each_option_is_under_the_last_heading_before_it() -> None:
    @click.command(cls=GroupedCommand, headings={"host": "Hosts", "quiet": "Output"})
    @click.argument("path")
    @click.option("--host", help="A host.")
    @click.option("--a-port-with-a-long-name", metavar="P", help="Its port.")
    @click.option("-q", "--quiet", is_flag=True, help="Be quiet.")
    def command() -> None: ...

    assert CliRunner().invoke(command, ["--help"]).output.splitlines()[2:] == [
        "Hosts:",
        "  --host TEXT               A host.",
        "  --a-port-with-a-long-name P",
        "                            Its port.",
        "",
        "Output:",
        "  -q, --quiet               Be quiet.",
        "  --help                    Show this message and exit.",
    ]


@pytest.mark.parametrize("command", [verify, audit])
def test_help_fits_on_80_columns_and_every_heading_has_options(command: GroupedCommand) -> None:
    lines = CliRunner().invoke(command, ["--help"], terminal_width=80).output.splitlines()
    assert max(map(len, lines)) <= 80
    headings = [each for each in lines if each.endswith(":") and not each.startswith(" ")]
    wanted = {
        "verify": [
            "Hosts:",
            "Sources:",
            "Probe pod (without --from or -l):",
            "Expectation and trust:",
            "Ways around the gateway (docs/bypass.md):",
            "Limits:",
            "Evidence and fixes:",
            "Output:",
            "Cluster:",
        ],
        "audit": [
            "What is audited:",
            "Only on a live cluster:",
            "Reading and joining:",
            "Comparing with earlier reports:",
            "Output:",
            "Telling others:",
            "Evidence bundle:",
            "Cluster:",
        ],
    }
    assert headings == wanted[command.name or ""]
