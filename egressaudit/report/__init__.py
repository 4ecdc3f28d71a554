"""Reports: what a run found, written in one of the formats of `output_formats`. Nothing here prints.

In: a `VerifyReport` or an `AuditReport`, e.g. with the format `junit`. Out: text, or bytes for a binary format.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Literal

from egressaudit.report.output_formats import audit_writer, format_of, verify_writer
from egressaudit.report.screen import Screen

if TYPE_CHECKING:
    from egressaudit.model import AuditReport, VerifyReport

__all__ = ["Audited", "Screen", "render", "render_error"]

Audited = Literal["verify", "audit"]
"""The commands that audit, each with a report of its own."""


def render(report: VerifyReport | AuditReport, output_format: str, screen: Screen | None = None) -> str | bytes:
    """The report in one of its command's formats, with a newline at the end; the same report gives the same bytes."""
    from egressaudit.model import VerifyReport

    screen, out = screen or Screen(), BytesIO()
    if isinstance(report, VerifyReport):
        verify_writer(output_format).write(report, out, screen)
        return _shown("verify", output_format, out.getvalue())
    audit_writer(output_format).write(report, out, screen)
    return _shown("audit", output_format, out.getvalue())


def render_error(command: Audited, output_format: str, message: str, hint: str) -> str | bytes:
    """What a consumer of the format finds where no audit was performed; '' for text, whose reader sees the error."""
    error = verify_writer(output_format).error if command == "verify" else audit_writer(output_format).error
    return _shown(command, output_format, error(message, hint))


def _shown(command: Audited, output_format: str, written: bytes) -> str | bytes:
    return written if format_of(command, output_format).binary else written.decode("utf-8")
