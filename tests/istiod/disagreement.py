"""A disagreement between istiod and the model.

Example: of the call `app/curl-1 {"host": "docs.example.com", ...}` istiod says `refuse no-cluster`, the model `send`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A call, or a service, of which the model says something else than istiod."""

    case: str
    kind: str
    """The kind of the proxy, or `service`."""
    about: str
    istiod: str
    model: str
    classes: tuple[str, str]
    """The first act and reason of istiod and of the model, or what differs of a service: the figures go by these."""
