"""`--publish`: the report of a live audit as objects of OpenReports in its cluster.

In: what was asked, and the report. Out: the objects. Example: `audit -A --publish` writes a `Report` into each
namespace that sends traffic out, and a `ClusterReport`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from egressaudit.cli.option_types import Name
from egressaudit.cli.options import together
from egressaudit.errors import EgressAuditError, Interrupted, Unauthorized, Unreachable, UsageError

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster
    from egressaudit.model import AuditReport

_Command = TypeVar("_Command", bound=Callable[..., object])
_LONGEST = 63
"""Of a label's value."""
_NAMED = Name("a name for reports", r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?", "1 to 50 of a-z, 0-9 and -")


class PublishOptions(Protocol):
    """The options of `publish_options`, and those of `audit` that say what the report is about."""

    @property
    def publish(self) -> bool:
        """`--publish`."""

    @property
    def publish_name(self) -> str | None:
        """`--publish-name`."""

    @property
    def all_namespaces(self) -> bool:
        """`--all-namespaces`."""

    @property
    def selector(self) -> str | None:
        """`--selector`."""

    @property
    def namespace(self) -> str | None:
        """`--namespace`."""

    @property
    def quiet(self) -> bool:
        """`--quiet`."""

    def connect(self) -> Cluster:
        """The cluster."""


def publish_options(command: _Command) -> _Command:
    """`--publish` and `--publish-name`."""
    return together(
        command,
        click.option(
            "--publish",
            is_flag=True,
            help="Write the report into the cluster too, as objects of OpenReports (openreports.io, else "
            "wgpolicyk8s.io).",
        ),
        click.option(
            "--publish-name",
            type=_NAMED,
            metavar="NAME",
            help="Name of these objects; a run replaces those of its name. Default: egressaudit with -A, else "
            "egressaudit-NAMESPACE. Required with -l.",
        ),
    )


@contextmanager
def published_if_it_fails(options: PublishOptions) -> Iterator[None]:
    """Check first whether the report can be published; if no audit is performed, the cluster's report says so.

    UsageError for a report without a name of its own. The error that ended the audit goes on.
    """
    if not options.publish:
        if options.publish_name is not None:
            raise UsageError("--publish-name needs --publish")
        yield
        return
    from egressaudit.pipeline.publishing import publish_failure, reports_api

    cluster = options.connect()
    name = _name(options, cluster)
    reports_api(cluster)
    try:
        yield
    except Exception as error:
        from egressaudit.cli.failures import failure_of

        failure = failure_of(error)
        if not isinstance(failure, Interrupted | Unauthorized | Unreachable):
            with suppress(EgressAuditError):
                publish_failure(cluster, failure.message, failure.hint, name)
        raise


@contextmanager
def published(report: AuditReport, options: PublishOptions) -> Iterator[None]:
    """Publish a report after the block, also if what the block was to deliver could not be delivered.

    What an earlier run published would otherwise stay, and say of the cluster what is no longer so.
    """
    try:
        yield
    except Exception as error:
        from egressaudit.cli.failures import failure_of

        if not isinstance(failure_of(error), Interrupted):
            with suppress(EgressAuditError):
                publish_if_asked(report, options)
        raise
    publish_if_asked(report, options)


def publish_if_asked(report: AuditReport, options: PublishOptions) -> None:
    """Write the objects and say how many. OutputFailed: the report was asked for there too."""
    if not options.publish:
        return
    from egressaudit.pipeline.publishing import publish

    cluster = options.connect()
    done = publish(cluster, report, _name(options, cluster))
    if done.gone or not options.quiet:
        click.echo(str(done), err=True)


def _name(options: PublishOptions, cluster: Cluster) -> str:
    """A name that audits of other parts of the mesh do not have: one must not remove what another one wrote."""
    if options.publish_name is not None:
        return options.publish_name
    if options.selector is not None:
        raise UsageError(
            "--publish with --selector needs --publish-name",
            hint="The report is about a part of the namespace; under its own name it replaces no other report.",
        )
    if options.all_namespaces:
        return "egressaudit"
    name = f"egressaudit-{options.namespace or cluster.namespace}"
    if len(name) > _LONGEST:
        raise UsageError(f"the namespace's name is too long for the report {name}", hint="Give --publish-name.")
    return name
