"""Option types, the options that several commands share (under kubectl's names), and how a command gets its own.

A command has its options as one frozen dataclass, which `taking` makes of what click has read:

    @click.command()
    @click.option("--run-id")
    @cluster_options
    @taking(CleanupOptions)
    def cleanup(options: CleanupOptions) -> int: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from egressaudit.report.output_formats import names_of

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster
    from egressaudit.mesh import Trust

_Given = ParamSpec("_Given")
_Options = TypeVar("_Options")
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


class Moment(click.ParamType["datetime"]):
    """A time: RFC 3339 (`2026-11-23T03:00:00Z`), or how long ago (`90s`, `1h30m`, `2d`)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment in UTC; fails on anything else, and on a time without its zone."""
        import re

        if isinstance(value, datetime):
            return value
        units = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
        if re.fullmatch(r"([0-9]{1,6}[dhms])+", value):
            ago = sum(int(n) * units[unit] for n, unit in re.findall(r"([0-9]+)([dhms])", value))
            return datetime.now(UTC) - timedelta(seconds=ago)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a time such as 2026-11-23T03:00:00Z nor a length such as 1h", param, ctx)
        if moment.utcoffset() is None:
            self.fail(f"{value!r} does not say its time zone: end it with Z for UTC", param, ctx)
        return moment.astimezone(UTC)


class Share(click.ParamType[float]):
    """`95%` or `95`: a share of a hundred."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share as 0 to 1; fails on anything else."""
        if isinstance(value, float):
            return value
        try:
            share = float(str(value).removesuffix("%")) / 100
        except ValueError:
            self.fail(f"{value!r} is not a share such as 95%", param, ctx)
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is not between 0% and 100%", param, ctx)
        return share


Outputs = tuple[tuple[str, File | None], ...]
"""Each report's format and its file, None for standard output."""


class Output(click.ParamType[tuple[str, File | None]]):
    """`FORMAT` for standard output, `FORMAT=FILE` for a file."""

    name = "format"

    def __init__(self, formats: tuple[str, ...]) -> None:
        self._formats = formats

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, File | None]:
        """The format and its file."""
        if isinstance(value, tuple):
            return value
        output_format, equals, file = value.partition("=")
        if output_format not in self._formats or (equals and not file):
            known = f"{', '.join(self._formats[:-1])} or {self._formats[-1]}"
            self.fail(f"{value!r} is not {known}, each with =FILE if it goes to a file", param, ctx)
        return output_format, File(file) if equals else None


def taking(form: Callable[_Given, _Options]) -> Callable[[Callable[[_Options], int]], Callable[_Given, int]]:
    """A command's function gets its options as one value of `form`, whose fields have the names of click's parameters.

    It stands below the options, next to the function.
    """

    def decorated(command: Callable[[_Options], int]) -> Callable[_Given, int]:
        @wraps(command)
        def called(*args: _Given.args, **options: _Given.kwargs) -> int:
            return command(form(*args, **options))

        return called

    return decorated


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """Which cluster, and as whom."""

    kubeconfig: str | None
    context: str | None
    as_user: str | None
    as_groups: tuple[str, ...]
    request_timeout: float

    def connect(self) -> Cluster:
        """The cluster that these options name. Raises ClusterError."""
        from egressaudit.cluster import Cluster

        return Cluster.connect(
            kubeconfig=self.kubeconfig,
            context=self.context,
            as_user=self.as_user,
            as_groups=self.as_groups,
            request_timeout=self.request_timeout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions(ConnectionOptions):
    """The same, and the namespace."""

    namespace: str | None


def output_option(command: str) -> Callable[[_Command], _Command]:
    """`-o FORMAT[=FILE]`, several times, with the formats that this command writes."""
    formats = names_of(command)
    return click.option(
        "-o",
        "--output",
        "outputs",
        type=Output(formats),
        metavar="FORMAT[=FILE]",
        multiple=True,
        help=f"{formats[0]} (default), {', '.join(formats[1:-1])} or {formats[-1]}; =FILE writes it to a file. May be "
        "given several times.",
    )


def trust_option(command: _Command) -> _Command:
    """`--trust`, several times."""
    return click.option(
        "--trust",
        "trusted",
        metavar="WHAT",
        multiple=True,
        help="gateway=NS/NAME, waypoint=NS/NAME, ztunnel=NS/NAME, each with ,sa=ACCOUNT; outside=CIDR; or a FILE with "
        "the trust section of a policy. Of a kind that is named no other proxy is believed. May be repeated.",
    )(command)


def cluster_options(command: _Command) -> _Command:
    """The options that kubectl has too, under kubectl's names."""
    return _with(command, _connection(click.option("-n", "--namespace", help=_SOURCE_NAMESPACE)))


def connection_options(command: _Command) -> _Command:
    """Those of `cluster_options` that say which cluster and as whom, for commands that are not about a namespace."""
    return _with(command, _connection())


_SOURCE_NAMESPACE = "Namespace of the source; default that of the context."


def _connection(*more: Callable[[_Command], _Command]) -> list[Callable[[_Command], _Command]]:
    return [
        click.option("--kubeconfig", envvar="KUBECONFIG", help="Path of the kubeconfig; in a pod its own account."),
        click.option("--context", help="The kubeconfig context to use."),
        *more,
        click.option("--as", "as_user", help="User to impersonate."),
        click.option("--as-group", "as_groups", multiple=True, help="Group to impersonate; may be repeated."),
        click.option(
            "--request-timeout", type=Duration(), default="10s", show_default=True, help="For one API request."
        ),
    ]


def _with(command: _Command, options: list[Callable[[_Command], _Command]]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def given_trust(said: tuple[str, ...]) -> Trust:
    """The trust of all values of `--trust`, which is mostly nobody's: reading a policy's form takes long to import."""
    from egressaudit.mesh import Trust

    if not said:
        return Trust()
    from egressaudit.policy import parse_trust

    return parse_trust(said)
