"""`egressaudit audit --what-if`: what another policy would make of the flows in a history.

In: `--history egress.duckdb --policy new.yaml`, and --since and --until for some of its days. Out: who would break and
who would still escape, as text or JSON, and the exit code of that outcome.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path as File
from typing import Protocol

import click
from click.core import ParameterSource

from egressaudit.cli.drift_options import DriftOptions, check_not_overwritten
from egressaudit.cli.output import Places, errors_reported, finish
from egressaudit.errors import UsageError
from egressaudit.report.output_formats import names_of

_EXAMPLE = "egressaudit audit --what-if --history egress.duckdb --policy new.yaml"


class WhatIfAsked(DriftOptions, Protocol):
    """The options of `audit` that this reads."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The logs that were named."""

    @property
    def policy(self) -> File | None:
        """`--policy`."""

    @property
    def trusted(self) -> tuple[str, ...]:
        """Each `--trust`."""

    @property
    def since(self) -> datetime | None:
        """`--since`."""

    @property
    def until(self) -> datetime | None:
        """`--until`."""

    @property
    def redact(self) -> tuple[tuple[str, ...], ...]:
        """The levels of each `--redact`."""

    @property
    def publish(self) -> bool:
        """`--publish`."""

    @property
    def notify(self) -> str | None:
        """`--notify`."""

    @property
    def bundle(self) -> File | None:
        """`--bundle`."""


def what_if(options: WhatIfAsked, outputs: Places) -> int:
    """Judge again, report, and give the exit code. UsageError for what does not go together."""
    if options.paths:
        raise UsageError("--what-if reads no logs", hint="Leave out the paths: it judges the flows of the --history.")
    if options.history is None or options.policy is None:
        raise UsageError("--what-if needs --history and --policy", hint=_EXAMPLE)
    check_not_overwritten(options)
    given = {
        "--baseline": options.baseline,
        "--redact": options.redact,
        "--publish": options.publish,
        # The environment is for all runs of a machine: there it asks this one for nothing.
        "--notify": options.notify is not None and not _is_of_environment("notify"),
        "--bundle": options.bundle,
    }
    if odd := next((name for name, there in given.items() if there), None):
        raise UsageError(f"{odd} does not work with --what-if", hint=_EXAMPLE)
    formats = names_of("what-if")
    if odd_format := next((name for name, _ in outputs if name not in formats), None):
        raise UsageError(f"-o {odd_format} does not work with --what-if", hint=f"Use {' or '.join(formats)}.")
    with errors_reported("what-if", outputs):
        from egressaudit.cli.options import given_trust
        from egressaudit.history.stored_runs import History
        from egressaudit.judge.believed import believed
        from egressaudit.pipeline.judged_again import judged_again
        from egressaudit.policy import load_policy
        from egressaudit.report.redaction import Redaction

        policy = load_policy(options.policy)
        trust = believed(given_trust(options.trusted), policy)
        report = judged_again(History(options.history), policy, trust, options.since, options.until)
    return finish(report, outputs, redaction=Redaction(), quiet=options.quiet)


def _is_of_environment(name: str) -> bool:
    """Whether an option's value is that of an environment variable."""
    context = click.get_current_context(silent=True)
    return context is not None and context.get_parameter_source(name) is ParameterSource.ENVIRONMENT
