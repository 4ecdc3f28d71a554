"""The options that several commands share (under kubectl's names), and how a command gets its own.

In: what click has read. Out: the frozen dataclass of a command. Example: `-n shop` gives `namespace="shop"`.

A command has its options as one frozen dataclass, which `taking` makes of what click has read:

    @click.command()
    @click.option("--run-id")
    @cluster_options
    @taking(CleanupOptions)
    def cleanup(options: CleanupOptions) -> int: ...
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import click

from egressaudit.cli.option_types import NAMESPACE, Duration, Output
from egressaudit.errors import UsageError
from egressaudit.report.output_formats import names_of
from egressaudit.signals import SIGNALS

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster
    from egressaudit.mesh import NamedPlanes, Trust

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A label of DNS, as Kubernetes has it for namespaces."""
_Given = ParamSpec("_Given")
_Options = TypeVar("_Options")
_Command = TypeVar("_Command", bound=Callable[..., object])

EXIT_CODES = """\b
Exit codes, the same for every output format:
  0   every judged flow is proven to have gone the expected way
  1   no audit was performed: cluster, permission, machine, or a bug in
      egressaudit; or a report could not be written
  2   invalid command line or policy
  3   inconclusive: no violation is proven, but not everything is proven
  10  at least one violation is proven
  129, 130, 131, 143
      interrupted (SIGHUP, SIGINT, SIGQUIT, SIGTERM), after clean-up"""


def taking(
    form: Callable[_Given, _Options], *, held: bool = False
) -> Callable[[Callable[[_Options], int]], Callable[_Given, int]]:
    """A command's function gets its options as one value of `form`, whose fields have the names of click's parameters.

    It stands below the options, next to the function. With `held`, signals wait for `SIGNALS.release`, which the
    command calls once no report of an earlier run can stay.
    """

    def decorated(command: Callable[[_Options], int]) -> Callable[_Given, int]:
        @wraps(command)
        def called(*args: _Given.args, **options: _Given.kwargs) -> int:
            if not held:
                SIGNALS.release()
            return command(form(*args, **options))

        return called

    return decorated


def warn(message: str) -> None:
    """Tell a person what they must know, whatever else they see: also with -q, and where nothing is a terminal."""
    from egressaudit.report.redaction.secret_text import scrubbed
    from egressaudit.report.safe import printable

    click.echo(f"warning: {printable(scrubbed(message))}", err=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """Which cluster, and as whom."""

    kubeconfig: str | None
    context: str | None
    as_user: str | None
    as_groups: tuple[str, ...]
    request_timeout: float

    def connect(self) -> Cluster:
        """The cluster that these options name. Raises ClusterError, and UsageError for who cannot be impersonated."""
        from egressaudit.cluster import Cluster

        return Cluster.connect(
            kubeconfig=self.kubeconfig,
            context=self.context,
            as_user=self.as_user,
            as_groups=self.as_groups,
            request_timeout=self.request_timeout,
            warn=warn,
        )


class ControlPlaneOptions(Protocol):
    """The options of `control_plane_options`."""

    @property
    def istio_namespaces(self) -> tuple[str, ...]:
        """Each `--istio-namespace`."""

    @property
    def revisions(self) -> tuple[str, ...]:
        """Each `--revision`."""


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
        "repeated.",
    )


def trust_option(command: _Command) -> _Command:
    """`--trust`, several times."""
    return click.option(
        "--trust",
        "trusted",
        metavar="WHAT",
        multiple=True,
        help="Trust gateway=NS/NAME, waypoint=NS/NAME or ztunnel=NS[/NAME], each optionally with ,sa=ACCOUNT; "
        "outside=CIDR; or a FILE with the trust section of a policy. If you name a proxy, no other proxy of its kind "
        "is believed. May be repeated.",
    )(command)


def control_plane_options(command: _Command) -> _Command:
    """`--istio-namespace` and `--revision`, each several times."""
    return together(
        command,
        click.option(
            "--istio-namespace",
            "istio_namespaces",
            metavar="NS",
            multiple=True,
            help="A namespace of Istio's control plane. Default: istio-system, those of the Sail operator's "
            "objects, and that of the only istiod where every proxy asks it. May be repeated.",
        ),
        click.option(
            "--revision",
            "revisions",
            metavar="REV",
            multiple=True,
            help="A revision of the control plane, for proxies that name none. Default: what each proxy says. May "
            "be repeated.",
        ),
    )


def named_planes(options: ControlPlaneOptions) -> NamedPlanes:
    """The control planes that the options name; UsageError for what is no name."""
    from egressaudit.mesh import NamedPlanes

    for option, said in (("--istio-namespace", options.istio_namespaces), ("--revision", options.revisions)):
        if odd := [each for each in said if not _NAME.fullmatch(each)]:
            raise UsageError(
                f"{option} {odd[0]!r} is not a name", hint="Names have a-z, 0-9 and -, at most 63 of them."
            )
    return NamedPlanes(options.istio_namespaces, options.revisions)


def cluster_options(command: _Command) -> _Command:
    """The options that kubectl has too, under kubectl's names."""
    return together(
        command, *_connection(click.option("-n", "--namespace", type=NAMESPACE, metavar="NS", help=_NAMESPACE))
    )


def connection_options(command: _Command) -> _Command:
    """Those of `cluster_options` that say which cluster and as whom, for commands that are not about a namespace."""
    return together(command, *_connection())


_NAMESPACE = "Namespace to use. Default: the namespace of the context."


def _connection(*more: Callable[[Any], Any]) -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--kubeconfig", envvar="KUBECONFIG", help="Path of the kubeconfig. Default in a pod: its account."
        ),
        click.option("--context", help="The kubeconfig context to use."),
        *more,
        click.option("--as", "as_user", help="User to impersonate."),
        click.option("--as-group", "as_groups", multiple=True, help="Group to impersonate; may be repeated."),
        click.option(
            "--request-timeout",
            type=Duration(),
            default="10s",
            show_default=True,
            help="Time limit of one API request.",
        ),
    ]


def together(command: _Command, *options: Callable[[Any], Any]) -> _Command:
    """A command with several options, in the order in which `--help` shows them."""
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
