"""Attempts of a battery with their verdicts; what a test does not care about is filled in."""

from __future__ import annotations

from dataclasses import replace

from egressaudit.bypass import attempts
from egressaudit.bypass.attempt import Scene
from egressaudit.bypass.ruling import Denies, Judgeable, ruling
from egressaudit.judge.hop_facts import Surfaces
from egressaudit.model import (
    Attempted,
    CurlResult,
    DataplaneMode,
    Probe,
    Scheme,
    Target,
    Tried,
    Verdict,
)
from support.probes import counts, curl, gateway, pod, probe, sidecar, surroundings
from support.verdicts import verdict

IP = "203.0.113.7"
SCENE = Scene(
    target=Target("docs.redhat.com", 80, Scheme.HTTP),
    mode=DataplaneMode.SIDECAR,
    addresses=("10.0.0.5",),
    outside=IP,
)

ORDINARY = verdict(sidecar(), gateway())
"""The ordinary request: PASS, through the gateway."""

BLOCKED = sidecar(
    response_code=502,
    response_code_details="direct_response",
    route_name="block_all",
    upstream_host=None,
    upstream_local_address=None,
    upstream_cluster=None,
    cluster_kind=None,
    cluster_host=None,
)


def nobody(pod: object, reached: str, transport: object) -> str | None:
    """No network policy denies anything."""
    del pod, reached, transport


def connected(*, ok: bool = True) -> Probe:
    """The control of a changed pod: a connection to the gateway."""
    result = curl(http_code=None) if ok else CurlResult(exit_code=7, connected=False, error="refused")
    return replace(probe(result), target=Target("10.0.0.9", 8080, Scheme.TCP), nonce="c" * 16)


def attempted(
    name: str,
    found: Verdict | None = None,
    *,
    ordinary: Verdict | None = ORDINARY,
    control: Probe | None = None,
    admitted: str = "curl/egressaudit-probe-1",
    denies: Denies = nobody,
    escapes: str = "it is not captured",
    **tried: str,
) -> Attempted:
    """The ruling on the attempt of this name."""
    [attempt] = [each for each in attempts().values() if each.name == name]
    known = {"nonce": found.flow.probe.nonce} if found is not None else {}
    surfaces: Surfaces = surroundings(None, counts()).surfaces
    case = Judgeable(
        attempt=attempt,
        tried=Tried(attempt.code, **{**known, **tried}),
        verdict=found,
        ordinary=ordinary,
        control=control,
        admitted=admitted,
        places=surfaces.places,
        pod=pod("curl", "curl-1", "10.0.0.5"),
        escapes=lambda _: escapes,
    )
    return ruling(case, denies)


def uncaptured(result: CurlResult | None = None) -> Verdict:
    """The verdict on the ordinary request from a pod that the mesh does not capture."""
    sent = probe(result or curl(remote_address=f"{IP}:80"))
    return verdict(sent=sent, uncaptured="the pod has no sidecar", captured=False)
