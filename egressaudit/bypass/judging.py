"""A battery judged: each probe by the one judgement of all probes, and from that the ruling on each attempt.

In: what a run collected, and the hops of its logs. Out: a `BypassReport`; of a saved run the same one again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from egressaudit.addresses import ip_of, port_of
from egressaudit.bypass import attempts
from egressaudit.bypass.attempt import Transport
from egressaudit.bypass.ruling import Denies, Judgeable, ruling
from egressaudit.errors import BadLogs
from egressaudit.join.probe_hops import Vantage, join
from egressaudit.judge.expected import Expectations, source_of
from egressaudit.judge.outcome import THROUGH
from egressaudit.judge.probe_surroundings import ProbeSurroundings
from egressaudit.judge.verdict import judge
from egressaudit.mesh import Mesh
from egressaudit.mesh.modes.sidecar import PROXY_USER
from egressaudit.mesh.network.egress_rules import Outside
from egressaudit.mesh.network.enforced import EnforcedNetwork
from egressaudit.model import Battery, BypassReport, Expectation, Hop, ObjectRef, Path, Pod, Probe, Tried, Verdict

UDP_IS_FREE = "the mesh does not capture UDP"


def denied_by_network(network: EnforcedNetwork) -> Denies:
    """What policies of the network deny, where something provably enforces them: that nothing answers proves little."""

    def denies(pod: Pod, reached: str, transport: Transport) -> str | None:
        address, port = ip_of(reached), port_of(reached)
        if address is None or port is None:
            return None
        protocol = "UDP" if transport is Transport.UDP else "TCP"
        by = network.denied(pod, Outside(ip_address(address), port, protocol))
        enforcer = network.enforcer(pod, by)
        return f"{' and '.join(by)}, which {enforcer} enforces," if by and enforcer else None

    return denies


@dataclass(frozen=True, slots=True)
class BatteryFacts:
    """What the batteries of a run are judged by; the same as for its other probes."""

    mesh: Mesh
    hops: Sequence[Hop]
    vantage: Vantage
    wanted: Expectations
    around: Callable[[Probe], ProbeSurroundings]


def bypass_report(battery: Battery, facts: BatteryFacts) -> BypassReport:
    """The ruling on every attempt of a battery; BadLogs if it has attempts that the catalogue does not have."""
    catalogue = attempts()
    unknown = sorted({each.code for each in battery.tried} - catalogue.keys())
    if unknown:
        raise BadLogs(f"the saved battery has attempts that this version does not know: {', '.join(unknown)}")
    verdicts = _verdicts(battery, facts)
    probes = {each.nonce: each for each in battery.probes}
    free = _by_proxy_user(facts.mesh)

    def case(tried: Tried) -> Judgeable:
        verdict = verdicts.get(tried.nonce)
        attempt, source = catalogue[tried.code], battery.source if verdict is None else verdict.flow.probe.source
        pod = facts.mesh.pod(source)

        def escapes(reached: str) -> str:
            return _escapes(facts.mesh, pod, reached, attempt.transport, free)

        return Judgeable(
            attempt=attempt,
            tried=tried,
            verdict=verdict,
            ordinary=verdicts.get(battery.control),
            control=probes.get(tried.control),
            admitted=battery.admitted,
            places=facts.mesh.places,
            pod=pod,
            escapes=escapes,
        )

    denies = denied_by_network(facts.mesh.network)
    rulings = [ruling(case(each), denies) for each in battery.tried]
    return BypassReport(battery.target, battery.source, tuple(rulings))


def _verdicts(battery: Battery, facts: BatteryFacts) -> dict[str, Verdict]:
    """The verdict on each probe, by nonce. Probes of controls only connect: which way does not matter."""
    udp = {each.nonce for each in battery.tried if attempts()[each.code].transport is Transport.UDP}
    controls = {each.control for each in battery.tried}
    free = _by_proxy_user(facts.mesh)
    pod = facts.mesh.pod(battery.source)
    if pod is None:
        raise BadLogs(f"mesh.json has no pod {battery.source}, which the battery was sent from")
    base = facts.wanted.of(pod, battery.target)
    found = {}
    for flow in join(facts.hops, (each for each in battery.probes if each.nonce not in controls), facts.vantage):
        probe = flow.probe
        around = _around(facts.around(probe), probe, free, udp)
        found[probe.nonce] = judge(flow, _own(probe, facts, base), around)
    return found


def _own(probe: Probe, facts: BatteryFacts, base: Expectation) -> Expectation:
    """What is expected of an attempt: its own gateway or waypoint, or nothing at all; else what the host's is.

    That nothing is said of the host's address, or that it may leave directly, makes no way around of it allowed.
    """
    own = facts.wanted.of(source_of(facts.mesh, probe), probe.target)
    return own if own.path in (*THROUGH, Path.BLOCKED) else base


def _escapes(mesh: Mesh, pod: Pod | None, reached: str, transport: Transport, free: Mapping[ObjectRef, str]) -> str:
    """Why what a pod sends to an `IP:port` provably goes around the proxies; '' if it does not, or may not."""
    if pod is None:
        return ""
    if transport is Transport.UDP:
        return UDP_IS_FREE
    return free.get(pod.ref, "") or mesh.uncaptured(pod, port_of(reached) or 0, reached)


def _around(around: ProbeSurroundings, probe: Probe, free: Mapping[ObjectRef, str], udp: set[str]) -> ProbeSurroundings:
    """The surroundings of a probe, with what an attempt makes sure that the mesh does not capture."""
    if probe.nonce in udp:
        return replace(around, uncaptured=UDP_IS_FREE)
    why = free.get(probe.source)
    return around if why is None or around.uncaptured else replace(around, uncaptured=why)


def _by_proxy_user(mesh: Mesh) -> dict[ObjectRef, str]:
    """The pods whose containers run as the proxy's user, by the snapshot, and the clause that says so."""
    spots = (each for each in mesh.blind_spots() if each.kind == PROXY_USER)
    return {ObjectRef(*each.subject.split("/", 1)): each.reason for each in spots}
