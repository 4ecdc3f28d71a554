"""What curl says of one probe, and how a line words its trouble."""

from __future__ import annotations

from egressaudit.judge.hop_facts import is_request
from egressaudit.model import Flow, Hop, Reporter


def contradicts(flow: Flow, hop: Hop) -> bool:
    """An HTTP line with another status than the one curl got is not about curl's request."""
    code = flow.probe.result.http_code
    return is_request(hop) and bool(code) and hop.get("response_code") != code


def answered(flow: Flow) -> bool:
    """Whether curl came to its end in order."""
    return flow.probe.result.exit_code == 0 and bool(flow.probe.result.connected)


def curl_said(flow: Flow) -> str:
    """How curl ended."""
    result = flow.probe.result
    return f"curl exit {result.exit_code}: {result.error or 'no message'}"


def trouble(hop: Hop) -> str:
    """Flags and details of a line, as it has them."""
    if hop.reporter is Reporter.ZTUNNEL:
        return hop.text("error") or "no reason given"
    parts = [hop.text("response_flags"), hop.text("response_code_details")]
    parts.append(hop.text("upstream_transport_failure_reason"))
    return ", ".join(dict.fromkeys(part for part in parts if part)) or "no reason given"


def sent_to(hop: Hop) -> str | None:
    """The address that a proxy sent its flow on to."""
    return hop.text("dst_addr") if hop.reporter is Reporter.ZTUNNEL else hop.text("upstream_host")
