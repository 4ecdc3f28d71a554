"""Lines in a proxy's log that are not access lines: application logs of Istio's agent, Envoy and ztunnel.

In: `2026-11-01T12:00:00.000001Z TAB info TAB Effective config: ...`. Out: `Other("istio-agent")`.
"""

from __future__ import annotations

import re
from functools import cache

from egressaudit.hops.dialects.grammars import grammar_text, line_pattern, terminals
from egressaudit.hops.dialects.multiline import looks_like_access
from egressaudit.hops.dialects.result import Other
from egressaudit.model import Family

_RULES = ("agent", "envoy", "libprotobuf", "slog", "klog")
_WARY = frozenset({"slog", "klog"})
"""Forms that a custom access log format might also have: a line that looks like an access line is never one of
these."""


class EnvoyApplication:
    """See `dialects.Dialect`: the application logs of agent and Envoy, in text."""

    name = "istio-agent"
    family = Family.ENVOY

    @staticmethod
    def starts(_text: str) -> bool:
        """Any line may be one, so this is the last of its family."""
        return True

    @staticmethod
    def read(text: str) -> Other | None:
        """See `read_other`."""
        return read_other(text)


def read_other(text: str, kind: str = "istio-agent", *, wary: bool = False) -> Other | None:
    """Which program's application log line this is; None if it is no known one. Empty lines are `blank`.

    `kind` names the writer of lines that begin with time and level: the agent beside Envoy, or ztunnel. With `wary`, an
    access line may begin like slog's or klog's lines, so no line counts as one of those.
    """
    if not text or text.isspace():
        return Other("blank")
    for rule, pattern in _patterns():
        if pattern.fullmatch(text):
            if rule in _WARY and (wary or looks_like_access(text)):
                return None
            # Inside Istio, Envoy logs in the agent's form with the scope `envoy LOGGER`.
            in_agent_form = rule in ("agent", *_WARY) and text.split(maxsplit=3)[2:3] != ["envoy"]
            return Other(kind if in_agent_form else "envoy")
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    parser = terminals(grammar_text("other_text"))
    return tuple((rule, line_pattern(parser, rule)) for rule in _RULES)
