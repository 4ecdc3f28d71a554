"""`egressaudit audit`: stored logs or a live cluster to a report on the traffic of a window.

In: paths of stored logs, or a cluster. Out: an audit report in each format that `-o` names, and the exit code.
Example: `egressaudit audit evidence --policy policy.yaml` exits 10 if a workload broke the policy.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from typing import TYPE_CHECKING

import click

from egressaudit.cli.bundle_options import asked_bundle, bundle_options, write_bundle
from egressaudit.cli.drift_options import Comparison, drift_options
from egressaudit.cli.notify_options import notified, notified_if_it_fails, notify_options
from egressaudit.cli.option_groups import GroupedCommand
from egressaudit.cli.option_types import MemorySize, Moment, Outputs, Share
from egressaudit.cli.options import (
    EXIT_CODES,
    ClusterOptions,
    cluster_options,
    control_plane_options,
    given_trust,
    named_planes,
    output_option,
    taking,
    trust_option,
)
from egressaudit.cli.output import Places, checked_outputs, errors_reported, finish
from egressaudit.cli.progress import say_slower, steps_shown
from egressaudit.cli.publish_options import publish_options, published, published_if_it_fails
from egressaudit.cli.redact_options import check_publishable, redact_options, redaction_of
from egressaudit.cli.replay import Replay, replayed
from egressaudit.cli.report_options import report_options, view_of
from egressaudit.cli.screen_option import color_option
from egressaudit.cli.this_run import of_this_run
from egressaudit.cli.what_if_command import what_if
from egressaudit.errors import UsageError
from egressaudit.given_files import is_pipe
from egressaudit.join.engines import ENGINES
from egressaudit.report.output_formats import format_of, names_of
from egressaudit.whole_file import temporary_folder

if TYPE_CHECKING:
    from egressaudit.model import AuditReport
    from egressaudit.pipeline.audit import Witness
    from egressaudit.pipeline.joined_logs import AuditSettings
    from egressaudit.policy import Policy

_DEFAULT_WINDOW = timedelta(hours=1)
_OLD_SPELLING = (
    "note: use `egressaudit verify --replay DIR` to judge a saved run of verify; "
    "this is the last release in which `egressaudit audit DIR` does it"
)


_HEADINGS = {
    "policy": "What is audited",
    "all_namespaces": "Only on a live cluster",
    "containers": "Reading and joining",
    "baseline": "Comparing with earlier reports",
    "quiet": "Output",
    "publish": "Telling others",
    "bundle": "Evidence bundle",
    "istio_namespaces": "Cluster",
}
"""The headings in `--help`, by the first option below each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions(ClusterOptions):
    """What `audit` was asked."""

    paths: tuple[str, ...]
    policy: File | None
    mesh_file: File | None
    trusted: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    fail_coverage_below: float
    all_namespaces: bool
    selector: str | None
    previous: bool
    max_concurrency: int
    istio_namespaces: tuple[str, ...]
    revisions: tuple[str, ...]
    save_logs: File | None
    containers: tuple[str, ...]
    memory_limit: str
    digest_logs: bool
    engine: str
    baseline: File | None
    history: File | None
    fail_on: str
    what_if: bool
    redact: tuple[tuple[str, ...], ...]
    redact_key: File | None
    quiet: bool
    outputs: Outputs
    publish: bool
    publish_name: str | None
    notify: str | None = field(repr=False)
    notify_when: str
    evidence: int | None
    min_severity: str | None
    only: tuple[str, ...]
    group_by: str
    bundle: File | None
    bundle_logs: str | None
    sign_key: File | None


@click.command(cls=GroupedCommand, headings=_HEADINGS, epilog=EXIT_CODES)
@click.argument("paths", nargs=-1, metavar="[PATH ...]")
@click.option("--policy", type=click.Path(path_type=File, dir_okay=False), help="Egress policy file.")
@click.option(
    "--mesh",
    "mesh_file",
    type=click.Path(path_type=File, dir_okay=False),
    help="Mesh snapshot written by `egressaudit snapshot`.",
)
@trust_option
@click.option(
    "--since",
    type=Moment(),
    help="Start of the window: a time, or how long ago (1h, 2d). Default for a live audit: 1h.",
)
@click.option(
    "--until",
    type=Moment(),
    help="End of the window: a time, or how long ago. Default for a live audit: now.",
)
@click.option(
    "--fail-coverage-below",
    type=Share(),
    default="95%",
    show_default=True,
    help="Exit 3 if coverage is lower than this.",
)
@click.option("-A", "--all-namespaces", is_flag=True, help="Audit the sidecars of all namespaces.")
@click.option("-l", "--selector", help="Audit only sidecars of pods that match this selector, e.g. app=shop.")
@click.option("--previous", is_flag=True, help="Also collect the logs from before a restart.")
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="How many logs to collect at once.",
)
@click.option(
    "--save-logs",
    type=click.Path(path_type=File, file_okay=False),
    help="Save the evidence in this new folder, to audit it again.",
)
@click.option(
    "-c", "--container", "containers", multiple=True, help="Name of the proxy containers. Default: istio-proxy."
)
@click.option(
    "--memory-limit",
    type=MemorySize(),
    default="1GB",
    show_default=True,
    help="Memory for joining; the rest spills to disk.",
)
@click.option(
    "--digest-logs",
    is_flag=True,
    help="Always put the SHA-256 of all logs in the report, even if no collection.json has checksums.",
)
@click.option(
    "--engine",
    type=click.Choice(tuple(ENGINES)),
    default="duckdb",
    show_default=True,
    hidden=len(ENGINES) == 1,
    help="Engine that joins the hops.",
)
@drift_options
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@output_option("audit")
@report_options
@redact_options
@color_option
@publish_options
@notify_options
@bundle_options
@control_plane_options
@cluster_options
@taking(AuditOptions, held=True)
def audit(options: AuditOptions) -> int:
    """Prove which way every workload's traffic left in a window of time, from existing logs.

    With PATH (files, folders, archives), audit stored logs together with the mesh snapshot saved beside them. Without
    PATH, audit the logs of a live cluster; this creates no pod and runs no command in one. To judge a folder that
    `verify --save-logs` wrote, use `verify --replay`.

    \b
    egressaudit audit -A --since 1h --policy egress-policy.yaml
    egressaudit audit -A -o json=audit.json -o junit=audit.xml
    egressaudit audit evidence/ --policy egress-policy.yaml
    egressaudit audit must-gather.tar.gz --mesh mesh.json -o markdown
    """
    outputs, view, redaction = checked_outputs(options.outputs), view_of(options), redaction_of(options)
    check_publishable(redaction, publish=options.publish)
    paths = options.paths
    if options.what_if:
        return what_if(options, outputs)
    if paths and (wrong := _live_only(options)):
        raise UsageError(f"{wrong} works only on a live cluster", hint="Leave out the paths, or the option.")
    if "-" in paths:
        raise UsageError("audit cannot read standard input", hint="Give it files: it reads the evidence twice.")
    if pipe := next((each for each in paths if is_pipe(File(each))), None):
        raise UsageError(f"audit cannot read the pipe {pipe}", hint="Give it files: it reads the evidence twice.")
    if _names_saved_run(options):
        return _saved_run(Replay(folder=File(paths[0]), redaction=redaction, trusted=options.trusted), outputs)
    comparison = Comparison(options)
    with ExitStack() as kept:
        with errors_reported("audit", outputs), notified_if_it_fails(options), published_if_it_fails(options):
            settings = comparison.begin(_settings(options))
            bundle = asked_bundle(options, (file for _, file in outputs), redaction)
            say_slower(quiet=options.quiet)
            report = _stored(options, settings, bundle) if paths else _live(options, settings, bundle, kept)
            report = comparison.of(report)
        shown = of_this_run(report, redaction, paths)
        with notified(shown, options), published(shown, options):
            finish(shown, outputs, redaction=redaction, quiet=options.quiet, view=view)
            write_bundle(bundle, shown, quiet=options.quiet)
            comparison.store(report)
    return comparison.exit_code(report)


def _live_only(options: AuditOptions) -> str:
    """The first option given that stored logs have no use for, '' without one."""
    if options.all_namespaces:
        return "--all-namespaces"
    if options.selector is not None:
        return "--selector"
    if options.previous:
        return "--previous"
    if options.publish:
        return "--publish"
    if options.istio_namespaces or options.revisions:
        return "--istio-namespace" if options.istio_namespaces else "--revision"
    return "--save-logs" if options.save_logs is not None else ""


def _names_saved_run(options: AuditOptions) -> bool:
    """Whether the one path is a folder of `verify --save-logs` and no option asks to read it as a window.

    That is the old spelling of `verify --replay`; it goes with the release after this one.
    """
    from egressaudit.evidence.saved_run import is_saved_run

    asked = (
        *(options.policy, options.since, options.until, options.mesh_file),
        *(options.baseline, options.history, options.bundle),
    )
    plain = all(each is None for each in asked)
    return len(options.paths) == 1 and plain and is_saved_run(File(options.paths[0]))


def _saved_run(asked: Replay, outputs: Places) -> int:
    formats = names_of("verify")
    if odd := [name for name, _ in outputs if name not in formats]:
        raise UsageError(
            f"-o {odd[0]} works only for the audit of a window, but {asked.folder} is a saved run of verify",
            hint=f"Use {', '.join(formats)}; or give --policy or --since to audit its logs as a window.",
        )
    click.echo(_OLD_SPELLING, err=True)
    return replayed(asked, outputs)


def _policy_of(file: File) -> Policy:
    from egressaudit.policy import load_policy

    return load_policy(file)


def _settings(options: AuditOptions) -> AuditSettings:
    from egressaudit.judge.believed import believed
    from egressaudit.model import PROXY_CONTAINER
    from egressaudit.pipeline.joined_logs import PARTS, AuditSettings

    if options.since and options.until and options.since >= options.until:
        raise UsageError("--until must be after --since", hint="The window starts at --since and ends before --until.")
    namespace = options.namespace
    policy = _policy_of(options.policy) if options.policy else None
    return AuditSettings(
        policy=policy,
        trust=believed(given_trust(options.trusted), policy),
        start=options.since,
        end=options.until,
        fail_below=options.fail_coverage_below,
        memory_limit=options.memory_limit,
        digest_logs=options.digest_logs or options.bundle is not None,
        parts=PARTS if any(format_of("audit", name).spread for name, _ in options.outputs) else 0,
        engine=options.engine,
        containers=frozenset(options.containers or (PROXY_CONTAINER,)),
        namespaces=frozenset({namespace}) if namespace and not options.all_namespaces else None,
    )


def _stored(options: AuditOptions, settings: AuditSettings, witness: Witness | None) -> AuditReport:
    from egressaudit.evidence.beside import beside
    from egressaudit.pipeline.audit import audit_window
    from egressaudit.sources.locations import check_there

    check_there(options.paths, "Name files, folders or archives. For a live audit, name no path.")
    mesh, collection = beside(options.paths, options.mesh_file, settings.trust)
    with steps_shown(quiet=options.quiet) as say:
        return audit_window(options.paths, mesh, settings, collection, say, witness)


def _live(options: AuditOptions, settings: AuditSettings, witness: Witness | None, kept: ExitStack) -> AuditReport:
    """The report on what is collected; for a witness the logs stay as long as `kept`."""
    from egressaudit.pipeline.audit_live import audit_live
    from egressaudit.pipeline.collecting import CollectSettings
    from egressaudit.selectors import Selector

    selector = None if options.selector is None else Selector.parse(options.selector)
    planes = named_planes(options)
    cluster = options.connect()
    now = datetime.now(UTC)
    until = min(options.until or now, now)
    since = options.since or until - _DEFAULT_WINDOW
    if since >= until:
        raise UsageError("the window is empty: it would start in the future")
    namespaces = None if options.all_namespaces else (options.namespace or cluster.namespace,)
    choice = CollectSettings(
        since=since,
        until=until,
        namespaces=namespaces,
        selector=selector,
        previous=options.previous,
        max_concurrency=options.max_concurrency,
        planes=planes,
    )
    folder = options.save_logs
    if folder is None and witness is not None:
        folder = kept.enter_context(temporary_folder())
    with steps_shown(quiet=options.quiet) as say:
        return audit_live(cluster, choice, settings, say, folder, witness)
