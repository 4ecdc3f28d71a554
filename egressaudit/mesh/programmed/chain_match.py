"""Which filter chain of a listener takes a call, in the order in which Envoy asks.

Destination port, destination address (longest prefix), server name (exact, then longest wildcard), transport protocol,
application protocols in the order that the client offers. At each question the chains that match best stay; where none
matches, those that don't ask it (envoyproxy/envoy api/envoy/config/listener/v3/listener_components.proto,
FilterChainMatch; istio/istio pilot/pkg/simulation/traffic.go).

In: a listener and an `Incoming`. Out: the chain, or None.
Example: of chains for `docs.example.com` and `*.example.com` the first takes SNI docs.example.com.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from egressaudit.mesh.programmed.dumped import Node
from egressaudit.mesh.programmed.incoming import Incoming
from egressaudit.mesh.programmed.listener_match import inspected
from egressaudit.mesh.programmed.matcher_tree import chain_name, prefix_rank
from egressaudit.mesh.untyped import number, rows, table, text, words

_EXACT = 1 << 20
_Asked = TypeVar("_Asked")
_Rank = Callable[[Node], int | None]
"""How well a chain's match fits: None if it doesn't ask, 0 if it doesn't fit."""


def chain_for(listener: Node, call: Incoming) -> Node | None:
    """The filter chain that takes it."""
    transport, protocols = inspected(listener, call)
    chains = rows(listener.get("filter_chains"))
    default = table(listener.get("default_filter_chain")) or None
    if matcher := table(listener.get("filter_chain_matcher")):
        name = chain_name(matcher, call, transport, protocols)
        return next((each for each in chains if name and text(each.get("name")) == name), default)
    ranks: tuple[_Rank, ...] = (
        lambda match: _only(number(match.get("destination_port")), call.port),
        lambda match: _of(rows(match.get("prefix_ranges")), lambda each: prefix_rank(each, call.address)),
        lambda match: _of(words(match.get("server_names")), lambda each: _name_rank(each.lower(), call.sni)),
        lambda match: _only(text(match.get("transport_protocol")) or None, transport),
    )
    for rank in ranks:
        chains = _best(chains, rank)
    return next(iter(_by_protocol(chains, protocols)), default)


def _only(asked: object, given: object) -> int | None:
    return None if asked is None else int(asked == given)


def _of(asked: Sequence[_Asked], rank: Callable[[_Asked], int]) -> int | None:
    return max(map(rank, asked)) if asked else None


def _name_rank(name: str, sni: str) -> int:
    if name == sni:
        return _EXACT
    return len(name) if name.startswith("*") and sni and sni.endswith(name[1:]) else 0


def _best(chains: Sequence[Node], rank: _Rank) -> tuple[Node, ...]:
    ranked = [(rank(table(each.get("filter_chain_match"))), each) for each in chains]
    top = max((each for each, _ in ranked if each), default=0)
    return tuple(chain for each, chain in ranked if (each == top if top else each is None))


def _by_protocol(chains: Sequence[Node], offered: Sequence[str]) -> Sequence[Node]:
    def asked(chain: Node) -> tuple[str, ...]:
        return words(table(chain.get("filter_chain_match")).get("application_protocols"))

    for protocol in offered:
        if found := [each for each in chains if protocol in asked(each)]:
            return found
    return [each for each in chains if not asked(each)]
