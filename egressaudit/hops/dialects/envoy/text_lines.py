"""A text line of Envoy in whatever default format it is; of an unclean line, only what nobody can forge.

In: `[2026-11-23T08:04:44.258Z] "GET / HTTP/1.1" 200 - via_upstream ...`. Out: `AccessFields`, or a `Broken` that says
where the line broke.
"""

from __future__ import annotations

from egressaudit.hops.dialects.envoy.default_text import ISTIO, read_clean, read_text
from egressaudit.hops.dialects.envoy.forged import STARTS_LIKE_ACCESS, recover
from egressaudit.hops.dialects.result import Broken, LineResult
from egressaudit.model import Family


class EnvoyTextLines:
    """See `dialects.Dialect`. The formats are in `default_text`."""

    name = ISTIO.name
    family = Family.ENVOY

    @staticmethod
    def starts(text: str) -> bool:
        """Whether it begins as every default text format does."""
        return STARTS_LIKE_ACCESS.match(text) is not None

    @staticmethod
    def read(text: str) -> LineResult:
        """The patterns first, then what can be recovered, then the grammars."""
        try:
            # Lark comes last: it is slow and, as tests prove, accepts no further lines. It only says what is wrong.
            return read_clean(text) or recover(text) or read_text(text)
        except ValueError as error:
            return Broken(f"start_time: {error}", 2)
