"""`--columns`: the columns of hops that a user asks for.

In: `upstream_host, line`. Out: `("upstream_host", "line")`; UsageError with a similar name for one that there is not.
"""

from __future__ import annotations

from egressaudit.errors import UsageError


def chosen_columns(text: str, more: tuple[str, ...]) -> tuple[str, ...]:
    """The columns in the order asked for; `more` are those of a custom access log format."""
    from difflib import get_close_matches

    from egressaudit.hops.columns import HOP_COLUMNS

    columns = tuple(name.strip() for name in text.split(","))
    known = (*HOP_COLUMNS, *more)
    for name in columns:
        if name not in known:
            like = get_close_matches(name, known, n=3)
            hint = f"Did you mean {' or '.join(like)}?" if like else f"The columns are {', '.join(known)}."
            raise UsageError(f"unknown column {name!r}", hint=hint)
    if len(set(columns)) != len(columns):
        raise UsageError("--columns names a column twice")
    return columns
