"""Reports without what differs between two runs on the same input."""

from __future__ import annotations

import json
from typing import Any


def without_run(report: bytes | str | dict[str, Any]) -> dict[str, Any]:
    """A JSON report, as text or read, without its `run`, which must be there."""
    document: dict[str, Any] = dict(report if isinstance(report, dict) else json.loads(report))
    assert document.pop("run")["id"]
    return document
