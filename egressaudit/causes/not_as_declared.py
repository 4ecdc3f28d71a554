"""The table of ways that no fault explains: nothing is declared, something else is, or the proxy does not do it.

In: `Symptoms`. Out: `Because`. Example: a registered host that no rule leads to a gateway is EC88.
"""

from __future__ import annotations

from collections.abc import Iterator

from egressaudit.causes.cause_rule import Because, CauseRule
from egressaudit.causes.declared_steps import agrees, at_source, deciding_rules, declared_words
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.logging.envoyfilters import Touch
from egressaudit.model import Cause, DataplaneMode, LookAlike, Path, Stage

_THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)


def _other_way(seen: Symptoms) -> Because | None:
    """That the configuration sends it to a gateway or waypoint which is not the expected one."""
    through = seen.through or seen.sent_to
    judged = seen.path in (*_THROUGH, Path.UNKNOWN) and seen.expected in (*_THROUGH, Path.DIRECT)
    meant = tuple(each for each in (seen.via, *seen.passing) if each is not None)
    # Where any gateway is meant, none is the wrong one.
    wrong = [each for each in through if (meant or seen.expected is Path.DIRECT) and each not in meant]
    if not judged or not through or not (wrong or seen.code == "EA103"):
        return None
    line, claim = seen.source_line, seen.claim
    cluster = line.text("upstream_cluster") or line.text("dst_service") if line is not None else None
    way = " and ".join(map(str, through))
    sent = f"the {line.reporter.noun} chose {cluster}" if line is not None and cluster else f"it went through {way}"
    by = f"; {', '.join(claim.because)} lead to {claim.via}" if claim.via not in (None, seen.via) else ""
    return Because((f"{sent}, which is {way}{by}",), claim.because)


def _nothing_declared(seen: Symptoms) -> Because | None:
    waypoint = seen.mode is DataplaneMode.AMBIENT and seen.expected is Path.VIA_WAYPOINT and bool(seen.entries)
    if seen.source is None or waypoint or not seen.is_external or seen.expected not in (None, *_THROUGH):
        return None
    if seen.faults_of("port-not-claimed") or seen.claim.path is not None:
        return None
    host, objects = seen.target.host, tuple(str(each) for each in seen.entries)
    said = f"no rule and no label leads {host} on port {seen.target.port} to a gateway or waypoint"
    return Because((said,), objects)


def _not_as_declared(seen: Symptoms) -> Because | None:
    """That the line at the source contradicts what the configuration makes of the call."""
    step, line = at_source(seen), seen.source_line
    if seen.expected in _THROUGH and step is not None and line is not None and agrees(seen) is False:
        rules = tuple(dict.fromkeys(each.rule.object for each in step.choices if each.rule is not None))
        had = line.text("upstream_cluster") or "no cluster"
        said = f"the objects give {step.proxy} {declared_words(step)}, and its line has {had}"
        patches = tuple(_patches(seen))
        return Because((said, *map(_patched, patches)), (*(each.filter for each in patches), *rules))
    return None


def _patches(seen: Symptoms) -> Iterator[Touch]:
    """The EnvoyFilters that patch what the proxy at the source does."""
    line = seen.source_line
    found = () if line is None else seen.mesh.envoy_filters(line.line.source)
    yield from (each for each in found if each.what)


def _patched(touch: Touch) -> str:
    return f"{touch.filter} patches that proxy ({touch.what})"


def _by_claim_alone(seen: Symptoms) -> Because | None:
    """The same where only the claim is known: it has no fault, and the line shows that it went elsewhere."""
    if seen.source is None or seen.expected not in _THROUGH or seen.path in _THROUGH or agrees(seen) is not None:
        return None
    claim = seen.claim
    if claim.path is None or seen.source_line is None or seen.by_ztunnel:
        return None
    said = f"{', '.join(claim.because)} lead it to {claim.via}, and the line of its proxy shows that it went elsewhere"
    patches = tuple(_patches(seen))
    return Because((said, *map(_patched, patches)), (*(each.filter for each in patches), *claim.because))


def _so_declared(seen: Symptoms) -> Because | None:
    """That the configuration itself sends it where it went, without a fault that would say why."""
    rules = tuple(deciding_rules(seen))
    if any(each.proxy == seen.via for each in seen.steps if not each.reporter.at_source):
        return None
    if seen.path in _THROUGH or seen.expected not in _THROUGH or not rules or agrees(seen) is not True:
        return None
    if seen.path is Path.UNKNOWN and seen.sent_to:
        # To a gateway, and no line says what became of it there: that is no other way.
        return None
    line = seen.source_line
    assert line is not None
    said = f"{rules[0]} gives it {line.text('upstream_cluster') or 'no cluster'}"
    return Because((said,), tuple(dict.fromkeys(each.object for each in rules)), rules[0].field)


_MERGE = "istio/istio pilot/pkg/networking/core/route/route.go"


ROWS = (
    CauseRule(
        finds=_other_way,
        at=(Stage.STEERED, Stage.EVIDENCE),
        instead=_so_declared,
        cause=Cause(
            code="EC84",
            name="sent-another-way",
            title="the configuration sends it this way",
            stage=Stage.STEERED,
            modes="IGA",
            looks="it left through a gateway or waypoint that it should not have used, by the cluster of a rule",
            unlike=(LookAlike("EC30", "there two rules have the host, and Istio follows the other"),),
            remedy="Change the rule, or the policy if the way is right.",
            sources=(_MERGE,),
        ),
    ),
    CauseRule(
        finds=_nothing_declared,
        at=(Stage.STEERED, Stage.KNOWN),
        otherwise=True,
        cause=Cause(
            code="EC88",
            name="nothing-declared",
            title="no rule leads the host to a gateway",
            stage=Stage.STEERED,
            modes="IGA",
            looks="the host's own cluster, route `default`; the ServiceEntry is there, and nothing steers the host",
            unlike=(LookAlike("EC26", "there a rule has the host"),),
            remedy="Add the rules and the Gateway that lead the host out, or say in the policy which way is right.",
            fix="whole-way",
            sources=("istio.io/latest/docs/tasks/traffic-management/egress/egress-gateway",),
        ),
    ),
    CauseRule(
        finds=lambda seen: _not_as_declared(seen) or _by_claim_alone(seen),
        otherwise=True,
        at=(Stage.STEERED, Stage.KNOWN, Stage.DELIVERED),
        cause=Cause(
            code="EC89",
            name="not-as-declared",
            title="the proxy does not do what the objects say",
            stage=Stage.STEERED,
            modes="IGA",
            looks="the objects lead it to the gateway without a fault, and the proxy sends it elsewhere",
            unlike=(LookAlike("EC11", "there the proxy had just started"),),
            remedy="Ask the proxy (istioctl proxy-status, proxy-config): stale, of another revision, or patched.",
            search=("proxy-status", "STALE"),
            sources=("istio/istio#61527",),
        ),
    ),
)
