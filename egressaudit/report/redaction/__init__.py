"""Redaction: the report that others may see, made from the report that was judged.

In: a finished report, and what is to be redacted (`Redaction`). Out: a report of the same form without query strings,
credentials in URLs, cookies and tokens; on request also with pseudonyms for addresses, identities and hosts. It is a
pure function that runs after all judging and before any writer, so no outcome depends on it and no format can forget
it. A log line keeps its place, `log:line`: whoever may read the log finds the line itself.

Example: `redacted(report, Redaction())` has `GET /cb?REDACTED` where the report has `GET /cb?token=abc`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

__all__ = ["Level", "Redaction", "redacted", "redacted_line"]

_Report = TypeVar("_Report")


class Level(StrEnum):
    """What is redacted."""

    QUERIES = "queries"
    """Query strings, credentials in URLs, cookies and tokens. Always, unless nothing is redacted."""
    ADDRESSES = "addresses"
    """IP addresses. Ports stay."""
    IDENTITIES = "identities"
    """Namespaces, workloads, pods, service accounts and SPIFFE ids."""
    HOSTS = "hosts"
    """Names of hosts outside the mesh."""


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is redacted, and the key of the pseudonyms: without a key of the user's, they differ in every run."""

    levels: frozenset[Level] = frozenset({Level.QUERIES})
    key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)

    @property
    def has_pseudonyms(self) -> bool:
        """Whether names or addresses are replaced, and not only secrets taken out."""
        return bool(self.levels - {Level.QUERIES})

    @property
    def name(self) -> str:
        """What tells this key from others, and nothing about it."""
        import hmac

        return hmac.digest(self.key, b"name of the key", "sha256").hex()[:10]


NOTHING = Redaction(frozenset())
"""Shows everything."""


def redacted(report: _Report, redaction: Redaction) -> _Report:
    """The report as it may be shown; equal reports with equal redactions give equal results.

    It takes the report of any command, a flow of a story, or anything else that is made of dataclasses.
    """
    if not redaction.levels:
        return report
    from egressaudit.report.redaction.report_walk import StringPlace, changed
    from egressaudit.report.redaction.treatments import Treatments

    how = Treatments(report, redaction.levels, redaction.key)

    def change(place: StringPlace, text: str) -> str:
        made = how.of(place)(text)
        return text if made == text else made

    return _named(changed(report, change), redaction)


def is_redacted(report: object, redaction: Redaction) -> bool:
    """Whether a report says that all of this is redacted in it."""
    return {each.value for each in redaction.levels} <= set(getattr(getattr(report, "run", None), "redacted", ()))


def _named(report: _Report, redaction: Redaction) -> _Report:
    """The report, saying what it does not show."""
    from egressaudit.model.run import Run

    run = getattr(report, "run", None)
    if not isinstance(run, Run):
        return report
    key = redaction.name if redaction.has_pseudonyms else ""
    levels = tuple(sorted(each.value for each in redaction.levels))
    said: _Report = replace(report, run=replace(run, redacted=levels, redaction_key=key))  # type: ignore[type-var]
    return said


def redacted_line(text: str, redaction: Redaction) -> str:
    """One raw line by itself. Names of the mesh are found only where the line says what they are."""
    from egressaudit.model import Evidence

    return redacted(Evidence("", 0, text, ""), redaction).raw
