"""Log lines and what they record: sources, hops, lines that are not hops, and their counts.

Example: `LogLine(LogSource("shop", "cart-1", "istio-proxy"), 41, '[2026-...')` becomes a `Hop`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from egressaudit.model.proxies import Reporter

LOG_LEVELS = (
    *("trace", "debug", "info", "warn", "warning", "error", "critical", "fatal", "dpanic", "panic", "off"),
    *("TRACE", "DEBUG", "INFO", "WARN", "ERROR"),
)
"""The log levels of agent, Envoy and ztunnel: the second word of a line. No wrapper writes one after its time."""


@dataclass(frozen=True, slots=True, order=True)
class LogSource:
    """One container's log. `str()` is also its path in a folder of saved logs, without `.log`."""

    namespace: str
    pod: str
    container: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.pod}/{self.container}"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as the container wrote it, without its newline.

    `text` is UTF-8 decoded with `surrogateescape`, so that bytes which are not UTF-8 survive; `number` counts
    from 1 within its source, as an editor counts.
    """

    source: LogSource
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Hop:
    """One proxy's record of handling one request or connection.

    `fields` maps the column names of `columns.HOP_COLUMNS` to converted values; absent values are None.
    `clean` is False if the line has quotes or spaces that its format does not make: its fields may have been
    written by the sender, and it never takes part in a proof.
    """

    line: LogLine
    reporter: Reporter
    dialect: str
    clean: bool
    fields: Mapping[str, object]

    def get(self, column: str) -> object:
        """The value of a column; None if absent."""
        return self.fields.get(column)

    def text(self, column: str) -> str | None:
        """The value of a text column; None if absent."""
        value = self.fields.get(column)
        return None if value is None else str(value)


@dataclass(frozen=True, slots=True)
class OtherLine:
    """A line that is known not to be an access line: an application log line of proxy or agent, or an empty one."""

    line: LogLine
    kind: str


@dataclass(frozen=True, slots=True)
class Unparsed:
    """A line that no grammar accepts, and where reading failed: `column` counts from 1."""

    line: LogLine
    reason: str
    column: int


@dataclass(frozen=True, slots=True)
class LineCount:
    """What became of the lines of one source: `access + other + unparsed == read`; unclean is part of access."""

    read: int = 0
    access: int = 0
    unclean: int = 0
    other: int = 0
    unparsed: int = 0

    def __add__(self, more: LineCount) -> LineCount:
        """Both together: `sum(counts, LineCount())` is the account of several logs."""
        return LineCount(
            read=self.read + more.read,
            access=self.access + more.access,
            unclean=self.unclean + more.unclean,
            other=self.other + more.other,
            unparsed=self.unparsed + more.unparsed,
        )


@dataclass(frozen=True, slots=True)
class LogFormat:
    """An access log format that a mesh's configuration asks for, and where it stands there.

    `text` is the format string of a text log, `labels` the object (or the text of one) of a JSON log, the other is
    None; empty is Istio's default. With `omit_empty` absent values are left out.
    """

    where: str
    text: str | None = None
    labels: Mapping[str, object] | str | None = None
    omit_empty: bool = False
