"""What the SARIF logs of `analyze` and `audit` share: the one run, its tool, and words that are only words.

In: rules, results and notifications. Out: JSON. Example: `sarif_text("see [a](http://b)")` is `see [a] (http://b)`,
which no viewer shows as a link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from egressaudit import __version__
from egressaudit.report.safe import printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LINK = re.compile(r"\](?=\()")
_PLACEHOLDER = re.compile(r"\{(?=\d)")


def sarif_text(text: str, limit: int | None = None) -> str:
    """Text for a `message`, where `[a](b)` would be a link and `{0}` an argument (SARIF 2.1.0, 3.11.5, 3.11.6)."""
    return _PLACEHOLDER.sub("{ ", _LINK.sub("] ", printable(text, limit)))


def notification(level: str, text: str, rule: str = "") -> dict[str, Any]:
    """What a run says beside its results; with the rule that it is about."""
    about = {"associatedRule": {"id": printable(rule)}} if rule else {}
    return {"level": level, "message": {"text": sarif_text(text)}, **about}


def sarif_log(
    rules: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    notifications: Sequence[Mapping[str, Any]],
    *,
    successful: bool,
    **more: Any,
) -> bytes:
    """The log of one run in ASCII; `more` are further keys of the run."""
    run = {
        "tool": {"driver": {"name": "egressaudit", "version": __version__, "rules": list(rules)}},
        "invocations": [{"executionSuccessful": successful, "toolExecutionNotifications": list(notifications)}],
        "results": list(results),
        **more,
    }
    return (json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n").encode()
