"""A waypoint's way to choose a filter chain: a tree of questions about address, port and protocol.

The questions are those that istiod asks (istio/istio pilot/pkg/networking/core/match/match.go); a tree with any other
leads to no chain.

In: `filter_chain_matcher` of a listener. Out: the name of a chain, '' if the tree leads to none.
Example: `ip` 240.240.0.1, then `port` 80, leads to `inbound-vip|80|http|docs.example.com`.
"""

from __future__ import annotations

import ipaddress

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
    for _ in range(_DEEPEST):
        on_match = _matched(matcher, asked, call.address) or table(matcher.get("on_no_match"))
        if "action" in on_match:
            return text(table(table(on_match["action"]).get("typed_config")).get("value"))
        matcher = table(on_match.get("matcher"))
        if not matcher:
            break
    return ""


def _matched(matcher: Node, asked: dict[str, str], address: str) -> Node:
    tree = table(matcher.get("matcher_tree"))
    if custom := table(tree.get("custom_match")):
        return _longest(table(custom.get("typed_config")), address)
    given = asked.get(text(table(tree.get("input")).get("name")), "")
    return table(table(table(tree.get("exact_match_map")).get("map")).get(given))


def _longest(ranges: Node, address: str) -> Node:
    top, found = 0, {}  # type: tuple[int, Node]
    for each in rows(ranges.get("range_matchers")):
        for cidr in rows(each.get("ranges")):
            rank = prefix_rank(cidr, address)
            if rank > top:
                top, found = rank, table(each.get("on_match"))
    return found


def prefix_rank(cidr: Node, address: str) -> int:
    """How long the prefix is that holds an address, plus 1; 0 if it doesn't."""
    try:
        length = number(cidr.get("prefix_len")) or 0
        network = ipaddress.ip_network(f"{text(cidr.get('address_prefix'))}/{length}", strict=False)
        return length + 1 if ipaddress.ip_address(address) in network else 0
    except ValueError:
        return 0
