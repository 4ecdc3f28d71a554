"""The table of rules that do not take the flow: the host is known, and the proxy at the source sends it out itself.

In: `Symptoms`. Out: `Because`. Example: a VirtualService that does not list `mesh` is EC26.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import Because, CauseRule, because_of, by_fault
from egressaudit.causes.declared_steps import deciding_rules
from egressaudit.causes.steering_clues import http_route_alone, http_rule_alone, other_parent_port, two_apis
from egressaudit.causes.stopped_at import stopped_at
from egressaudit.causes.symptoms import Symptoms
from egressaudit.mesh.apis import ISTIO
from egressaudit.mesh.untyped import words
from egressaudit.model import Cause, LookAlike, Path, Stage

_THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)


def _other_port(seen: Symptoms) -> Because | None:
    found = because_of(seen.faults_of("port-not-claimed"))
    if found is None or other_parent_port(seen) or http_route_alone(seen) or http_rule_alone(seen):
        return None
    right = [each for each in seen.peers if each.path in _THROUGH and each.port != seen.target.port]
    facts = found.facts
    if seen.redirected:
        facts = (*facts, "a redirect led here from another port")
    elif right:
        facts = (*facts, f"{right[0].flows} flows to port {right[0].port} went through {right[0].via[-1]}")
    return Because(facts, found.objects, found.field)


def _wrong_kind(seen: Symptoms) -> Because | None:
    faults = seen.faults_of("rule-blind", "sni-hosts-missing", kind="VirtualService")
    return because_of(faults, "spec.tls") or http_rule_alone(seen)


def _rival(seen: Symptoms) -> Because | None:
    """A fault says which other rule has the host; what the objects make of the call says which one is followed."""
    if stopped_at(seen) is Stage.DELIVERED:
        return two_apis(seen) if seen.through or seen.sent_to else None
    if seen.path is not Path.UNKNOWN and (found := because_of(seen.faults_of("rival-rule"), "spec.hosts")):
        return found
    if found := two_apis(seen):
        return found
    rules = [each for each in deciding_rules(seen) if each.object.startswith(("VirtualService ", "HTTPRoute "))]
    if not rules or seen.claim.path is None or any(each.object in seen.claim.because for each in rules):
        return None
    meant = next((each for each in seen.claim.because if each.startswith(("VirtualService ", "HTTPRoute "))), "")
    if not meant:
        return None
    said = f"{rules[0].object} has {seen.target.host} too, and Istio follows it in place of {meant}"
    return Because((said,), (rules[0].object, meant), "spec.hosts")


def _part_of_it(seen: Symptoms) -> Because | None:
    found = because_of(seen.faults_of("sent-around-gateway"), "spec.http[].route[].weight")
    if found is None:
        return None
    around = sum(each.flows for each in seen.peers if each.path is Path.DIRECT)
    around += seen.group.flows if seen.group is not None else 0
    through = sum(each.flows for each in seen.peers if each.path in _THROUGH)
    more = (f"{around} of {around + through} flows went around it",) if through else ()
    return Because((*found.facts, *more), found.objects, found.field)


def _only_some(seen: Symptoms) -> Because | None:
    """A condition of a match. Of namespaces only VirtualServices have one; a route's own namespace is EC36."""
    namespaces = seen.faults_of("other-source-namespace", kind="VirtualService")
    found = because_of((*seen.faults_of("conditional", "other-source-labels"), *namespaces), "spec.http[].match")
    through = sum(each.flows for each in seen.peers if each.path in _THROUGH)
    if found is None or not through:
        return found
    return Because((*found.facts, f"{through} other flows to it went through the gateway"), found.objects, found.field)


def _not_visible(seen: Symptoms) -> Because | None:
    hidden = (
        each
        for each in seen.faults_of("not-imported")
        if len(each.objects) > 1 and each.objects[1].startswith("VirtualService ")
    )
    exported = seen.faults_of("not-exported", kind="VirtualService")
    return because_of(exported, "spec.exportTo") or because_of(hidden, "spec.egress[].hosts")


def _other_name(seen: Symptoms) -> Because | None:
    """That a rule has the host under a name that is not the ServiceEntry's: with a dot at its end, or shortened."""
    host = seen.target.host.lower()
    for each in seen.mesh.world.objects.all(ISTIO, "VirtualService"):
        for name in words(each.spec.get("hosts")):
            bare = name.lower().rstrip(".")
            if name != seen.target.host and "*" not in name and bare and (bare == host or host.startswith(f"{bare}.")):
                said = f"{each} is for the host {name!r}, and the ServiceEntry has {seen.target.host}"
                return Because((said,), (str(each),), "spec.hosts")
    return None


_MERGE = "istio/istio pilot/pkg/networking/core/route/route.go"


_MESH = "there `gateways` of the rule lists `mesh`"


ROWS = (
    CauseRule(
        finds=by_fault("mesh-gateway-missing", field="spec.gateways"),
        cause=Cause(
            code="EC26",
            name="mesh-missing",
            title="the rule is not for the mesh",
            stage=Stage.STEERED,
            modes="I",
            looks="the sidecar's cluster is the host's own, route `default`; `gateways` of the VirtualService lacks "
            "`mesh`",
            unlike=(
                LookAlike("EC27", "there another port of the host goes to the gateway"),
                LookAlike("EC29", _MESH + ", and the source does not see the rule"),
                LookAlike("EC31", _MESH + ", and an earlier rule takes the flow"),
            ),
            remedy="Add `mesh` to spec.gateways of the VirtualService.",
            fix="mesh-gateway",
            sources=("istio/istio pilot/pkg/model/virtualservice.go",),
        ),
    ),
    CauseRule(
        finds=_not_visible,
        cause=Cause(
            code="EC29",
            name="rule-not-visible",
            title="the source does not see the rule",
            stage=Stage.STEERED,
            modes="I",
            looks="as a rule that is not for the mesh, and for some namespaces only: `exportTo`, or a Sidecar resource",
            unlike=(
                LookAlike("EC26", "there it is so for every namespace"),
                LookAlike("EC15", "there the ServiceEntry is hidden, and the cluster is PassthroughCluster"),
            ),
            remedy="Add the source's namespace to exportTo of the VirtualService, or the host to the Sidecar.",
            fix="export-rule",
            search=("exportTo",),
            sources=("istio/istio pilot/pkg/model/push_context.go",),
        ),
    ),
    CauseRule(
        finds=_rival,
        at=(Stage.STEERED, Stage.EVIDENCE, Stage.DELIVERED),
        cause=Cause(
            code="EC30",
            name="rival-rule",
            title="another rule has the host too",
            stage=Stage.STEERED,
            modes="I",
            looks="the cluster of another VirtualService for the same host in the mesh; the oldest or most specific "
            "wins",
            unlike=(
                LookAlike("EC31", "there the other rule is in the same VirtualService"),
                LookAlike("EC84", "there one rule has the host, and sends it there"),
            ),
            remedy="Merge the VirtualServices: one host should have one for the mesh.",
            fix="merge-rules",
            search=("IST0109", "KIA1106"),
            sources=("istio/istio pilot/pkg/model/push_context.go initVirtualServices",),
        ),
    ),
    CauseRule(
        finds=_other_port,
        at=(Stage.STEERED, Stage.KNOWN),
        cause=Cause(
            code="EC27",
            name="other-port",
            title="the rule is for another port",
            stage=Stage.STEERED,
            modes="IGA",
            looks="another port of the host goes through the gateway, this one directly; often a redirect to 443",
            unlike=(
                LookAlike("EC26", "there no port of the host goes to the gateway"),
                LookAlike("EC17", "there the ServiceEntry lacks the port"),
            ),
            remedy="Add the port to the rule (for TLS a tls rule with sniHosts) and to the ServiceEntry.",
            fix="rule-port",
            sources=("istio.io/latest/docs/tasks/traffic-management/egress/egress-gateway",),
        ),
    ),
    CauseRule(
        finds=_wrong_kind,
        cause=Cause(
            code="EC28",
            name="wrong-rule-kind",
            title="the rule does not see what the client speaks",
            stage=Stage.STEERED,
            modes="I",
            looks="a TLS connection with its SNI that is not steered: the rule is an http rule, or has no sniHosts",
            unlike=(
                LookAlike("EC37", "there the rule is a route of the Gateway API"),
                LookAlike("EC26", "there the rule is of the right kind and not for the mesh"),
            ),
            remedy="Use a tls rule with match.sniHosts for TLS, an http rule for plain HTTP.",
            fix="rule-kind",
            sources=("istio/istio pilot/pkg/networking/core/tls.go",),
        ),
    ),
    CauseRule(
        finds=by_fault("rule-shadowed", field="spec.http"),
        cause=Cause(
            code="EC31",
            name="shadowed",
            title="an earlier rule takes it",
            stage=Stage.STEERED,
            modes="IG",
            looks="the cluster and route name of an earlier rule of the same VirtualService",
            unlike=(LookAlike("EC30", "there the other rule is in another VirtualService"),),
            remedy="Move the rule for the gateway before the one that takes everything.",
            fix="rule-order",
            search=("IST0130", "IST0131"),
            sources=(_MERGE,),
        ),
    ),
    CauseRule(
        finds=_only_some,
        cause=Cause(
            code="EC32",
            name="only-for-some",
            title="the rule takes only some of it",
            stage=Stage.STEERED,
            modes="IG",
            looks="flows of some sources, paths or headers go through the gateway, others directly",
            unlike=(
                LookAlike("EC33", "there the split is by weight, whoever asks"),
                LookAlike("EC36", "there the split is by namespace, and the rule is a route"),
            ),
            remedy="Widen the match, or add a rule for the rest.",
            fix="rule-match",
            search=("sourceLabels", "sourceNamespace"),
            sources=(_MERGE,),
        ),
    ),
    CauseRule(
        finds=_part_of_it,
        cause=Cause(
            code="EC33",
            name="weights",
            title="the rule sends a part of it elsewhere",
            stage=Stage.STEERED,
            modes="IG",
            looks="a stable share goes directly, as the weights say",
            unlike=(LookAlike("EC32", "there the split follows labels, paths or headers"),),
            remedy="Give the gateway the whole weight.",
            fix="weights",
            sources=(_MERGE,),
        ),
    ),
    CauseRule(
        finds=_other_name,
        cause=Cause(
            code="EC34",
            name="other-name",
            title="the rule has the host under another name",
            stage=Stage.STEERED,
            modes="I",
            looks="as a rule that is not for the mesh; the rule's host is short, or ends with a dot",
            unlike=(LookAlike("EC26", "there both have the same name"),),
            remedy="Write the host in VirtualService and ServiceEntry in the same way, in full.",
            fix="rule-host",
            search=("KIA1101", "KIA1104", "IST0101"),
            sources=("istio/istio pkg/config/host/name.go",),
        ),
    ),
)
