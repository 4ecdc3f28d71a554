"""What is expected of a target, and which proxy captures its source: from the snapshot alone, before any log is read.

In: a pod and http://docs.example.com/. Out: `Expectation(Path.VIA_GATEWAY, via=egress/gw, ...)`.
"""

from __future__ import annotations

from egressaudit.errors import BadLogs, NothingExpected, UsageError
from egressaudit.mesh import Mesh
from egressaudit.model import Capture, Claim, DataplaneMode, Expectation, LogSource, ObjectRef, Path, Pod, Probe, Target

_EXPECTED = {path.word: path for path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT, Path.DIRECT, Path.BLOCKED)}


def source_of(mesh: Mesh, probe: Probe) -> Pod:
    """The pod that a probe was sent from; BadLogs if the snapshot does not have it."""
    pod = mesh.pod(probe.source)
    if pod is None:
        raise BadLogs(f"mesh.json has no pod {probe.source}, which a probe was sent from")
    return pod


def source_log(mesh: Mesh, probe: Probe) -> LogSource | None:
    """The log of the proxy that captures a probe's pod: its sidecar, or the ztunnel of its node."""
    pod = source_of(mesh, probe)
    return mesh.source_log(pod)


def expectations_of(capture: Capture, mesh: Mesh) -> dict[str, Expectation]:
    """What is expected of each probe, by nonce. A redirect inherits it if nothing claims its own target."""
    expectations: dict[str, Expectation] = {}
    for probe in capture.probes:
        try:
            expectations[probe.nonce] = expectation(mesh, source_of(mesh, probe), probe.target, capture.expect)
        except NothingExpected:
            before = expectations.get(probe.redirected_from or "")
            if before is None:
                raise
            claim = mesh.claim(source_of(mesh, probe), probe.target)
            expectations[probe.nonce] = Expectation(
                path=before.path,
                via=before.via,
                pods=before.pods,
                because=("the redirect comes from a host that is expected to go this way",),
                faults=claim.faults,
                passing=before.passing,
            )
    return expectations


def expectation(mesh: Mesh, source: Pod, target: Target, expect: str | None) -> Expectation:
    """The way a request should go: by `--expect`, else by the configuration; NothingExpected without either."""
    claim = mesh.claim(source, target)
    if expect is not None:
        path, ref = parse_expect(expect)
        if path in (Path.DIRECT, Path.BLOCKED):
            return Expectation(path=path, because=("--expect",))
        named = mesh.gateway(path, ref)
        return Expectation(
            path=path,
            via=named.via,
            pods=named.pods,
            because=("--expect",),
            faults=(*named.faults, *claim.faults),
            passing=_before(source, claim),
            last=True,
        )
    if claim.path is None:
        faults = "; ".join(claim.fault_texts)
        raise NothingExpected(
            f"nothing in the mesh configuration says that {target.host}:{target.port} should leave through a gateway "
            f"or waypoint{': ' + faults if faults else ''}",
            hint="Say what you expect: --expect gateway[=NS/NAME], waypoint[=NS/NAME], direct or blocked.",
        )
    return Expectation(claim.path, claim.via, claim.pods, claim.because, claim.faults, claim.passing)


def _before(source: Pod, claim: Claim) -> tuple[ObjectRef, ...]:
    """The waypoint that the configuration puts in front of a gateway: it may be passed on the way to the named one."""
    if claim.path is Path.VIA_GATEWAY and source.mode is DataplaneMode.AMBIENT:
        # For a chain, the claim's `via` is the gateway at its end.
        return claim.passing
    return (claim.via,) if claim.path is Path.VIA_WAYPOINT and claim.via is not None else ()


def parse_expect(text: str) -> tuple[Path, ObjectRef | None]:
    """`gateway[=NS/NAME]`, `waypoint[=NS/NAME]`, `direct` or `blocked`; UsageError for anything else."""
    word, equals, name = text.partition("=")
    path = _EXPECTED.get(word)
    namespace, slash, short = name.partition("/")
    if path is None or (equals and (path in (Path.DIRECT, Path.BLOCKED) or not (namespace and slash and short))):
        raise UsageError(
            f"invalid --expect {text!r}",
            hint="Use gateway, gateway=NAMESPACE/NAME, waypoint, waypoint=NAMESPACE/NAME, direct or blocked.",
        )
    return path, ObjectRef(namespace, short) if equals else None
