"""What a report says about one flow, whichever command wrote it.

In: an entry of `verdicts` or `flows` of a JSON report. Out: a `ToldFlow`.
Example: the first verdict of a report of `verify` is `ToldFlow(number=1, outcome="PASS", path="via-gateway", ...)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.model import Path, Reporter
from egressaudit.report.redaction.secret_text import scrubbed_target

_WAYS_OUT = frozenset({Path.VIA_GATEWAY, Path.VIA_WAYPOINT, Path.DIRECT, Path.PASSTHROUGH})


@dataclass(frozen=True, slots=True)
class ToldLine:
    """One line as a report has it."""

    source: str
    """The log, `namespace/pod/container`."""
    number: int
    raw: str
    reporter: Reporter | None = None
    """None if the report doesn't say which proxy wrote it."""
    dialect: str = ""
    """'' if the report has the line alone, without its fields."""
    fields: Mapping[str, object] = field(default_factory=dict)
    joined_by: str = ""
    """What links it to the line before, in the report's words."""


@dataclass(frozen=True, slots=True)
class ToldFlow:
    """One flow, or one group of flows, with its verdict."""

    number: int
    """From 1, in the order of the report."""
    outcome: str
    path: str
    target: str
    """As a reader would name it: the URL, or `host:port`."""
    host: str
    port: int | None
    sender: str
    """The workload, or the pod and container; '' if nobody knows."""
    reason: str
    key: str = ""
    """The probe's nonce."""
    client: str = ""
    """How the request ended for the client; '' if nobody asked it."""
    expected: str = ""
    because: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """What is wrong in the configuration."""
    cause: tuple[str, ...] = ()
    """Why it went the way it went, if the report names causes."""
    advice: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    """What the proxies said that they have themselves, one sentence each."""
    lines: tuple[ToldLine, ...] = ()
    """In the order in which the flow passed the proxies."""
    more_lines: int = 0
    """Further lines that the report has for the same group."""
    unclean: tuple[ToldLine, ...] = ()
    """Lines that prove nothing, for their sender may have written fields."""

    @property
    def left(self) -> bool:
        """Whether the report says that it left, by whichever way."""
        return self.path.partition(" ")[0] in _WAYS_OUT

    def is_meant_by(self, name: str) -> bool:
        """Whether a user means this flow: by number, nonce, host, `host:port`, URL or workload."""
        place = self.host if self.port is None else f"{self.host}:{self.port}"
        # A report has URLs without their queries.
        shown = scrubbed_target(name) if "://" in name else name
        return bool({name, shown} & ({str(self.number), self.key, self.host, place, self.target, self.sender} - {""}))
