"""Times as reports write them.

In: a `datetime` with a zone. Out: RFC 3339 text in UTC, `2026-11-24T08:00:00Z`.
"""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(at: datetime, timespec: str = "auto") -> str:
    """The time in UTC as RFC 3339 writes it; `timespec` as for `datetime.isoformat`.

    >>> rfc3339(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))
    '2026-11-24T08:00:00Z'
    """
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
