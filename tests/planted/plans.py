"""What a generated mesh is to send: plans of flows, and the group that an audit has to count each in."""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.model import Path
from planted.cluster import GATEWAY, GATEWAY_HOST, Workload

FlowKey = tuple[str, str, str, int, str]
"""Namespace, workload, host, port and path of a flow group."""

_PORTS = {"http": 80, "originate": 80, "tls": 443, "tcp": 5432}


@dataclass(frozen=True, slots=True)
class Host:
    """A host outside the mesh; `vip` is what ambient pods dial for it."""

    name: str
    ip: str
    vip: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Flows of one workload to one host: `way` is a method of Traffic."""

    way: str
    workload: Workload
    host: Host
    scheme: str = "http"
    gateway: str = GATEWAY
    called: str = ""
    """The server name that the sender gives, where it is not the host's."""
    other: Workload | None = None
    """Who shares the waypoint's connection."""
    early: bool = False
    """Before the window."""

    @property
    def port(self) -> int:
        """The port that is dialed."""
        return _PORTS[self.scheme]


BY_ADDRESS = ("passthrough", "passthrough_ambient", "black_hole", "block_all", "lost", "lost_partly")
"""Ways of which only the address of the host is known."""
PATHS = {
    # A gateway that gave up after several attempts does not say what became of the first ones.
    **dict.fromkeys(("gateway", "chain", "shared_chain", "upstream_down"), Path.VIA_GATEWAY),
    "waypoint": Path.VIA_WAYPOINT,
    **dict.fromkeys(("direct", "cut", "perhaps", "direct_ambient"), Path.DIRECT),
    **dict.fromkeys(("passthrough", "passthrough_ambient"), Path.PASSTHROUGH),
    **dict.fromkeys(("black_hole", "block_all", "refused"), Path.BLOCKED),
    **dict.fromkeys(("gateway_down", "unconnected"), Path.FAILED),
    **dict.fromkeys(("stranger", "silent"), Path.UNATTRIBUTED),
    **dict.fromkeys(("lost", "lost_partly", "lost_tunnel", "replaced", "reused"), Path.UNKNOWN),
}
"""The path of each way that is a flow."""
FAILING = ("upstream_down", "gateway_down", "unconnected")
"""Ways on which nothing is proven to have left, and nothing may have left the wrong way."""


def key(plan: Plan) -> FlowKey:
    """The group that a plan's flows are to be counted in."""
    sender = ("", "") if plan.way == "stranger" else (plan.workload.namespace, plan.workload.name)
    host, port = plan.host.ip if plan.way in BY_ADDRESS else plan.host.name, plan.port
    if plan.way in ("replaced", "reused", "gateway_down"):
        host, port = GATEWAY_HOST, 80
    elif plan.scheme == "originate":
        port = 443
    return (*sender, host, port, PATHS[plan.way].value)
