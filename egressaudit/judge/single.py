"""What single lines, and curl itself, say of one flow."""

from __future__ import annotations

from egressaudit.model import Flow, Hop, Reporter


def connected(hop: Hop) -> bool:
    """Whether this proxy reached its upstream: a filled cluster name alone proves nothing (RBAC and UF fill it too)."""
    if hop.text("upstream_host") is None or hop.text("upstream_local_address") is None:
        return False
    if not is_request(hop):
        return hop.text("response_flags") is None
    return hop.text("response_flags") is None and hop.text("response_code_details") == "via_upstream"


def refused_by(hop: Hop) -> str:
    """The words by which mesh policy refuses, else empty (istio pilot/pkg/networking/core/httproute.go)."""
    details = hop.text("response_code_details") or ""
    if hop.text("cluster_kind") == "blackhole":
        return "BlackHoleCluster"
    if hop.text("route_name") == "block_all" and details == "direct_response":
        return f"route block_all, answer {hop.get('response_code')}"
    if details.startswith("rbac_access_denied") or (
        (hop.text("connection_termination_details") or "").startswith("rbac_access_denied")
    ):
        return "RBAC (AuthorizationPolicy)"
    return ""


def contradicts(flow: Flow, hop: Hop) -> bool:
    """An HTTP line with another status than the one curl got is not about curl's request."""
    code = flow.probe.result.http_code
    return is_request(hop) and bool(code) and hop.get("response_code") != code


def is_request(hop: Hop) -> bool:
    """Whether it is a request's line and no connection's: a method alone may be `-`, which is a valid one."""
    return any(hop.text(column) is not None for column in ("method", "path", "protocol"))


def answered(flow: Flow) -> bool:
    """Whether curl came to its end in order."""
    return flow.probe.result.exit_code == 0 and bool(flow.probe.result.connected)


def curl_said(flow: Flow) -> str:
    """How curl ended."""
    result = flow.probe.result
    return f"curl exit {result.exit_code}: {result.error or 'no message'}"


def trouble(hop: Hop) -> str:
    """Flags and details of a line, as it has them."""
    parts = [hop.text("response_flags"), hop.text("response_code_details")]
    parts.append(hop.text("upstream_transport_failure_reason"))
    return ", ".join(dict.fromkeys(part for part in parts if part)) or "no reason given"


def sent_to(hop: Hop) -> str | None:
    """The address that a proxy sent its flow on to."""
    return hop.text("dst_addr") if hop.reporter is Reporter.ZTUNNEL else hop.text("upstream_host")
