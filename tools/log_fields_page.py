"""Write docs/log-fields.md from the tables of what proxies write: `python tools/log_fields_page.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from egressaudit.hops.meanings import (
    CLUSTERS,
    CODE_DETAILS,
    DIRECTIONS,
    RESPONSE_FLAGS,
    ROUTES,
    TERMINATION_DETAILS,
    TRANSPORT_FAILURES,
    ZTUNNEL_ERRORS,
    Meaning,
)
from egressaudit.hops.meanings.code_details import RESET_REASONS

FILE = Path(__file__).resolve().parent.parent / "docs" / "log-fields.md"

HEAD = """\
# What the fields of a log line mean

`egressaudit explain REPORT [FLOW]` tells one flow of a report as a story: each hop, its line with marks under the
fields that decide, and what follows. These are the meanings that it uses; `tools/log_fields_page.py` writes this page
from them.

A word alone rarely proves what became of a request: its fate depends on the sockets of the line too
([evidence.md](evidence.md#fates)). The column "alone it proves" says how far a word goes by itself.
"""

PARTS: tuple[tuple[str, str, Sequence[Meaning]], ...] = (
    (
        "Response flags",
        (
            "Envoy's `%RESPONSE_FLAGS%`: all flags of its core. A line can have several, with commas between them.\n"
            "Extensions can add more."
        ),
        RESPONSE_FLAGS,
    ),
    (
        "Response code details",
        (
            "Envoy's `%RESPONSE_CODE_DETAILS%`: who set the response code, and why. A value is one of these or begins\n"
            "with one."
        ),
        CODE_DETAILS,
    ),
    (
        "Reasons of a reset",
        (
            "What stands in the braces of `upstream_reset_before_response_started{...}` and "
            "`upstream_reset_after_response_started{...}`."
        ),
        RESET_REASONS,
    ),
    (
        "Connection termination details",
        "Envoy's `%CONNECTION_TERMINATION_DETAILS%`, how a value begins. Extensions can write any other text.",
        TERMINATION_DETAILS,
    ),
    (
        "Upstream transport failures",
        "Words in Envoy's `%UPSTREAM_TRANSPORT_FAILURE_REASON%`. The rest of a value is the library's own text.",
        TRANSPORT_FAILURES,
    ),
    (
        "Directions of clusters",
        (
            "Istio names a cluster `direction|port|subset|host`, e.g. `outbound|80||docs.redhat.com`. The subset is a\n"
            "DestinationRule's; a waypoint's begins with `http` or `tcp`."
        ),
        DIRECTIONS,
    ),
    ("Clusters with names of their own", "", CLUSTERS),
    (
        "Routes",
        (
            "Envoy's `%ROUTE_NAME%`. Any other name is a rule's: of a VirtualService's `http` rule, or "
            "`namespace.route.number` of an HTTPRoute."
        ),
        ROUTES,
    ),
    ("Errors of ztunnel", "How the `error` of ztunnel's access line begins.", ZTUNNEL_ERRORS),
)


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_part(*part) for part in PARTS)


def _part(title: str, what: str, table: Sequence[Meaning]) -> str:
    named = any(each.name for each in table)
    sources = {each.source.partition("::")[0] for each in table}
    said = "\n\n".join(filter(None, (what, f"Source: {sources.pop()}." if len(sources) == 1 else "")))
    columns = ["word", *(["name"] if named else []), "meaning", "alone it proves", *(["source"] if sources else [])]
    rows = [columns, ["---"] * len(columns), *(_row(each, named=named, sourced=bool(sources)) for each in table)]
    return f"\n## {title}\n\n{said}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(each: Meaning, *, named: bool, sourced: bool) -> list[str]:
    name, source = [each.name] if named else [], [each.source] if sourced else []
    return [f"`{each.word.strip()}`", *name, each.says, str(each.proves), *source]


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
