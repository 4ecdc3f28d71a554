"""Reports without what differs between two runs on the same input."""

from __future__ import annotations

import json
import re
from typing import Any

_RUN = re.compile(
    r'<property name="run\.[a-z]+" value="[^"]*" ?/>|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} of [0-9TZ:-]{20}'
)


def without_run(report: bytes | str | dict[str, Any]) -> dict[str, Any]:
    """A JSON report, as text or read, without its `run`, which must be there."""
    document: dict[str, Any] = dict(report if isinstance(report, dict) else json.loads(report))
    assert document.pop("run")["id"]
    return document


def without_its_name(report: str) -> str:
    """A report as text or JUnit without what it says of its run."""
    return _RUN.sub("", report)
