"""What a reader must know about a run of `verify` beside its verdicts.

In: the capture, its mesh and its hops. Out: sentences, e.g. `the redirect to http://a.example/ was not followed: ...`.
"""

from __future__ import annotations

from collections.abc import Sequence

from egressaudit.findings.unproven import unproven_notes
from egressaudit.hops.forgeable_logs import Suspicions
from egressaudit.hops.line_parser import unproven, unreadable
from egressaudit.mesh import Mesh
from egressaudit.model import Capture, Hop, Probe


def run_notes(capture: Capture, mesh: Mesh, hops: Sequence[Hop], suspicions: Suspicions) -> tuple[str, ...]:
    """Those of the collection first, then what the lines are worth, then redirects that nobody followed."""
    return (
        *capture.notes,
        *_unread(mesh),
        *suspicions.note(capture.sources),
        *unproven_notes(mesh, capture.sources, hops),
        *_not_followed(capture.probes),
    )


def _not_followed(probes: Sequence[Probe]) -> tuple[str, ...]:
    """Where the last probe was sent on to, and nothing was sent: nobody knows which way that would leave."""
    followed = {probe.redirected_from for probe in probes}
    return tuple(
        f"the redirect to {probe.result.redirect_url} was not followed: which way that leaves is not known"
        for probe in probes
        if probe.nonce not in followed
        and probe.result.redirect_url is not None
        and 300 <= (probe.result.http_code or 0) < 400
    )


def _unread(mesh: Mesh) -> tuple[str, ...]:
    why = unreadable(mesh.custom_formats)
    if why:
        return (f"{why}: Envoy's access lines count as unparsed and prove nothing",)
    return tuple(
        f"{trouble}: its access lines count as not clean and prove nothing" for trouble in unproven(mesh.custom_formats)
    )
