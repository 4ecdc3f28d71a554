"""Fixes of hops that lead nowhere, whichever API they are written in: VirtualServices first, else routes.

In: `Wrong`. Out: fixes. Example: a rule that sends to a name that is no Service gets the gateway's Service; so does an
HTTPRoute whose backend does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.fixes.fix import Fix, FixRule
from egressaudit.fixes.gateway_ways import route_at_gateway, service_port_fix
from egressaudit.fixes.mesh_rules import destination
from egressaudit.fixes.routes_of_gateway_api import backend
from egressaudit.fixes.wrong import Wrong


def _destination(wrong: Wrong) -> Iterator[Fix]:
    """The right name, else the port that the gateway's Service lacks: either way there is no such cluster."""
    yield from list(destination(wrong)) or list(service_port_fix(wrong)) or list(backend(wrong))


def _gateway_route(wrong: Wrong) -> Iterator[Fix]:
    yield from list(route_at_gateway(wrong)) or list(backend(wrong))


ROWS: tuple[FixRule, ...] = (
    FixRule("destination", _destination),
    FixRule("gateway-route", _gateway_route),
)
