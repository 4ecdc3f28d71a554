"""Option types and the options that several commands share, under kubectl's names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

_LONGEST = 24 * 3600.0
"""Seconds; a bound, since neither timers nor Kubernetes take any number."""

EXIT_CODES = """\b
Exit codes, the same for every output format:
  0   every judged flow is proven to have gone the expected way
  1   no audit was performed: cluster, permission, or a bug of ours
  2   the command line cannot be used
  3   inconclusive: no violation proven, but not everything proven either
  10  at least one violation is proven
  130, 143  interrupted, after clean-up"""


class Duration(click.ParamType[float]):
    """`30s`, `5m`, `1h30m`, `1.5s`, as Go and kubectl write durations; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; fails on anything else and on zero."""
        import re

        if isinstance(value, int | float):
            return float(value)
        units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}
        if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|m|s))+|\d+(\.\d+)?", value):
            self.fail(f"{value!r} is not a duration such as 30s or 1m30s", param, ctx)
        seconds = sum(float(n) * units[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|)", value))
        if seconds <= 0:
            self.fail("a duration must be longer than nothing", param, ctx)
        if seconds > _LONGEST:
            self.fail("a duration cannot be longer than a day", param, ctx)
        return seconds


class Output(click.ParamType[tuple[str, File | None]]):
    """`FORMAT` for standard output, `FORMAT=FILE` for a file."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, File | None]:
        """The format and its file."""
        if isinstance(value, tuple):
            return value
        output_format, equals, file = value.partition("=")
        if output_format not in ("text", "json", "junit") or (equals and not file):
            self.fail(f"{value!r} is not text, json or junit, each with =FILE if it goes to a file", param, ctx)
        return output_format, File(file) if equals else None


output_option = click.option(
    "-o",
    "--output",
    "outputs",
    type=Output(),
    metavar="FORMAT[=FILE]",
    multiple=True,
    help="text (default), json or junit; =FILE writes it to a file. May be given several times.",
)


def cluster_options(command: _Command) -> _Command:
    """The options that kubectl has too, under kubectl's names."""
    options = [
        click.option("--kubeconfig", envvar="KUBECONFIG", help="Path of the kubeconfig; in a pod its own account."),
        click.option("--context", help="The kubeconfig context to use."),
        click.option("-n", "--namespace", help="Namespace of the source; default that of the context."),
        click.option("--as", "as_user", help="User to impersonate."),
        click.option("--as-group", "as_groups", multiple=True, help="Group to impersonate; may be repeated."),
        click.option(
            "--request-timeout", type=Duration(), default="10s", show_default=True, help="For one API request."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
