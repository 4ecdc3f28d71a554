"""`egressaudit analyze`: which way the configuration gives each host, and what is wrong with it. No traffic is sent.

In: a cluster, a snapshot or manifests. Out: a report in each format that `-o` names, and the exit code.
Example: `egressaudit analyze -f egress.yaml` exits 10 if sidecars would go around the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.cli.option_types import Outputs
from egressaudit.cli.options import (
    ClusterOptions,
    cluster_options,
    control_plane_options,
    given_trust,
    named_planes,
    output_option,
    taking,
    trust_option,
)
from egressaudit.cli.output import checked_outputs, errors_reported, finish
from egressaudit.cli.progress import steps_shown
from egressaudit.cli.redact_options import redact_options, redaction_of
from egressaudit.cli.screen_option import color_option
from egressaudit.cli.this_run import of_this_run
from egressaudit.errors import UsageError

if TYPE_CHECKING:
    from egressaudit.pipeline.analyze import AnalyzeSettings

_EXIT_CODES = """\b
Exit codes, the same for every output format:
  0   every host has a declared way without a fault, from every source
  1   nothing was analyzed: cluster, permission, unreadable snapshot, machine,
      or a bug in egressaudit; or a report could not be written
  2   invalid command line or manifest
  3   a host has no declared way, or a fault fails it, hides it or leaves it
      open; or some configuration could not be read
  10  a fault makes traffic go around a gateway or waypoint
  129, 130, 131, 143
      interrupted (SIGHUP, SIGINT, SIGQUIT, SIGTERM)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeOptions(ClusterOptions):
    """What `analyze` was asked."""

    hosts: tuple[str, ...]
    from_: str | None
    selector: str | None
    mesh_file: File | None
    manifests: tuple[str, ...]
    trusted: tuple[str, ...]
    istio_namespaces: tuple[str, ...]
    revisions: tuple[str, ...]
    ask_proxies: bool
    redact: tuple[tuple[str, ...], ...]
    redact_key: File | None
    quiet: bool
    outputs: Outputs


@click.command(epilog=_EXIT_CODES)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    help="An external host: a name, HOST:PORT or a URL; without a port, every port that it is registered on. May be "
    "repeated. Default: all external hosts of the mesh.",
)
@click.option(
    "--from",
    "from_",
    metavar="WORKLOAD",
    help="The source: NAMESPACE/POD, or deploy/NAME, sts/NAME with -n. Default: every captured workload, or those of "
    "the namespace -n.",
)
@click.option("-l", "--selector", help="The source: the pods of the namespace that match this selector, e.g. app=curl.")
@click.option(
    "--mesh",
    "mesh_file",
    type=click.Path(path_type=File, dir_okay=False),
    help="Analyze this snapshot, written by `egressaudit snapshot`, instead of a cluster.",
)
@click.option(
    "-f",
    "--filename",
    "manifests",
    metavar="FILE",
    multiple=True,
    help="Analyze these manifests, before they are deployed: a file, a folder, or - for standard input. With --mesh: "
    "that mesh as it would be with them. May be repeated.",
)
@trust_option
@click.option(
    "--ask-proxies",
    is_flag=True,
    help="On a cluster: read the configuration that the proxies have themselves, too (pods/exec in their containers), "
    "and show where it is not what the objects declare.",
)
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@output_option("analyze")
@redact_options
@color_option
@control_plane_options
@cluster_options
@taking(AnalyzeOptions, held=True)
def analyze(options: AnalyzeOptions) -> int:
    """Say which way the configuration gives each host, and what is wrong with it.

    For each external host and group of workloads, analyze shows the declared way (source, waypoint, gateway, host).
    It shows each fault once, with its object, field and line, and the hosts that have no declared way. It sends no
    traffic and changes nothing. On a cluster it also shows what you may do, what is installed, and whether each hop
    writes an access log.

    A way that is declared without a fault is no proof that traffic takes it: `verify` and `audit` prove that.

    \b
    egressaudit analyze --host docs.redhat.com --from deploy/curl -n curl
    egressaudit analyze --mesh mesh.json -o json=analysis.json
    egressaudit analyze -f manifests/ -o sarif=egress.sarif   (in CI)
    egressaudit analyze --mesh mesh.json -f change.yaml       (before a change)
    """
    outputs, redaction = checked_outputs(options.outputs), redaction_of(options)
    with errors_reported("analyze", outputs):
        from egressaudit.pipeline.analyze import analyze as run_analyze
        from egressaudit.pipeline.analyze import analyze_files

        # Validate the command line before contacting the cluster.
        settings = _settings(options, options.namespace or "default")
        if options.mesh_file is not None or options.manifests:
            if options.ask_proxies:
                raise UsageError("--ask-proxies needs a cluster", hint="Leave out --mesh and -f, or --ask-proxies.")
            report = analyze_files(options.mesh_file, options.manifests, settings)
        else:
            cluster = options.connect()
            settings = _settings(options, options.namespace or cluster.namespace)
            with steps_shown(quiet=options.quiet) as say:
                report = run_analyze(cluster, settings, say)
    named = options.manifests if options.mesh_file is None else (options.mesh_file, *options.manifests)
    return finish(of_this_run(report, redaction, named), outputs, redaction=redaction)


def _settings(options: AnalyzeOptions, namespace: str) -> AnalyzeSettings:
    from egressaudit.pipeline.analyze import AnalyzeSettings
    from egressaudit.probe import parse_asked
    from egressaudit.probe.source import SourceChoice
    from egressaudit.selectors import Selector

    if options.from_ is not None and options.selector is not None:
        raise UsageError("--from and -l both choose the source", hint="Give one of them.")
    selector = None if options.selector is None else Selector.parse(options.selector)
    named = options.from_ is not None or selector is not None
    return AnalyzeSettings(
        hosts=tuple(map(parse_asked, options.hosts)),
        sources=(SourceChoice(options.from_, selector, None, namespace),) if named else (),
        only=options.namespace,
        namespace=namespace,
        trust=given_trust(options.trusted),
        planes=named_planes(options),
        ask_proxies=options.ask_proxies,
    )
