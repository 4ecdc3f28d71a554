"""The table of flows of which the logs do not prove which way they went.

In: `Symptoms`. Out: `Because`. Example: a source's line to the gateway, whose log the configuration turns off, is EC73.
"""

from __future__ import annotations

from egressaudit.causes.cause_rule import CauseRule
from egressaudit.causes.evidence_clues import (
    address_unclear,
    behind_node,
    clocks_apart,
    forged,
    hidden_client,
    log_gaps,
    mirrored,
    no_report,
    not_logging,
    not_yet,
    replaced,
    several_lines,
    tried_elsewhere,
)
from egressaudit.model import Cause, LookAlike, Stage

ROWS = (
    CauseRule(
        finds=not_logging,
        at=(Stage.CAPTURED, Stage.EVIDENCE, Stage.DELIVERED),
        cause=Cause(
            code="EC73",
            name="not-logging",
            title="a proxy on the way does not log",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="no access line of this proxy at all, and application log lines; Telemetry, accessLogFile, a filter "
            "or another provider",
            unlike=(
                LookAlike("EC01", "there the pod has no proxy"),
                LookAlike("EC71", "there the log has other access lines"),
                LookAlike("EC72", "there the log lacks a part of the time"),
            ),
            remedy="Set meshConfig.accessLogFile, or a Telemetry without filter and with the provider envoy.",
            fix="logging",
            search=("KIA1112", "KIA1117", "IST0157", "IST0159", "IST0160"),
            sources=("istio/istio pilot/pkg/model/telemetry.go",),
        ),
    ),
    CauseRule(
        finds=forged,
        at=(Stage.CAPTURED, Stage.EVIDENCE, Stage.DELIVERED, Stage.STEERED, Stage.KNOWN, Stage.OUTSIDE),
        cause=Cause(
            code="EC78",
            name="not-believed",
            title="lines may be forged, or are of another format",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="lines that are not clean or not parsed; a text log of a proxy that can be forged; an EnvoyFilter "
            "on the access log",
            unlike=(LookAlike("EC73", "there no line is there"),),
            remedy="Set meshConfig.accessLogEncoding to JSON, and tell the format that the proxies use.",
            fix="json-logs",
            search=("CVE-2024-45808",),
            sources=("istio/istio pilot/pkg/model/telemetry_logging.go",),
        ),
    ),
    CauseRule(
        finds=no_report,
        at=(Stage.CAPTURED, Stage.EVIDENCE, Stage.STEERED, Stage.KNOWN, Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC90",
            name="no-report",
            title="curl's own report is missing",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="the exec stream was cut, or curl was killed",
            remedy="Run it again; if it repeats, look for what ends processes in that container.",
            sources=("kubernetes/kubernetes pkg/kubelet/server/remotecommand",),
        ),
    ),
    CauseRule(
        finds=several_lines,
        at=(Stage.CAPTURED, Stage.EVIDENCE, Stage.STEERED, Stage.KNOWN, Stage.DELIVERED, Stage.OUTSIDE),
        cause=Cause(
            code="EC96",
            name="several-lines",
            title="more than one line fits",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="two lines fit the same connection or request",
            remedy="Run it again: a new probe has a new socket.",
            sources=("istio/ztunnel src/proxy/outbound.rs",),
        ),
    ),
    CauseRule(
        finds=clocks_apart,
        cause=Cause(
            code="EC77",
            name="clocks-apart",
            title="the clocks of two nodes are apart",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="as many lines of the source without the gateway's as the reverse, and their times differ by a "
            "constant",
            unlike=(
                LookAlike("EC71", "there the lines of one side are missing"),
                LookAlike("EC76", "there the gateway's lines have a node as the client"),
            ),
            remedy="Set the nodes' clocks (NTP).",
            search=("NTP",),
            sources=("docs/evidence.md",),
        ),
    ),
    CauseRule(
        finds=behind_node,
        cause=Cause(
            code="EC76",
            name="source-translated",
            title="the network hides who sent it",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="the gateway's line has the address of a node as the client",
            unlike=(
                LookAlike("EC77", "there the client is the sender's own address"),
                LookAlike("EC75", "there the client has port 0"),
            ),
            remedy="Exclude the pods' network from masquerading (nonMasqueradeCIDRs).",
            search=("ip-masq-agent",),
            sources=("kubernetes-sigs/ip-masq-agent",),
        ),
    ),
    CauseRule(
        finds=hidden_client,
        cause=Cause(
            code="EC75",
            name="client-from-header",
            title="the line names a client from a header",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="the client's address has port 0: it is from X-Forwarded-For or the PROXY protocol",
            unlike=(LookAlike("EC76", "there the client is a node, with a port"),),
            remedy="Log DOWNSTREAM_DIRECT_REMOTE_ADDRESS too, or set numTrustedProxies to 0.",
            search=("numTrustedProxies", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS"),
            sources=("envoyproxy/envoy source/common/http/conn_manager_utility.cc",),
        ),
    ),
    CauseRule(
        finds=replaced,
        at=(Stage.EVIDENCE, Stage.DELIVERED),
        cause=Cause(
            code="EC74",
            name="gateway-replaced",
            title="the gateway's pod was replaced",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="the address was a gateway's, and no pod of the snapshot has it, or another one has",
            unlike=(
                LookAlike("EC55", "there no address was chosen"),
                LookAlike("EC94", "there the address was never a gateway's"),
            ),
            remedy="Take the snapshot in the same time as the logs; run a probe again.",
            search=("gateway-replaced",),
            sources=("istio/istio pilot/pkg/serviceregistry/kube/controller",),
        ),
    ),
    CauseRule(
        finds=tried_elsewhere,
        cause=Cause(
            code="EC95",
            name="tried-elsewhere",
            title="an earlier attempt may have gone elsewhere",
            stage=Stage.EVIDENCE,
            modes="IG",
            looks="the cluster has endpoints that lead elsewhere, and the line shows only the last attempt",
            unlike=(LookAlike("EC33", "there the rule itself sends a part elsewhere"),),
            remedy="Log UPSTREAM_REQUEST_ATTEMPT_COUNT, set retries.attempts to 0, or give the cluster one kind of "
            "endpoint.",
            fix="retries",
            search=("UPSTREAM_REQUEST_ATTEMPT_COUNT",),
            sources=("envoyproxy/envoy source/common/router/router.cc",),
        ),
    ),
    CauseRule(
        finds=mirrored,
        cause=Cause(
            code="EC87",
            name="mirrored",
            title="copies of the requests leave unlogged",
            stage=Stage.EVIDENCE,
            modes="IG",
            looks="a rule mirrors requests to a host outside; no access log shows the copies",
            remedy="Remove the mirror, or lead the copies through the gateway too.",
            fix="mirror",
            search=("mirror",),
            sources=("envoyproxy/envoy source/common/router/shadow_writer_impl.cc",),
        ),
    ),
    CauseRule(
        finds=address_unclear,
        at=(Stage.EVIDENCE, Stage.STEERED, Stage.KNOWN, Stage.DELIVERED),
        cause=Cause(
            code="EC94",
            name="address-unclear",
            title="it is not known what is at the address",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="an address in a range that may be the cluster's: private, vacant, a node's, a Service's",
            unlike=(LookAlike("EC74", "there the address was a gateway's"),),
            remedy="Say which ranges are outside (`outside:` under `trust:` in the policy, or --trust outside=CIDR).",
            search=("--trust outside",),
            sources=("docs/evidence.md",),
        ),
    ),
    CauseRule(
        finds=log_gaps,
        at=(Stage.EVIDENCE, Stage.CAPTURED, Stage.DELIVERED),
        cause=Cause(
            code="EC72",
            name="log-gap",
            title="a log does not cover the time",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="a gap in the log: rotated, restarted, cut off or not collected",
            unlike=(
                LookAlike("EC73", "there the log is whole, without access lines"),
                LookAlike("EC71", "there the missing line is the last of the log"),
            ),
            remedy="Collect the log again in time, and from where nothing is rotated away.",
            search=("collection.json",),
            sources=("kubernetes/kubernetes pkg/kubelet/logs/container_log_manager.go",),
        ),
    ),
    CauseRule(
        finds=not_yet,
        at=(Stage.EVIDENCE, Stage.CAPTURED),
        otherwise=True,
        cause=Cause(
            code="EC71",
            name="not-written-yet",
            title="the line is not written yet",
            stage=Stage.EVIDENCE,
            modes="IGA",
            looks="one end's line is there, the other end's is not, near the end of the logs; connections are logged "
            "when they end",
            unlike=(
                LookAlike("EC72", "there a part of the log is missing"),
                LookAlike("EC73", "there the proxy logs nothing"),
            ),
            remedy="Collect the logs again some minutes later, or close the connections.",
            search=("flush_access_log_on_connected",),
            sources=("envoyproxy/envoy source/common/tcp_proxy/tcp_proxy.cc", "kumahq/kuma#16763"),
        ),
    ),
)
