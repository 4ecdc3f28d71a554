"""The types of options' values, as click calls them.

In: text of the command line, e.g. `1m30s`. Out: the value, e.g. `90.0`; click's error for text that is none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from typing import Any

import click

_LONGEST = 24 * 3600.0
"""Seconds; a bound, since neither timers nor Kubernetes take any number."""

_LONGEST_AGO = 100 * 366 * 86400
_FIRST_YEAR, _LAST_YEAR = 1971, 2200
"""Proxies' logs are not older, and what computes with times has room on both sides."""
_LEAST_MEMORY, _MOST_MEMORY = 16e6, 1e15


class Duration(click.ParamType[float]):
    """`30s`, `5m`, `1h30m`, `1.5s`, as Go and kubectl write durations; a bare number is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; fails on anything else and on zero."""
        import re

        if isinstance(value, int | float):
            return float(value)
        units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}
        if not re.fullmatch(r"(\d+(\.\d+)?(h|ms|m|s))+|\d+(\.\d+)?", value):
            self.fail(f"{value!r} is not a duration such as 30s or 1m30s", param, ctx)
        seconds = sum(float(n) * units[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)(h|ms|m|s|)", value))
        if seconds <= 0:
            self.fail("a duration must be longer than 0", param, ctx)
        if seconds > _LONGEST:
            self.fail("a duration cannot be longer than a day", param, ctx)
        return seconds


class Moment(click.ParamType["datetime"]):
    """A time: RFC 3339 (`2026-11-23T03:00:00Z`), or how long ago (`90s`, `1h30m`, `2d`)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment in UTC; fails on anything else, and on a time without its zone."""
        import re

        if isinstance(value, datetime):
            return value
        units = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
        if re.fullmatch(r"([0-9]{1,6}[dhms])+", value):
            ago = sum(int(n) * units[unit] for n, unit in re.findall(r"([0-9]+)([dhms])", value))
            if ago > _LONGEST_AGO:
                self.fail(f"{value!r} is longer ago than any log", param, ctx)
            return datetime.now(UTC) - timedelta(seconds=ago)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a time such as 2026-11-23T03:00:00Z nor a duration such as 1h", param, ctx)
        if moment.utcoffset() is None:
            self.fail(f"{value!r} has no time zone: add Z for UTC", param, ctx)
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            self.fail(f"{value!r} is not between the years {_FIRST_YEAR} and {_LAST_YEAR}", param, ctx)
        return moment.astimezone(UTC)


class MemorySize(click.ParamType[str]):
    """`500MB`, `1GB`, `1.5GiB`: how much memory may be used, in DuckDB's words."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same text; fails on what is no size, on less than 16 MB and on more than 999 TB."""
        import re

        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([KMGT])i?B", str(value), re.IGNORECASE)
        if found is None:
            self.fail(f"{value!r} is not a size such as 500MB or 1GB", param, ctx)
        size = float(found[1]) * 1000.0 ** ("KMGT".index(found[2].upper()) + 1)
        if not _LEAST_MEMORY <= size < _MOST_MEMORY:
            self.fail(f"{value!r} is not between 16MB and 999TB", param, ctx)
        return str(value)


def size_in_bytes(size: str) -> int:
    """The bytes of a `MemorySize`: `size_in_bytes("1GB")` is 1000000000."""
    number = size.rstrip("BbIi ")
    unit = 1024 if size[-2:-1] in "Ii" else 1000
    return int(float(number[:-1]) * unit ** ("KMGT".index(number[-1].upper()) + 1))


class Name(click.ParamType[str]):
    """A name that goes to the API server: checked before anything is sent, for it becomes part of a URL."""

    name = "name"

    def __init__(self, what: str, pattern: str, form: str) -> None:
        self._what, self._pattern, self._form = what, pattern, form

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; fails on anything else."""
        import re

        if not re.fullmatch(self._pattern, value):
            self.fail(f"{value!r} is not {self._what}: {self._form}", param, ctx)
        return str(value)


_LABEL_FORM = "1 to 63 of a-z, 0-9 and -, and no - at the start or end"
NAMESPACE = Name("the name of a namespace", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", _LABEL_FORM)
CONTAINER = Name("the name of a container", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", _LABEL_FORM)
RUN_ID = Name("the id of a run", r"[0-9a-z]{1,32}", "the last part of a probe pod's name, such as 1a2b3c4d")


class Share(click.ParamType[float]):
    """`95%` or `95`: a share of a hundred."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share as 0 to 1; fails on anything else."""
        if isinstance(value, float):
            return value
        try:
            share = float(str(value).removesuffix("%")) / 100
        except ValueError:
            self.fail(f"{value!r} is not a percentage such as 95%", param, ctx)
        if not 0 <= share <= 1:
            self.fail(f"{value!r} is not between 0% and 100%", param, ctx)
        return share


Outputs = tuple[tuple[str, File | None], ...]
"""Each report's format and its file, None for standard output."""


class Output(click.ParamType[tuple[str, File | None]]):
    """`FORMAT` for standard output, `FORMAT=FILE` for a file."""

    name = "format"

    def __init__(self, formats: tuple[str, ...]) -> None:
        self._formats = formats

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, File | None]:
        """The format and its file."""
        if isinstance(value, tuple):
            return value
        output_format, equals, file = value.partition("=")
        if output_format not in self._formats or (equals and not file):
            known = f"{', '.join(self._formats[:-1])} or {self._formats[-1]}"
            self.fail(f"{value!r} is not {known}; add =FILE to write it to a file", param, ctx)
        return output_format, File(file) if equals else None
