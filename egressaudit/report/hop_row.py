"""A hop as a row: in goes a value of a column, out comes how JSON, CSV and a table of hops show it.

`plain(datetime(2026, 3, 1, tzinfo=UTC))` is `2026-03-01T00:00:00.000000Z`; all else stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from egressaudit.times import rfc3339

Row = Mapping[str, object]
"""Values by column of `columns.HOP_COLUMNS`."""


def plain(value: object) -> object:
    """The value with times as RFC 3339."""
    return rfc3339(value, "microseconds") if isinstance(value, datetime) else value


def json_line(document: Mapping[str, object]) -> str:
    """One line of JSON in ASCII without control characters: bytes that were not UTF-8 are lone surrogates there."""
    return json.dumps(document, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n"
