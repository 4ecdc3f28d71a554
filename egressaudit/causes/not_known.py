"""The table of the second stage: the mesh does not know the host, as seen from the source.

In: `Symptoms`. Out: `Because`. Example: PassthroughCluster and no ServiceEntry that has the host is EC13. Nothing here
is said about addresses of the cluster, gateways and Services of the mesh: no ServiceEntry would help those.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import Because, CauseRule, because_of
from egressaudit.causes.line_clues import details, flags, quoted
from egressaudit.causes.outbound_policy import ALLOW_ANY, REGISTRY_ONLY, outbound_policy
from egressaudit.causes.symptoms import Symptoms
from egressaudit.model import Cause, LookAlike, Path, Stage

_REFUSED = ("black-hole-cluster", "block-all-route")


_HIDDEN = ("not-exported", "not-imported", "port-not-registered", "protocol-differs", "port-not-claimed")
"""Faults of ServiceEntries of a host that an address is known to be of."""


def _is_refused(seen: Symptoms) -> bool:
    line = seen.source_line
    return (
        seen.reason in _REFUSED
        or seen.cluster_kind == "blackhole"
        or (line is not None and line.text("route_name") == "block_all")
    )


def _unregistered(seen: Symptoms) -> Because | None:
    """That no ServiceEntry has the host."""
    if seen.entries or not seen.is_external or seen.faults_of(*_HIDDEN):
        return None
    known = because_of(seen.faults_of("host-not-registered"))
    return known or Because((f"no ServiceEntry has {seen.target.host}, so the mesh does not know it",))


def _passed_through(seen: Symptoms) -> Because | None:
    # Where it should be blocked, that it is not registered is as it should be.
    other = _is_refused(seen) or seen.cluster_kind not in ("", "passthrough") or seen.expected is Path.BLOCKED
    return None if other else _unregistered(seen)


def _blocked(seen: Symptoms) -> Because | None:
    found = _unregistered(seen) if _is_refused(seen) else None
    if found is None:
        return None
    policy = outbound_policy(seen.mesh, seen.source)
    strict = policy is not None and policy.mode == REGISTRY_ONLY
    why = f"{policy.by} lets sidecars reach registered hosts alone ({policy.mode})" if policy and strict else ""
    return Because((*found.facts, why) if why else found.facts, found.objects)


def _not_exported(seen: Symptoms) -> Because | None:
    namespace = "" if seen.source is None else seen.source.namespace
    here = (
        each for each in seen.faults_of("not-exported", kind="ServiceEntry") if f"namespace {namespace}" in str(each)
    )
    return because_of((each for each in here if "where the gateway is" not in str(each)), "spec.exportTo")


def _not_imported(seen: Symptoms) -> Because | None:
    of_entries = (
        each
        for each in seen.faults_of("not-imported")
        if len(each.objects) > 1 and each.objects[1].startswith("ServiceEntry ")
    )
    return because_of(of_entries, "spec.egress[].hosts")


def _wrong_port(seen: Symptoms) -> Because | None:
    # A sidecar that chose a gateway's cluster knew the port; ztunnel asks the waypoint on any port.
    steered = bool(seen.sent_to) and not seen.by_ztunnel and seen.proxy_line is None
    if not steered and (found := because_of(seen.faults_of("port-not-registered", "protocol-differs"), "spec.ports")):
        return found
    line = seen.source_line
    if line is None or "DPE" not in flags(line) or "codec_error" not in details(line):
        return None
    said = f"{quoted(line)}: it took port {seen.target.port} for HTTP, and what came is not HTTP"
    return Because((said,), tuple(str(each) for each in seen.entries), "spec.ports")


def _dynamic_dns(seen: Symptoms) -> Because | None:
    if seen.cluster_kind != "dynamic-dns":
        return None
    return _unregistered(seen) or Because(("the sidecar sent it through AllowAnyDynamicDNSCluster",))


def _egress_proxy(seen: Symptoms) -> Because | None:
    line = seen.source_line
    if line is None or line.text("route_name") != "allow_any" or seen.cluster_kind != "outbound":
        return None
    said = f"the sidecar's line has route allow_any and cluster {line.text('upstream_cluster')}"
    return Because((f"{said}: outboundTrafficPolicy.egressProxy",))


def _policy_elsewhere(seen: Symptoms) -> Because | None:
    policy = outbound_policy(seen.mesh, seen.source)
    if policy is None or seen.entries or not seen.is_external or seen.source_line is None:
        return None
    refused = _is_refused(seen)
    if policy.mode == REGISTRY_ONLY and not refused:
        shown = "the line shows that it let an unknown host pass"
    elif policy.mode == ALLOW_ANY and refused:
        shown = "the line shows that it refused an unknown host"
    else:
        return None
    return Because((f"{policy.by} says {policy.mode}, and {shown}",), (policy.by,), policy.field)


def _nothing_forbids(seen: Symptoms) -> Because | None:
    if seen.expected is not Path.BLOCKED or seen.code not in ("EA104", "EA105", ""):
        return None
    policy = outbound_policy(seen.mesh, seen.source)
    known = f"{', '.join(str(each) for each in seen.entries)} registers {seen.target.host}" if seen.entries else ""
    free = f"{policy.by} says {policy.mode}" if policy and not seen.entries else ""
    return Because((known or free or "no policy of the mesh refuses it",), tuple(str(each) for each in seen.entries))


_HTTPROUTE = "istio/istio pilot/pkg/networking/core/httproute.go"
_SIDECAR = "istio/istio pilot/pkg/model/sidecar.go"
_EVERYWHERE = (Stage.KNOWN, Stage.STEERED, Stage.DELIVERED, Stage.EVIDENCE)

ROWS = (
    CauseRule(
        finds=_nothing_forbids,
        at=(Stage.KNOWN, Stage.STEERED, Stage.DELIVERED, Stage.OUTSIDE),
        otherwise=True,
        cause=Cause(
            code="EC85",
            name="nothing-forbids",
            title="nothing in the mesh forbids it",
            stage=Stage.KNOWN,
            modes="IGA",
            looks="it left although it should be blocked; no REGISTRY_ONLY, or a ServiceEntry makes the host known",
            unlike=(LookAlike("EC62", "there an AuthorizationPolicy with a selector is meant to refuse it"),),
            remedy="Set outboundTrafficPolicy to REGISTRY_ONLY, or refuse the host by an AuthorizationPolicy.",
            fix="forbid",
            sources=(_SIDECAR,),
        ),
    ),
    CauseRule(
        finds=_policy_elsewhere,
        cause=Cause(
            code="EC25",
            name="policy-elsewhere",
            title="the proxy has another outboundTrafficPolicy",
            stage=Stage.KNOWN,
            modes="IG",
            looks="REGISTRY_ONLY in the snapshot and `allow_any` in the line, or the reverse",
            unlike=(
                LookAlike("EC13", "there the snapshot says ALLOW_ANY too"),
                LookAlike("EC14", "there the snapshot says REGISTRY_ONLY too"),
            ),
            remedy="Set it in the ConfigMap of the revision that the pod uses (istio-REVISION).",
            search=("KIA1007",),
            sources=("istio/istio pilot/pkg/bootstrap/mesh.go getMeshConfigMapName", "istio/istio#37064"),
        ),
    ),
    CauseRule(
        finds=_egress_proxy,
        cause=Cause(
            code="EC24",
            name="egress-proxy",
            title="unknown hosts have a proxy of their own",
            stage=Stage.KNOWN,
            modes="IG",
            looks="route `allow_any` with a cluster `outbound|...` of that proxy",
            unlike=(LookAlike("EC13", "there the cluster is PassthroughCluster"),),
            remedy="Declare the way that you want for this host, or take egressProxy out of outboundTrafficPolicy.",
            sources=(_HTTPROUTE,),
        ),
    ),
    CauseRule(
        finds=_dynamic_dns,
        cause=Cause(
            code="EC23",
            name="allow-any-dynamic-dns",
            title="unknown hosts are resolved and let pass",
            stage=Stage.KNOWN,
            modes="IG",
            looks="AllowAnyDynamicDNSCluster, route `allow_any_dynamic_dns`",
            unlike=(LookAlike("EC13", "there the cluster is PassthroughCluster"),),
            remedy="Add a ServiceEntry and a route for the host, or set outboundTrafficPolicy to REGISTRY_ONLY.",
            fix="service-entry",
            sources=(_HTTPROUTE, "istio/istio#59802"),
        ),
    ),
    CauseRule(
        finds=_not_exported,
        cause=Cause(
            code="EC15",
            name="entry-not-exported",
            title="the ServiceEntry is not exported to the source",
            stage=Stage.KNOWN,
            modes="IG",
            looks="as an unknown host, although a ServiceEntry has it; its `exportTo` lacks the source's namespace",
            unlike=(
                LookAlike("EC13", "there no ServiceEntry has the host"),
                LookAlike("EC16", "there a Sidecar resource hides it"),
            ),
            remedy="Add the source's namespace to exportTo of the ServiceEntry.",
            fix="export",
            search=("exportTo",),
            sources=("istio/istio pilot/pkg/model/push_context.go", "istio/istio#55163"),
        ),
    ),
    CauseRule(
        finds=_not_imported,
        cause=Cause(
            code="EC16",
            name="entry-not-imported",
            title="the Sidecar resource does not import the host",
            stage=Stage.KNOWN,
            modes="IG",
            looks="as an unknown host; pods without that Sidecar resource go the right way",
            unlike=(
                LookAlike("EC13", "there no ServiceEntry has the host"),
                LookAlike("EC15", "there `exportTo` of the ServiceEntry hides it"),
            ),
            remedy="Add the ServiceEntry and the gateway's namespace to egress.hosts of the Sidecar (NAMESPACE/HOST).",
            fix="import",
            search=("KIA1004", "KIA1006"),
            sources=(_SIDECAR,),
        ),
    ),
    CauseRule(
        finds=_wrong_port,
        at=_EVERYWHERE,
        cause=Cause(
            code="EC17",
            name="wrong-port",
            title="the ServiceEntry lacks the port or its protocol",
            stage=Stage.KNOWN,
            modes="IGA",
            looks="as an unknown host on this port, the right way on another; or `400 DPE http1.codec_error`, or a "
            "bare connection on a port that is HTTP",
            unlike=(
                LookAlike("EC13", "there no ServiceEntry has the host"),
                LookAlike("EC27", "there the ServiceEntry has the port, and no rule takes it"),
            ),
            remedy="Add the port to the ServiceEntry, with the protocol that clients speak on it.",
            fix="entry-port",
            search=("http1.codec_error",),
            sources=("istio/istio pilot/pkg/networking/core/listener.go", "istio/istio#54896"),
        ),
    ),
    CauseRule(
        finds=_passed_through,
        cause=Cause(
            code="EC13",
            name="not-registered",
            title="no ServiceEntry has the host",
            stage=Stage.KNOWN,
            modes="IGA",
            looks="PassthroughCluster, route `allow_any` (HTTP) or `-`; ztunnel: neither `dst.service` nor a tunnel",
            unlike=(
                LookAlike("EC48", "there a ServiceEntry has the host"),
                LookAlike("EC15", "there one has it, and does not export it to the source"),
                LookAlike("EC16", "there one has it, and a Sidecar resource hides it"),
                LookAlike("EC17", "there one has it, on other ports or for other traffic"),
                LookAlike("EC21", "there one has the name, and an address was dialed"),
                LookAlike("EC11", "there the pod had just started, and its proxy had no configuration yet"),
                LookAlike("EC49", "there a wildcard of a ServiceEntry covers the host"),
            ),
            remedy="Add a ServiceEntry for the host and port and route it, or set REGISTRY_ONLY for the mesh.",
            fix="service-entry",
            search=("PassthroughCluster", "allow_any"),
            sources=(_HTTPROUTE, "istio/ztunnel src/proxy/outbound.rs"),
        ),
    ),
    CauseRule(
        finds=_blocked,
        cause=Cause(
            code="EC14",
            name="not-registered-refused",
            title="no ServiceEntry has the host, and unknown ones are refused",
            stage=Stage.KNOWN,
            modes="IG",
            looks="HTTP: `502 - direct_response`, route `block_all`; TCP and TLS: `0 UH BlackHoleCluster`",
            unlike=(
                LookAlike("EC61", "there the details are rbac_access_denied"),
                LookAlike("EC55", "there the cluster is a gateway's"),
            ),
            remedy="Add a ServiceEntry for the host and port.",
            fix="service-entry",
            search=("BlackHoleCluster", "block_all"),
            sources=(_HTTPROUTE, "istio/istio#54281"),
        ),
    ),
)
