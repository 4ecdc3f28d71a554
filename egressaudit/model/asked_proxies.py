"""Proxies that were asked for their own configuration, and what they said about one call.

Example: the sidecar of curl/curl-1 says that it sends `docs.example.com:80` to `outbound|80||docs.example.com`, though
the objects declare a gateway: `ProxyView.differences` has a sentence about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.model.proxies import ObjectRef, Reporter
from egressaudit.model.routes import Call, Step


@dataclass(frozen=True, slots=True)
class AskedProxy:
    """What one proxy said. Its pod answered, so whoever may change that pod may have changed the answer."""

    nonce: str
    """The probe that it was asked about."""
    pod: ObjectRef
    reporter: Reporter
    call: Call
    """The call as it reaches this proxy."""
    step: Step | None = None
    """What it does with the call; None if it did not answer, or not what Envoy answers."""
    endpoints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The addresses (`IP:port`) that its clusters have now, without unhealthy ones."""
    refused: tuple[str, ...] = ()
    """Updates from istiod that it refused, with its reason."""
    error: str = ""
    """Why it could not be asked."""


@dataclass(frozen=True, slots=True)
class ProxyView:
    """One proxy's part of a call, three times: as the objects declare it, as the proxy has it, as its line shows it."""

    asked: AskedProxy
    declared: Step | None = None
    """None if the objects do not say it."""
    observed: tuple[str, str] | None = None
    """The cluster and the route of the line that it wrote; None without a line."""
    differences: tuple[str, ...] = ()
    """What does not fit together, one sentence each."""
