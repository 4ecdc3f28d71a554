"""Reports: what a run found, written in one of the formats of `output_formats`. Nothing here prints.

In: the report of a command that judges, e.g. a `VerifyReport`, with a format, e.g. `junit`. Out: text, or bytes for a
binary format.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, get_args

from egressaudit.report.output_formats import (
    ReportWriter,
    analyze_writer,
    audit_writer,
    format_of,
    verify_writer,
    what_if_writer,
)
from egressaudit.report.screen import Screen

if TYPE_CHECKING:
    from egressaudit.model import AuditReport, VerifyReport
    from egressaudit.model.analysis import AnalyzeReport
    from egressaudit.model.what_if import WhatIfReport

__all__ = ["AUDITED", "Audited", "Screen", "render", "render_error"]

Audited = Literal["verify", "audit", "analyze", "what-if"]
"""The commands that judge, each with a report of its own; `audit --what-if` has one too."""
AUDITED: tuple[Audited, ...] = get_args(Audited)
_WRITERS: dict[Audited, Callable[[str], ReportWriter[Any]]] = {
    "verify": verify_writer,
    "audit": audit_writer,
    "analyze": analyze_writer,
    "what-if": what_if_writer,
}

_OF_REPORT: dict[str, Audited] = {
    "VerifyReport": "verify",
    "AuditReport": "audit",
    "AnalyzeReport": "analyze",
    "WhatIfReport": "what-if",
}
"""By the name of the report's type, which need not be imported for this."""


def render(
    report: VerifyReport | AuditReport | AnalyzeReport | WhatIfReport, output_format: str, screen: Screen | None = None
) -> str | bytes:
    """The report in one of its command's formats, with a newline at the end; the same report gives the same bytes."""
    command, out = _OF_REPORT[type(report).__name__], BytesIO()
    _WRITERS[command](output_format).write(report, out, screen or Screen())
    return _shown(command, output_format, out.getvalue())


def render_error(command: Audited, output_format: str, message: str, hint: str) -> str | bytes:
    """What a consumer of the format finds where no audit was performed; '' for text, whose reader sees the error."""
    from egressaudit.report.redaction.secret_text import scrubbed

    # Nothing asks for the query or the password of a URL that somebody mistyped.
    message, hint = scrubbed(message), scrubbed(hint)
    return _shown(command, output_format, _WRITERS[command](output_format).error(message, hint))


def _shown(command: Audited, output_format: str, written: bytes) -> str | bytes:
    return written if format_of(command, output_format).binary else written.decode("utf-8")
