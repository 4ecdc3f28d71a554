"""Each command turns its options into one pipeline call and prints the report."""

from __future__ import annotations

import os
import secrets
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

import click

from egressaudit import __version__
from egressaudit.cli.options import (
    EXIT_CODES,
    Duration,
    Moment,
    Share,
    cluster_options,
    connection_options,
    given_trust,
    output_option,
    trust_option,
)
from egressaudit.cli.output import checked_outputs, errors_reported, finish
from egressaudit.cli.parse_command import KINDS, ROW_FORMATS, parse_logs
from egressaudit.cli.policy_group import policy
from egressaudit.cli.progress import said_to_person
from egressaudit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from egressaudit.model import Report, Target

AUDIT_FORMATS = ("text", "json", "jsonl", "markdown", "junit", "csv", "parquet")

_CONTEXT = {"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "EGRESSAUDIT", "max_content_width": 100}


@click.group(context_settings=_CONTEXT, epilog=EXIT_CODES)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback where one of ours is the cause.")
def cli(*, debug: bool) -> None:
    """Prove which way a request left an Istio mesh, from the proxies' own access logs.

    \b
    egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    egressaudit lab run -- egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    """
    os.environ["EGRESSAUDIT_DEBUG"] = "1" if debug or os.environ.get("EGRESSAUDIT_DEBUG") else ""


@cli.command(epilog=EXIT_CODES)
@click.option("--host", required=True, help="The external host: a name, an IP, HOST:PORT or a URL.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default 80 for http, 443 for https.")
@click.option(
    "--scheme",
    type=click.Choice(["http", "https", "tcp"]),
    help="Default http (https on port 443), or that of the URL.",
)
@click.option("--path", "url_path", help="Request path, default / or that of the URL.")
@click.option("--from", "from_", metavar="WORKLOAD", help="NAMESPACE/POD, or deploy/NAME, sts/NAME with -n.")
@click.option("-l", "--selector", help="Send from a ready pod that this selector matches, e.g. app=curl.")
@click.option("-c", "--container", help="Container to run curl in; default the first that is not the proxy.")
@click.option("--image", help="Image of our own probe pod, which must have curl. Default: a pinned curlimages/curl.")
@click.option(
    "--expect",
    metavar="PATH",
    help="gateway[=NS/NAME], waypoint[=NS/NAME], direct or blocked. Default: what the configuration claims.",
)
@trust_option
@click.option("--max-redirects", type=click.IntRange(0, 20), default=3, show_default=True)
@click.option("--timeout", type=Duration(), default="30s", show_default=True, help="For the whole run.")
@click.option("--connect-timeout", type=Duration(), default="5s", show_default=True, help="For curl to connect.")
@click.option("--save-logs", type=click.Path(path_type=File, file_okay=False), help="Write what was judged; see audit.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@output_option()
@cluster_options
def verify(**options: Any) -> int:
    """Send one request from a pod and prove which way it left.

    Without --from or -l a probe pod of our own is made, with restricted pod security, and removed again. Redirects
    are never followed silently: each becomes a probe and a verdict of its own.

    \b
    egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    egressaudit verify --host https://httpbin.org/get -l app=curl -n shop --expect gateway=egress/gw
    egressaudit verify --host httpbin.org -n shop -o json=report.json -o junit=report.xml
    """
    outputs = checked_outputs(options["outputs"])
    with errors_reported(outputs):
        report = _verify(options)
    return finish(report, outputs)


def _verify(options: dict[str, Any]) -> Report:
    from egressaudit.cluster import Cluster
    from egressaudit.logfiles import check_new, save
    from egressaudit.pipeline.expect import parse_expect
    from egressaudit.pipeline.live import VerifySettings
    from egressaudit.pipeline.live import verify as run_verify
    from egressaudit.pipeline.source import SourceChoice
    from egressaudit.probe import DEFAULT_IMAGE
    from egressaudit.selectors import Selector

    if options["from_"] is not None and options["selector"] is not None:
        raise UsageError("--from and -l both choose the source", hint="Give one of them.")
    # All that the command line alone can be wrong about, before the cluster is asked anything.
    target = _target(options)
    if options["expect"] is not None:
        parse_expect(options["expect"])
    selector = None if options["selector"] is None else Selector.parse(options["selector"])
    trust = given_trust(options["trusted"])
    if options["save_logs"] is not None:
        check_new(options["save_logs"])
    cluster = _connect(Cluster, options)
    settings = VerifySettings(
        target=target,
        source=SourceChoice(
            name=options["from_"],
            selector=selector,
            container=options["container"],
            namespace=options["namespace"] or cluster.namespace,
            image=options["image"] or DEFAULT_IMAGE,
        ),
        run_id=secrets.token_hex(4),
        expect=options["expect"],
        timeout=options["timeout"],
        connect_timeout=options["connect_timeout"],
        max_redirects=options["max_redirects"],
        trust=trust,
    )
    report, capture = run_verify(cluster, settings, said_to_person(quiet=options["quiet"]))
    if options["save_logs"] is not None:
        save(capture, options["save_logs"])
    return report


@cli.command(epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="[PATH ...]")
@click.option("--policy", type=click.Path(path_type=File, dir_okay=False), help="What may leave, and which way.")
@click.option(
    "--mesh", "mesh_file", type=click.Path(path_type=File, dir_okay=False), help="The snapshot; see snapshot."
)
@trust_option
@click.option("--since", type=Moment(), help="Begin of the window: 1h ago, 2d, 2026-11-23T03:00:00Z. Live: default 1h.")
@click.option("--until", type=Moment(), help="End of the window. Live: default now.")
@click.option("--fail-coverage-below", type=Share(), default="95%", show_default=True, help="Exit with 3 below.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Live: the sidecars of all namespaces.")
@click.option("-l", "--selector", help="Live: only sidecars of pods that this selector matches, e.g. app=shop.")
@click.option("--previous", is_flag=True, help="Live: also the logs from before a restart.")
@click.option("--max-concurrency", type=click.IntRange(1, 64), default=8, show_default=True, help="Live: logs at once.")
@click.option(
    "--save-logs", type=click.Path(path_type=File, file_okay=False), help="Live: keep what was collected here."
)
@click.option("-c", "--container", "containers", multiple=True, help="Proxy containers; default istio-proxy.")
@click.option("--memory-limit", default="1GB", show_default=True, help="For joining; what does not fit goes to disk.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
@output_option(AUDIT_FORMATS)
@cluster_options
def audit(**options: Any) -> int:
    """Prove which way the traffic of a window left, for every workload, from logs that are there already.

    With PATH (files, folders, archives) stored logs are audited, with the snapshot of the mesh that lies beside them;
    without, the logs of a live cluster: no pod is made and no command is run in one. A folder that `verify --save-logs`
    wrote is judged again as it was then.

    \b
    egressaudit audit -A --since 1h --policy egress-policy.yaml -o json=audit.json -o junit=audit.xml
    egressaudit audit evidence/ --policy egress-policy.yaml
    egressaudit audit must-gather.tar.gz --mesh mesh.json -o markdown
    """
    from egressaudit.cli.audit_command import run_audit

    return run_audit(options, _connect, said_to_person(quiet=options["quiet"]))


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH ...]")
@click.option("-o", "--output", type=click.Choice(ROW_FORMATS), default="table", show_default=True)
@click.option("--columns", metavar="A,B,C", help="Columns of docs/hops.md; default all (a table: the telling ones).")
@click.option("--format", "format_", metavar="FORMAT", help="The access log format; see below. Default: Istio's own.")
@click.option("--as", "kind", type=click.Choice(KINDS), help="What wrote all of it. Default: what path and lines say.")
@click.option("-c", "--container", "containers", multiple=True, help="Proxy containers; default istio-proxy.")
@click.option("--strict", is_flag=True, help="Exit with 3 when a line could not be parsed.")
@click.option("--unparsed", type=click.Path(path_type=File, dir_okay=False), help="Write those lines here, and why.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")
def parse(**options: Any) -> int:
    """Turn proxy logs into rows, one for each request or connection: files, folders, archives, - for standard input.

    Reads gzip, zstd and tar, must-gather and istioctl bug-report, a node's pod logs, and takes off what kubectl, stern,
    CRI and Docker put around lines. Standard error says what became of every line.

    \b
    egressaudit parse evidence -o csv > hops.csv
    egressaudit parse evidence -o parquet > hops.parquet
    kubectl logs -n egress deploy/gw | egressaudit parse --as gateway
    egressaudit parse must-gather.tar.gz -o jsonl --columns source,line,upstream_cluster,upstream_host
    egressaudit parse gw.log --format '[%START_TIME%] "%REQ(:AUTHORITY)%" %UPSTREAM_HOST%'
    egressaudit parse gw.log --format @mesh.yaml

    FORMAT is istio-1.0 to istio-1.31, envoy, Envoy's format string itself, a JSON object of such strings, or @FILE with
    MeshConfig, an Istio or IstioOperator resource, and Telemetry.

    \b
    Exit codes:
      0   everything was read (and with --strict: parsed)
      1   a log is broken, or there is none; what could be read was written
      2   the command line cannot be used
      3   with --strict: a line could not be parsed
    """
    return parse_logs(options)


@cli.command()
@click.option("-o", "--output", metavar="FILE", default="-", show_default=True, help="Where to; - is standard output.")
@connection_options
def snapshot(**options: Any) -> int:
    """Write the mesh as it is now: pods, gateways, waypoints, services and configuration, of the whole cluster.

    It is the mesh.json that an audit of stored logs needs beside them. It holds no Secret, environment or header
    value; get and list are all the rights that it takes.

    \b
    egressaudit snapshot -o evidence/mesh.json
    """
    from egressaudit.cli.snapshot_command import take_snapshot
    from egressaudit.cluster import Cluster

    return take_snapshot(_connect(Cluster, options), options["output"])


@cli.command()
@click.argument("codes", nargs=-1, metavar="[CODE ...]")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def controls(codes: tuple[str, ...], output: str) -> int:
    """List the codes of findings, or explain some of them.

    \b
    egressaudit controls
    egressaudit controls EA101
    """
    from egressaudit.cli.controls_command import explain_controls

    return explain_controls(codes, output)


cli.add_command(policy)


@cli.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")
@click.option("--run-id", help="Only what this run made.")
@cluster_options
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


def _connect(cluster: Any, options: dict[str, Any]) -> Any:
    return cluster.connect(
        kubeconfig=options["kubeconfig"],
        context=options["context"],
        as_user=options["as_user"],
        as_groups=options["as_groups"],
        request_timeout=options["request_timeout"],
    )


def _target(options: dict[str, Any]) -> Target:
    from egressaudit.model import Scheme
    from egressaudit.probe import parse_host

    return parse_host(
        options["host"],
        port=options["port"],
        scheme=Scheme(options["scheme"]) if options["scheme"] else None,
        path=options["url_path"],
    )
