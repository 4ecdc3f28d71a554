"""Whose lines a dialect is for."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """The program that writes a log. Who wrote a log is known before its lines are read, or told by their shape."""

    ENVOY = "envoy"
    """Envoy, with Istio's agent beside it: sidecars, gateways, waypoints."""
    ZTUNNEL = "ztunnel"
