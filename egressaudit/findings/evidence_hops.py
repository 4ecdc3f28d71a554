"""The lines that a report shows, read as hops: what their columns say, and not only their text.

In: groups with their `Evidence`. Out: the clean hops among those lines, by their log's name and their number. Nothing
is read from disk: evidence has its text.
"""

from __future__ import annotations

from collections.abc import Iterable

from egressaudit.causes.of_window import Hops, log_of
from egressaudit.hops.line_parser import LineParser, format_set
from egressaudit.mesh import Mesh
from egressaudit.model import Evidence, FlowGroup, Hop, LogLine


def evidence_hops(groups: Iterable[FlowGroup], mesh: Mesh) -> Hops:
    """The lines of these groups; those of unknown logs and those that prove nothing are left out."""
    parser = LineParser(format_set(mesh.custom_formats))
    shown = dict.fromkeys(each for group in groups for each in group.evidence)
    read = ((each, _hop(each, mesh, parser)) for each in shown)
    return {(each.source, each.line): hop for each, hop in read if hop is not None}


def _hop(evidence: Evidence, mesh: Mesh, parser: LineParser) -> Hop | None:
    source = log_of(evidence)
    reporter = None if source is None else mesh.reporter(source)
    if source is None or reporter is None or not evidence.raw:
        return None
    parsed = parser.parse(LogLine(source, evidence.line, evidence.raw), reporter)
    return parsed if isinstance(parsed, Hop) and parsed.clean else None
