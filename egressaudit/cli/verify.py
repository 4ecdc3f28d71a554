"""`egressaudit verify`: send a request and prove which way it left, or judge a saved run again.

In: a host and a source, or a saved run. Out: a report in each format that `-o` names, and the exit code.
Example: `egressaudit verify --host docs.redhat.com --from deploy/curl -n curl` exits 0 on PASS.
"""

from __future__ import annotations

import secrets
from pathlib import Path as File
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from egressaudit.cli.option_groups import GroupedCommand
from egressaudit.cli.options import EXIT_CODES, given_trust, named_planes, taking
from egressaudit.cli.output import checked_outputs, errors_reported, finish
from egressaudit.cli.progress import steps_shown
from egressaudit.cli.redact_options import redaction_of
from egressaudit.cli.replay import Replay, replayed
from egressaudit.cli.this_run import of_this_run
from egressaudit.cli.verify_asked import asked_for, bypass_asked, own_choice
from egressaudit.cli.verify_options import VERIFY_HEADINGS, VerifyOptions, verify_options
from egressaudit.errors import OutputFailed, UsageError, why_refused
from egressaudit.whole_file import remove_file, replace_file

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster
    from egressaudit.model import Capture, VerifyReport
    from egressaudit.model.analysis import AnalyzeReport

_OF_A_REPLAY = frozenset(
    {"replay", "expect", "trusted", "quiet", "verbose", "color", "outputs", "redact", "redact_key"}
)
"""The options that a replay takes; all others are about sending a request or about the cluster."""


@click.command(cls=GroupedCommand, headings=VERIFY_HEADINGS, epilog=EXIT_CODES)
@verify_options
@taking(VerifyOptions, held=True)
def verify(options: VerifyOptions) -> int:
    """Send requests from pods and prove which way they left.

    Without --from or -l, verify creates a probe pod with restricted pod security, and removes it afterwards. It never
    follows a redirect silently: each redirect becomes a new probe with its own verdict.

    \b
    One host, from a workload or from a probe pod:
      egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
      egressaudit verify --host https://httpbin.org/get -n shop -v

    \b
    Many hosts, one answer (docs/verify.md):
      egressaudit verify --hosts-file hosts.txt --from deploy/cart -n shop
      egressaudit verify --policy egress-policy.yaml -o junit=report.xml

    \b
    Ways around the gateway (docs/bypass.md):
      egressaudit verify --host docs.redhat.com -n shop --bypass

    \b
    What the configuration declares, without sending anything:
      egressaudit verify --host docs.redhat.com -n shop --dry-run

    \b
    Save the evidence, judge it again, write a fix:
      egressaudit verify --host httpbin.org -n shop --save-logs evidence
      egressaudit verify --replay evidence --expect gateway=egress/gw
      egressaudit verify --host httpbin.org -n shop --fix fix.yaml
      kubectl diff -f fix.yaml
    """
    outputs, redaction = checked_outputs(options.outputs), redaction_of(options)
    if options.replay is not None:
        _check_replay(click.get_current_context())
        replay = Replay(folder=options.replay, redaction=redaction, expect=options.expect, trusted=options.trusted)
        return replayed(replay, outputs, verbose=options.verbose)
    if options.dry_run:
        with errors_reported("analyze", outputs):
            declared = _declared(options)
        return finish(of_this_run(declared, redaction), outputs, redaction=redaction)
    if options.fix is not None:
        # What an earlier run wrote must not be taken for the fix of what this one finds.
        remove_file(options.fix)
    with errors_reported("verify", outputs):
        report = _verify(options)
    return finish(of_this_run(report, redaction), outputs, redaction=redaction, verbose=options.verbose)


def _check_replay(context: click.Context) -> None:
    """UsageError for options of a live run; the environment may set them, for it is there for other commands too."""
    given = [
        max(option.opts, key=len)
        for option in context.command.params
        if option.name not in _OF_A_REPLAY
        and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        what = f"{given[0]} does" if len(given) == 1 else f"{', '.join(given[:-1])} and {given[-1]} do"
        raise UsageError(
            f"{what} not go with --replay, which sends nothing and contacts no cluster",
            hint="With --replay, use only --expect, --trust, -o, --redact, --redact-key, -q, -v and --color; leave out "
            "the rest, or --replay.",
        )


def _verify(options: VerifyOptions) -> VerifyReport:
    from egressaudit.evidence.saved_files import check_new
    from egressaudit.evidence.saved_run import save
    from egressaudit.judge.expected import parse_expect
    from egressaudit.pipeline.verify import VerifySettings
    from egressaudit.pipeline.verify import verify as run_verify

    # Validate the command line before contacting the cluster.
    asked = asked_for(options)
    if options.expect is not None:
        parse_expect(options.expect)
    trust = given_trust(options.trusted)
    bypass = bypass_asked(options, asked.policy)
    if options.save_logs is not None:
        check_new(options.save_logs)
    planes = named_planes(options)
    cluster = options.connect()
    namespace = options.namespace or cluster.namespace
    settings = VerifySettings(
        targets=asked.targets,
        sources=asked.placed(namespace, own_choice(options, namespace)),
        run_id=secrets.token_hex(4),
        rules=asked.rules,
        policy=asked.policy,
        policy_text=asked.policy_text,
        expect=options.expect,
        timeout=options.timeout,
        connect_timeout=options.connect_timeout,
        max_redirects=options.max_redirects,
        trust=trust,
        planes=planes,
        ask_proxies=options.ask_proxies,
        bypass=bypass,
    )
    with steps_shown(quiet=options.quiet) as say:
        report, capture = run_verify(cluster, settings, say)
    if options.save_logs is not None:
        # Import here: before the request nothing is loaded that reads lines.
        from egressaudit.pipeline.replay import with_digests

        report = with_digests(report, save(capture, options.save_logs))
    if options.fix is not None:
        _write_fix(report, capture, cluster, options.fix)
    return report


def _write_fix(report: VerifyReport, capture: Capture, cluster: Cluster, file: File) -> None:
    """Write the fixes to a file, which may have header values that reports never have."""
    from egressaudit.pipeline.whole_fix import whole_fix

    found = whole_fix(report, capture, cluster)
    if found is None:
        click.echo("no fix written: nothing is wrong, or no change of objects fixes it", err=True)
        return
    try:
        replace_file(file, found.yaml.encode())
    except OSError as error:
        raise OutputFailed(f"cannot write the fix to {file}: {why_refused(error)}") from error
    codes = ", ".join(dict.fromkeys(each.code for each in found.causes))
    click.echo(f"wrote a fix for {codes}, not applied. Review it with: kubectl diff -f {file}", err=True)
    if found.left:
        more = ", ".join(dict.fromkeys(each.code for each in found.left))
        click.echo(
            f"it leaves out {more}, whose fix changes the same objects: run this again once it is applied", err=True
        )


def _declared(options: VerifyOptions) -> AnalyzeReport:
    from egressaudit.pipeline.analyze import AnalyzeSettings, analyze

    battery = options.bypass or None
    others = ((options.expect, "--expect"), (options.save_logs, "--save-logs"), (options.fix, "--fix"))
    for given, name in (*others, (battery, "--bypass")):
        if given is not None:
            raise UsageError(f"{name} does not go with --dry-run, which sends nothing", hint="Leave one of them out.")
    asked, trust = asked_for(options), given_trust(options.trusted)
    cluster = options.connect()
    namespace = options.namespace or cluster.namespace
    own = own_choice(options, namespace)
    choices = asked.placed(namespace, own)
    settings = AnalyzeSettings(
        hosts=asked.hosts(),
        sources=asked.sources and choices,
        namespace=namespace,
        probe_pod=own.pod if choices and not asked.sources else None,
        trust=trust,
        planes=named_planes(options),
    )
    with steps_shown(quiet=options.quiet) as say:
        return analyze(cluster, settings, say)
