"""Turn a command line into one pipeline call, print its report, choose the exit code."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path as File
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from egressaudit import __version__
from egressaudit.errors import EgressAuditError, ExitCode, Interrupted, UsageError

if TYPE_CHECKING:
    from egressaudit.model import Report

_CONTEXT = {"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "EGRESSAUDIT", "max_content_width": 100}

_Command = TypeVar("_Command", bound=Callable[..., Any])

_EXIT_CODES = """\b
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


_output_option = click.option(
    "-o",
    "--output",
    "outputs",
    type=Output(),
    metavar="FORMAT[=FILE]",
    multiple=True,
    help="text (default), json or junit; =FILE writes it to a file. May be given several times.",
)


def _cluster_options(command: _Command) -> _Command:
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


@click.group(context_settings=_CONTEXT, epilog=_EXIT_CODES)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback where one of ours is the cause.")
def cli(*, debug: bool) -> None:
    """Prove which way a request left an Istio mesh, from the proxies' own access logs.

    \b
    egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    egressaudit lab run -- egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    """
    os.environ["EGRESSAUDIT_DEBUG"] = "1" if debug or os.environ.get("EGRESSAUDIT_DEBUG") else ""


@cli.command(epilog=_EXIT_CODES)
@click.option("--host", required=True, help="The external host: a name, an IP, HOST:PORT or a URL.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default 80 for http, 443 for https.")
@click.option("--scheme", type=click.Choice(["http", "https", "tcp"]), help="Default http, or that of the URL.")
@click.option("--path", "url_path", help="Request path, default / or that of the URL.")
@click.option("--from", "from_", metavar="WORKLOAD", help="NAMESPACE/POD, or deploy/NAME, sts/NAME with -n.")
@click.option("-l", "--selector", help="Send from a ready pod with these labels, e.g. app=curl.")
@click.option("-c", "--container", help="Container to run curl in; default the first that is not the proxy.")
@click.option("--image", help="Image of our own probe pod, which must have curl. Default: a pinned curlimages/curl.")
@click.option(
    "--expect",
    metavar="PATH",
    help="gateway[=NS/NAME], waypoint[=NS/NAME], direct or blocked. Default: what the configuration claims.",
)
@click.option("--max-redirects", type=click.IntRange(0, 20), default=3, show_default=True)
@click.option("--timeout", type=Duration(), default="30s", show_default=True, help="For the whole run.")
@click.option("--connect-timeout", type=Duration(), default="5s", show_default=True, help="For curl to connect.")
@click.option("--save-logs", type=click.Path(path_type=File, file_okay=False), help="Write what was judged; see audit.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@_output_option
@_cluster_options
def verify(**options: Any) -> int:
    """Send one request from a pod and prove which way it left.

    Without --from or -l a probe pod of our own is made, with restricted pod security, and removed again. Redirects
    are never followed silently: each becomes a probe and a verdict of its own.

    \b
    egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    egressaudit verify --host https://httpbin.org/get -l app=curl -n shop --expect gateway=egress/gw
    egressaudit verify --host httpbin.org -n shop -o json=report.json -o junit=report.xml
    """
    outputs = _outputs(options["outputs"])
    from egressaudit.cluster import Cluster
    from egressaudit.logfiles import save
    from egressaudit.pipeline.live import VerifySettings
    from egressaudit.pipeline.live import verify as run_verify
    from egressaudit.pipeline.source import SourceChoice
    from egressaudit.probe import DEFAULT_IMAGE

    if options["from_"] and options["selector"]:
        raise UsageError("--from and -l both choose the source", hint="Give one of them.")
    cluster = _connect(Cluster, options)
    settings = VerifySettings(
        target=_target(options),
        source=SourceChoice(
            name=options["from_"],
            selector=options["selector"],
            container=options["container"],
            namespace=options["namespace"] or cluster.namespace,
            image=options["image"] or DEFAULT_IMAGE,
        ),
        run_id=secrets.token_hex(4),
        expect=options["expect"],
        timeout=options["timeout"],
        connect_timeout=options["connect_timeout"],
        max_redirects=options["max_redirects"],
    )
    report, capture = run_verify(cluster, settings, _say(quiet=options["quiet"]))
    if options["save_logs"] is not None:
        save(capture, options["save_logs"])
    return _finish(report, outputs)


@cli.command(epilog=_EXIT_CODES)
@click.argument("folder", type=click.Path(path_type=File))
@_output_option
def audit(folder: File, outputs: tuple[tuple[str, File | None], ...]) -> int:
    """Judge a saved run again: a folder that `verify --save-logs` wrote.

    The verdicts are those of the live run; nothing is sent and no cluster is needed.
    """
    checked = _outputs(outputs)
    from egressaudit.pipeline.offline import audit as run_audit

    return _finish(run_audit(folder), checked)


@cli.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")
@click.option("--run-id", help="Only what this run made.")
@_cluster_options
def cleanup(**options: Any) -> int:
    """Remove probe pods that earlier runs left behind (killed, or cut off from the cluster)."""
    from egressaudit.cluster import Cluster
    from egressaudit.pipeline.live import remove_leftovers

    cluster = _connect(Cluster, options)
    namespace = None if options["all_namespaces"] else options["namespace"] or cluster.namespace
    removed = remove_leftovers(cluster, namespace, options["run_id"])
    for name in removed:
        click.echo(f"removed pod {name}")
    if not removed:
        click.echo(f"nothing to remove in {'any namespace' if namespace is None else 'namespace ' + namespace}")
    return ExitCode.PASS


@cli.group()
def lab() -> None:
    """A mesh of real Envoy processes on this machine, behind a stand-in Kubernetes API (Linux)."""


@lab.command("run", context_settings={"ignore_unknown_options": True})
@click.option("--scenario", default="istio-apis", show_default=True, help="One of `lab list`.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def lab_run(scenario: str, command: tuple[str, ...]) -> int:
    """Start a scenario; run COMMAND with KUBECONFIG set and stop, or stay up until interrupted.

    \b
    egressaudit lab run -- egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    egressaudit lab run --scenario ambient -- kubectl get pods -A
    egressaudit lab run --scenario noisy
    """
    from egressaudit.lab.commands import lab_run as run_lab

    return run_lab(scenario, command)


@lab.command("list")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def lab_list(output: str) -> int:
    """Name the scenarios, what each shows, and how to verify it."""
    from egressaudit.lab.commands import lab_list as list_scenarios

    click.echo(list_scenarios(output), nl=False)
    return ExitCode.PASS


def run(argv: Sequence[str]) -> int:
    """Run one command line; its exit code. The one place where errors are printed."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return int(cli.main(args=list(argv), prog_name="egressaudit", standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _report_error(Interrupted(ExitCode.INTERRUPTED))
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except EgressAuditError as error:
        if os.environ.get("EGRESSAUDIT_DEBUG"):
            raise
        return _report_error(error)
    except BrokenPipeError:
        # The reader left; what was to be said is lost, and Python must not try to flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.NOT_PERFORMED
    except Exception as error:  # the last line of defence: no traceback reaches a user
        if os.environ.get("EGRESSAUDIT_DEBUG"):
            raise
        bug = f"this is a bug in egressaudit ({type(error).__name__}: {error})"
        return _report_error(EgressAuditError(bug, hint="Run it again with --debug before the command, and report it."))


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(ExitCode.TERMINATED)


def _report_error(error: EgressAuditError) -> int:
    from egressaudit.report.safe import printable

    head = "error" if error.exit_code is ExitCode.USAGE else "no audit was performed"
    click.echo(f"{head}: {printable(error.message)}", err=True)
    for line in error.hint.splitlines():
        click.echo(f"  {printable(line)}", err=True)
    return error.exit_code


def _connect(cluster: Any, options: dict[str, Any]) -> Any:
    return cluster.connect(
        kubeconfig=options["kubeconfig"],
        context=options["context"],
        as_user=options["as_user"],
        as_groups=options["as_groups"],
        request_timeout=options["request_timeout"],
    )


def _target(options: dict[str, Any]) -> Any:
    from egressaudit.model import Scheme
    from egressaudit.probe import parse_host

    return parse_host(
        options["host"],
        port=options["port"],
        scheme=Scheme(options["scheme"]) if options["scheme"] else None,
        path=options["url_path"],
    )


def _say(*, quiet: bool) -> Callable[[str], None]:
    """Progress for a person: on standard error, and only where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        return lambda _: None
    return lambda message: click.echo(f"… {message}", err=True)


def _outputs(outputs: tuple[tuple[str, File | None], ...]) -> list[tuple[str, File | None]]:
    """Where each report goes; standard output gets the text where no other format was asked for it."""
    to_stdout = [each for each in outputs if each[1] is None]
    if len(to_stdout) > 1:
        raise UsageError("two formats would go to standard output", hint="Give all but one a file: -o json=FILE.")
    for output_format, file in outputs:
        if file is not None and not file.absolute().parent.is_dir():
            raise UsageError(f"-o {output_format}={file}: the folder {file.absolute().parent} does not exist")
    return list(outputs) if to_stdout else [("text", None), *outputs]


def _finish(report: Report, outputs: list[tuple[str, File | None]]) -> int:
    """Write every report, then the exit code, which never depends on the format."""
    from egressaudit.model import Outcome
    from egressaudit.pipeline.offline import outcome_of
    from egressaudit.report import render

    for output_format, file in outputs:
        if file is None:
            color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            width = max(80, min(shutil.get_terminal_size().columns, 160)) if color else 100
            click.echo(render(report, output_format, color=color, width=width), nl=False, color=True)
            continue
        try:
            file.write_text(render(report, output_format), encoding="utf-8")
        except OSError as error:
            raise EgressAuditError(f"the report could not be written to {file}: {error.strerror or error}") from error
    exit_codes = {
        Outcome.PASS: ExitCode.PASS,
        Outcome.FAIL: ExitCode.VIOLATION,
        Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    }
    return exit_codes[outcome_of(report)]
