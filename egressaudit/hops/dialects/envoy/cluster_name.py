"""The names of Envoy's clusters, taken apart: direction, port, subset and host.

In: `outbound|443||docs.example.com`. Out: `ClusterName("outbound", "outbound", 443, None, "docs.example.com")`.
"""

from __future__ import annotations

from dataclasses import dataclass

from lark import LarkError, Token

from egressaudit.hops.dialects.grammars import grammar

KINDS = (
    "outbound",
    "inbound",
    "inbound-vip",
    "passthrough",
    "blackhole",
    "inbound-passthrough",
    "dynamic-dns",
    "other",
)
"""Every value of `ClusterName.kind`; `other` is a name in no known form."""

_SPECIAL = {
    "PASSTHROUGH": "passthrough",
    "BLACKHOLE": "blackhole",
    "INBOUND_PASSTHROUGH": "inbound-passthrough",
    "DYNAMIC_DNS": "dynamic-dns",
}


@dataclass(frozen=True, slots=True)
class ClusterName:
    """The parts of a cluster's name; None for parts it does not have. `kind` is one of `KINDS`."""

    kind: str
    direction: str | None = None
    port: int | None = None
    subset: str | None = None
    host: str | None = None


def cluster_name(text: str | None) -> ClusterName | None:
    """The parts of a cluster's name, None without one; the `;` that %UPSTREAM_CLUSTER% may append is ignored."""
    if text is None or text == "-":
        return None
    try:
        tree = grammar("cluster_name").parse(text)
    except LarkError:
        return ClusterName("other")
    part = tree.children[0]
    if isinstance(part, Token):
        return ClusterName(_SPECIAL[part.type])
    direction, port, subset, host = (None if each is None else str(each) for each in part.children)
    assert direction is not None
    assert port is not None
    return ClusterName(kind=direction, direction=direction, port=int(port), subset=subset, host=host)


def cluster_columns(text: str | None) -> dict[str, object]:
    """The columns derived from `upstream_cluster`; all None if there is no cluster."""
    name = cluster_name(text) or ClusterName("")
    return {
        "cluster_kind": name.kind or None,
        "cluster_direction": name.direction,
        "cluster_port": name.port,
        "cluster_subset": name.subset,
        "cluster_host": name.host,
    }
