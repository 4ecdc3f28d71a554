"""Read untyped YAML without trusting its shape: a value of a wrong type counts as absent: `texts({"a": 1})` is `{}`.

In: any value that YAML or JSON gave. Out: what has the right type in it; if nothing has, an empty value or None.
Example: `words(["a", 1])` is `("a",)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from egressaudit.addresses import host_matches

_TABLE = (dict, Mapping)
"""What is nearly always a dict is known as one at once; to ask the abstract class takes four times as long."""


def table(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, _TABLE) else {}


def rows(value: object) -> tuple[Mapping[str, Any], ...]:
    """The mappings of a list, in its order."""
    return tuple(each for each in value if isinstance(each, _TABLE)) if isinstance(value, list | tuple) else ()


def words(value: object) -> tuple[str, ...]:
    """The texts of a list, in its order."""
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()


def text(value: object) -> str:
    """The value if it is text, else ''."""
    return value if isinstance(value, str) else ""


def texts(value: object) -> dict[str, str]:
    """The entries of a mapping whose keys and values are text: labels, annotations, selectors."""
    return {key: each for key, each in table(value).items() if isinstance(key, str) and isinstance(each, str)}


def number(value: object) -> int | None:
    """The value if it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
    """The value if it is a time as Kubernetes writes it (RFC 3339 with a zone), in UTC; else None."""
    try:
        found = datetime.fromisoformat(text(value))
        return found.astimezone(UTC) if found.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def picks(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether all labels of the selector are present; an empty selector selects everything."""
    return all(labels.get(key) == value for key, value in selector.items())


def covers(pattern: str, host: str) -> bool:
    """Whether a host of the configuration matches this host: equal, `*.suffix`, or `*`."""
    return pattern == "*" or host_matches(pattern, host)


def names(items: object) -> str:
    """Several values for a reader: sorted, joined by commas."""
    return ", ".join(sorted({str(each) for each in items})) if isinstance(items, set | frozenset | tuple | list) else ""
