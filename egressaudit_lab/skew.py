"""A proxy whose clock is wrong: the timestamps of its log are shifted as they are read.

In: `[2026-11-23T08:04:44.258Z]` and 90 seconds. Out: `[2026-11-23T08:06:14.258Z]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_TIME = re.compile(rb'((?:^\[?|"(?:start_time|time)":"))(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d+)Z')


def shifted(seconds: float) -> Callable[[bytes], bytes]:
    """What moves the time at which a line begins (in JSON its `start_time` or `time`) by so many seconds."""
    if not seconds:
        return lambda line: line
    by = timedelta(seconds=seconds)

    def move(found: re.Match[bytes]) -> bytes:
        before, whole, fraction = found.groups()
        digits = len(fraction)
        moment = datetime.fromisoformat(f"{whole.decode()}.{fraction.decode():0<6.6}").replace(tzinfo=UTC) + by
        return b"%s%s.%sZ" % (before, f"{moment:%Y-%m-%dT%H:%M:%S}".encode(), f"{moment:%f}000"[:digits].encode())

    return lambda line: _TIME.sub(move, line, count=1)
