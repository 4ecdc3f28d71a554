"""Whether the lines that a report shows are lines of its logs, if a bundle has only these lines.

In: a `CheckedBundle`. Out: a sentence for each line of `report.json` that no proven line of `lines.jsonl` is, e.g.
`report.json shows line 41 of shop/cart-1/istio-proxy, and that line reads otherwise`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from egressaudit.bundle.checking import CheckedBundle
from egressaudit.bundle.manifest import REPORT
from egressaudit.bundle.shown_proofs import numbers_of
from egressaudit.errors import BadLogs
from egressaudit.mesh.untyped import rows, table, text
from egressaudit.report.redaction.secret_text import REDACTED
from egressaudit.report.safe import printable
from egressaudit.sources.line_split import MAX_LINE, SHOWN, line_text
from egressaudit.sources.wrappers import Unwrapped, Wrapper, shown_by, unwrap


def shown_lines_of(bundle: CheckedBundle) -> dict[tuple[str, int], str]:
    """Every line that `report.json` shows: its log's name and number, and its text. BadLogs if it isn't a report."""
    try:
        report = table(json.loads(bundle.files[REPORT]))
    except (ValueError, RecursionError) as error:
        raise BadLogs(f"{bundle.file}: {REPORT} is not JSON") from error
    return {
        (text(each.get("source")), number): text(each.get("raw"))
        for each in _evidence(report)
        if isinstance(number := each.get("line"), int)
    }


def unproven_lines(bundle: CheckedBundle) -> Iterator[str]:
    """What the report shows that is not proven, a sentence for each line. BadLogs as above."""
    for (name, number), raw in shown_lines_of(bundle).items():
        logs = numbers_of([(name, number)], bundle.logs)
        found = next((bundle.proven.get((log, number)) for log in logs), None)
        if found is None:
            yield f"{REPORT} shows line {number} of {name}, and no line with that number is proven"
        elif not _is_text_of(raw, found.text):
            yield f"{REPORT} shows line {number} of {name}, and that line reads otherwise"


def _evidence(report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for each in (*rows(report.get("findings")), *rows(report.get("flows"))):
        yield from rows(each.get("evidence"))


def _is_text_of(raw: str, line: bytes) -> bool:
    """Whether a report shows this line so: without what is around it, and of a line in parts, from its first one on."""
    bare = line.removesuffix(b"\n").removesuffix(b"\r")
    whole = line_text(bare if len(bare) <= MAX_LINE else bare[:SHOWN])
    found = [Unwrapped(whole), unwrap(whole, shown_by(whole) or Wrapper.NONE)]
    return any(_reads(raw, printable(each.text), partial=each.partial) for each in found)


def _reads(raw: str, line: str, *, partial: bool) -> bool:
    """Whether a shown line is this one, but for secrets that were taken out of it."""
    if REDACTED not in raw:
        return raw == line or (partial and raw.startswith(line))
    if partial or "\\" in line:
        # A part may end within the secret, and what is taken out of JSON may change how the rest of it is escaped.
        return True
    first, *between, last = raw.split(REDACTED)
    at = len(first)
    for each in between:
        if (at := line.find(each, at)) < 0:
            return False
        at += len(each)
    return line.startswith(first) and line.endswith(last) and len(line) - len(last) >= at
