"""Reports: each format is one function from a `VerifyReport` to text. A format returns text; it never prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from egressaudit.model import VerifyReport


def render(report: VerifyReport, output_format: str, *, color: bool = False, width: int = 100) -> str:
    """The report in one of the formats of `verify`, ending with a line end; `color` and `width` concern text alone."""
    match output_format:
        case "text":
            from egressaudit.report.verify_text import render_text

            return render_text(report, color=color, width=width)
        case "json":
            from egressaudit.report.verify_json import render_json

            return render_json(report)
        case "junit":
            from egressaudit.report.verify_junit import render_junit

            return render_junit(report)
        case _:
            raise ValueError(output_format)


def render_error(message: str, hint: str, output_format: str) -> str:
    """What a consumer of a format finds where no audit was performed; text has none, its reader sees the error."""
    match output_format:
        case "json":
            from egressaudit.report.verify_json import render_json_error

            return render_json_error(message, hint)
        case "junit":
            from egressaudit.report.verify_junit import render_junit_error

            return render_junit_error(message, hint)
        case _:
            return ""
