"""A window's report in each format; a format is imported when it is asked for, and none of them prints."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from egressaudit.model import AuditReport
from egressaudit.report.output_formats import formats_of

_BINARY = [each.name for each in formats_of("audit") if each.binary]


def render_window(report: AuditReport, output_format: str, *, color: bool = False, width: int = 80) -> str | bytes:
    """The report in one of the formats of `audit`: bytes for Parquet, else text that ends with a line end.

    The same report gives the same bytes. `color` and `width` (columns, at least 40) concern text alone.
    """
    if output_format == "text":
        from egressaudit.report.audit_text import render_window_text

        return render_window_text(report, color=color, width=width)
    out = BytesIO()
    write_window(report, output_format, out)
    return out.getvalue() if output_format in _BINARY else out.getvalue().decode("utf-8")


def write_window(report: AuditReport, output_format: str, out: BinaryIO) -> None:
    """Write the same bytes as `render_window` to `out`; JSON, JSONL, CSV and Parquet row by row, as they come."""
    match output_format:
        case "jsonl":
            from egressaudit.report.audit_json import write_window_jsonl

            write_window_jsonl(report.judged, out)
        case "csv":
            from egressaudit.report.audit_csv import write_window_csv

            write_window_csv(report.judged, out)
        case "parquet":
            from egressaudit.report.audit_parquet import write_window_parquet

            write_window_parquet(report.judged, out)
        case "json":
            from egressaudit.report.audit_json import write_window_json

            write_window_json(report, out)
        case "markdown":
            from egressaudit.report.audit_markdown import render_window_markdown

            out.write(render_window_markdown(report).encode())
        case "junit":
            from egressaudit.report.audit_junit import render_window_junit

            out.write(render_window_junit(report).encode())
        case "text":
            out.write(str(render_window(report, "text")).encode())
        case _:
            raise ValueError(output_format)


def render_window_error(message: str, hint: str, output_format: str) -> str | bytes:
    """What a consumer of a format finds where no audit was performed; text has none, its reader sees the error.

    Formats of rows hold one row whose `outcome` is `NOT_PERFORMED`: an empty file would read as "no flows".
    """
    match output_format:
        case "json":
            from egressaudit.report.audit_json import render_window_json_error

            return render_window_json_error(message, hint)
        case "jsonl":
            from egressaudit.report.audit_json import render_window_jsonl_error

            return render_window_jsonl_error(message, hint)
        case "markdown":
            from egressaudit.report.audit_markdown import render_window_markdown_error

            return render_window_markdown_error(message, hint)
        case "junit":
            from egressaudit.report.verify_junit import render_junit_error

            return render_junit_error(message, hint)
        case "csv":
            from egressaudit.report.audit_csv import render_window_csv_error

            return render_window_csv_error(message, hint)
        case "parquet":
            from egressaudit.report.audit_parquet import render_window_parquet_error

            return render_window_parquet_error(message, hint)
        case _:
            return ""
