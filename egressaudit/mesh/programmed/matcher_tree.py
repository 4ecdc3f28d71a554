"""A waypoint's way to choose a filter chain: a tree of questions about address, port and protocol.

The questions are those that istiod asks (istio/istio pilot/pkg/networking/core/match/match.go); a tree with any other
leads to no chain.

In: `filter_chain_matcher` of a listener. Out: the name of a chain, '' if the tree leads to none.
Example: `ip` 240.240.0.1, then `port` 80, leads to `inbound-vip|80|http|docs.example.com`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from egressaudit.mesh.programmed.dumped import Node
from egressaudit.mesh.programmed.incoming import Incoming
from egressaudit.mesh.untyped import number, rows, table, text

_DEEPEST = 20


def chain_name(matcher: Node, call: Incoming, transport: str, protocols: tuple[str, ...]) -> str:
    """The name of the chain that the tree leads to."""
    asked = {
        "port": str(call.port),
        "ip": call.address,
        "sni": call.sni,
        "application-protocol": ",".join(f"'{each}'" for each in protocols),
        "transport-protocol": transport,
        "authority-filter-state": f"{call.call.host}:{call.port}",
    }
    return _walked(matcher, asked, call.address, _DEEPEST)


def _walked(matcher: Node, asked: Mapping[str, str], address: str, depth: int) -> str:
    for step in (*_steps(matcher, asked, address), table(matcher.get("on_no_match"))):
        if "action" in step:
            return text(table(table(step["action"]).get("typed_config")).get("value"))
        inner = table(step.get("matcher"))
        if inner and depth and (found := _walked(inner, asked, address, depth - 1)):
            return found
    return ""


def _steps(matcher: Node, asked: Mapping[str, str], address: str) -> list[Node]:
    """The ways on. Of ranges of addresses Envoy tries the next one if nothing matches within the first.

    envoyproxy/envoy source/extensions/common/matcher/ip_range_matcher.h, TrieMatcher.
    """
    tree = table(matcher.get("matcher_tree"))
    if custom := table(tree.get("custom_match")):
        return _longest_first(table(custom.get("typed_config")), address)
    given = asked.get(text(table(tree.get("input")).get("name")), "")
    return [table(table(table(tree.get("exact_match_map")).get("map")).get(given))]


def _longest_first(ranges: Node, address: str) -> list[Node]:
    found = []
    for each in rows(ranges.get("range_matchers")):
        rank = max((prefix_rank(cidr, address) for cidr in rows(each.get("ranges"))), default=0)
        if rank:
            found.append((rank, table(each.get("on_match"))))
    return [step for _, step in sorted(found, key=lambda pair: -pair[0])]


def prefix_rank(cidr: Node, address: str) -> int:
    """How long the prefix is that holds an address, plus 1; 0 if it doesn't."""
    try:
        length = number(cidr.get("prefix_len")) or 0
        network = ipaddress.ip_network(f"{text(cidr.get('address_prefix'))}/{length}", strict=False)
        return length + 1 if ipaddress.ip_address(address) in network else 0
    except ValueError:
        return 0
