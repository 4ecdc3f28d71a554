"""The facts of a line on which its fate depends: few distinct combinations for millions of lines.

In: a hop (`verify`) or a row of distinct facts (`audit`). Out: `EnvoyFacts` or `ZtunnelFacts` for `fate.fate_of`.

Example: a sidecar's line with cluster `outbound|80||docs.redhat.com`, upstream `203.0.113.7:80` and a socket of its own
is `EnvoyFacts(role=SIDECAR, request=True, own=True, place=Place.OUTSIDE, kind="outbound", host=True, ...)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from egressaudit.mesh.places import Place
from egressaudit.model import Path, Reporter


class Fate(StrEnum):
    """What became of a request or connection, as one line proves it. See `judge.fate`."""

    NOT_LEFT = "not-left"
    REFUSED = "refused"
    LEFT = "left"
    MAY_HAVE_LEFT = "may-have-left"
    ONWARD = "onward"
    INSIDE = "inside"
    INBOUND = "inbound"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class EnvoyFacts:
    """The facts of an Envoy's line. Everything comes from its sockets, its clusters and its own words."""

    role: Reporter
    request: bool
    own: bool
    """It had a socket of its own to the upstream: the connection was made."""
    moved: bool
    """It sent bytes to the client. Of a connection these came from the upstream."""
    foreign: bool
    """A socket that must be the proxy's own is not an address of the pod that wrote the log."""
    came_in: bool
    """The request arrived for this pod (an inbound cluster, or no cluster and another pod's socket)."""
    place: Place
    kind: str
    """One of `cluster_name.KINDS`, '' if there is no cluster."""
    host: bool
    """The cluster names a host."""
    service: str
    """What is behind the cluster's host where it is a Kubernetes Service (`mesh.places`), else ''."""
    mixed: bool
    """A retry may have gone elsewhere: the cluster has endpoints that lead to another kind of place."""
    block_all: bool
    """The route is `block_all`, which istiod writes for REGISTRY_ONLY."""
    flags: str
    details: str
    ended: str
    """%CONNECTION_TERMINATION_DETAILS%."""


@dataclass(frozen=True, slots=True)
class ZtunnelFacts:
    """The facts of a ztunnel's line."""

    inbound: bool
    early: bool
    """It says `connection failed`: it gave up before there was anything to count."""
    opened: bool
    """It says `connection opened`, which ztunnel writes before it dials, and no line says how that ended."""
    moved: bool
    """Bytes went either way."""
    foreign: bool
    place: Place
    tunnel: bool
    """It used HBONE: there is an address within a tunnel, or the port is 15008."""
    ends_there: bool
    """The address within the tunnel is the tunnel's own end: it leads to that pod and no further."""
    host: bool
    """It names the destination's service."""
    service: str
    error: str


@dataclass(frozen=True, slots=True)
class LineFate:
    """A fate, the path it would be if nothing came after it, and one word for why (`words.REASONS`).

    `may-have-left` with a path that is known is judged both ways; with `Path.UNKNOWN` it proves nothing.
    """

    fate: Fate
    path: Path = Path.UNKNOWN
    reason: str = ""
