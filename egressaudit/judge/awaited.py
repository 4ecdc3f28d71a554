"""Which further log lines could still change a verdict: a live run judges again only when one of those arrives.

In: verdicts that are not final. Out: texts, e.g. a nonce and `10.0.0.5:41234`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from egressaudit.model import LogLine, Verdict


def awaited(verdicts: Iterable[Verdict]) -> frozenset[str]:
    """Nonces and socket addresses: every line that can change a verdict contains one of them."""
    tokens: set[str] = set()
    for verdict in verdicts:
        if verdict.final:
            continue
        probe = verdict.flow.probe
        tokens.add(probe.nonce)
        if probe.result.local_address:
            tokens.add(probe.result.local_address)
        for hop in verdict.flow.hops:
            tokens.update(
                address
                for column in ("upstream_local_address", "dst_hbone_addr")
                if (address := hop.text(column)) is not None
            )
    return frozenset(tokens)


def any_awaited(lines: Sequence[LogLine], tokens: frozenset[str]) -> bool:
    """Whether one of these lines contains one of these texts."""
    return any(token in line.text for line in lines for token in tokens)
