"""A hop as a row: how JSON, CSV and a table of hops show its values.

In: the value of a column. Out: the value to write. Example: `plain(datetime(2026, 3, 1, tzinfo=UTC))` is
`2026-03-01T00:00:00.000000Z`; all other values stay as they are.
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
