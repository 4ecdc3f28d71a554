"""`--notify`: a summary of the audit for a webhook. It never changes the exit code.

In: the URL, and when it is to be told. Out: one POST. Example: `EGRESSAUDIT_NOTIFY_URL=https://hooks.example.com/x
egressaudit audit -A` posts a summary if the outcome is not PASS, or if no audit was performed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from egressaudit.cli.options import together, warn

if TYPE_CHECKING:
    from egressaudit.model import AuditReport

_Command = TypeVar("_Command", bound=Callable[..., object])
NOTIFY_URL = "EGRESSAUDIT_NOTIFY_URL"
"""The environment variable with the URL: a command line can be read by every user of the machine."""
_NOT_PASS, _ALWAYS, _NEW = "not-pass", "always", "new"


class NotifyOptions(Protocol):
    """The options of `notify_options`."""

    @property
    def notify(self) -> str | None:
        """`--notify`, a secret."""

    @property
    def notify_when(self) -> str:
        """`--notify-when`."""


def notify_options(command: _Command) -> _Command:
    """`--notify` and `--notify-when`."""
    return together(
        command,
        click.option(
            "--notify",
            envvar=NOTIFY_URL,
            metavar="URL",
            help=f"Post a summary to this webhook (Slack's JSON). The URL is a secret: better give it in {NOTIFY_URL}.",
        ),
        click.option(
            "--notify-when",
            type=click.Choice((_NOT_PASS, _ALWAYS, _NEW)),
            default=_NOT_PASS,
            show_default=True,
            help="When to post: unless the outcome is PASS, always, or if a finding is new since the baseline. A run "
            "that fails is always posted.",
        ),
    )


@contextmanager
def notified_if_it_fails(options: NotifyOptions) -> Iterator[None]:
    """Check the URL first. If no audit is performed, post that, and raise the error again."""
    if options.notify is None:
        yield
        return
    from egressaudit.pipeline.notifying import checked_url

    url = checked_url(options.notify)
    try:
        yield
    except Exception as error:
        from egressaudit.cli.failures import failure_of
        from egressaudit.report.notification import failure_notification

        failure = failure_of(error)
        _post(url, failure_notification(failure.message, failure.hint))
        raise


@contextmanager
def notified(report: AuditReport, options: NotifyOptions) -> Iterator[None]:
    """Post the summary of a report after the block, also if what the block was to deliver could not be delivered."""
    try:
        yield
    except Exception:
        _tell(report, options)
        raise
    _tell(report, options)


def _tell(report: AuditReport, options: NotifyOptions) -> None:
    if options.notify is None:
        return
    from egressaudit.pipeline.notifying import checked_url
    from egressaudit.report.notification import notification_of

    if _is_to_be_told(report, options.notify_when):
        _post(checked_url(options.notify), notification_of(report))


def _is_to_be_told(report: AuditReport, when: str) -> bool:
    from egressaudit.model import Outcome
    from egressaudit.report.notification import anything_new

    if when == _NEW:
        return anything_new(report)
    return when == _ALWAYS or report.outcome is not Outcome.PASS


def _post(url: str, body: bytes) -> None:
    """Nothing that goes wrong here may hide what the audit found, and no traceback may show the URL."""
    from egressaudit.pipeline.notifying import posted

    try:
        why = posted(url, body)
    except Exception as error:  # noqa: BLE001
        why = f"an unexpected {type(error).__name__}"
    if why:
        warn(f"the notification was not delivered: {why}")
