"""What the value of one field of a line says, in words.

In: a column and a hop. Out: a sentence, or '' for a value that decides nothing.
Example: of `response_flags` `UH` it says "UH NoHealthyUpstream: no endpoint of the cluster was healthy, ...".
"""

from __future__ import annotations

from collections.abc import Callable

from egressaudit.addresses import port_of
from egressaudit.hops.meanings import (
    Meaning,
    cluster_words,
    detail_meaning,
    error_meaning,
    failure_meaning,
    flag_meanings,
    termination_meaning,
)
from egressaudit.hops.meanings.code_details import reset_meaning
from egressaudit.hops.meanings.known_names import route_words
from egressaudit.judge.hop_facts import HBONE_PORT, is_request
from egressaudit.model import Hop, Reporter

_UNKNOWN = "egressaudit has no meaning for this text; the proxy's own documentation may"


def said(column: str, hop: Hop) -> str:
    """What the value says; '' for a column that decides nothing."""
    words = (_ZTUNNEL if hop.reporter is Reporter.ZTUNNEL else _ENVOY).get(column)
    return "" if words is None else words(hop, hop.text(column))


def _code(hop: Hop, value: str | None) -> str:
    if not is_request(hop):
        return ""
    if value == "0":
        return "no answer began"
    if hop.text("response_code_details") == "via_upstream":
        return "the upstream's own answer, handed back"
    return "the answer that the client got"


def _flags(_hop: Hop, value: str | None) -> str:
    rows = flag_meanings(value or "")
    found = [f"{row.name}: {row.says}" if row else "a flag of an extension" for _, row in rows]
    if len(found) == 1:
        return found[0]
    return "; ".join(f"{flag} {words}" for (flag, _), words in zip(rows, found, strict=True))


def _details(_hop: Hop, value: str | None) -> str:
    if value is None:
        return ""
    row, reset = detail_meaning(value), reset_meaning(value)
    return "; ".join([*_rows(row), *([f"here: {reset.says}"] if reset else [])]) or _UNKNOWN


def _row_words(meaning: Callable[[str], Meaning | None]) -> Callable[[Hop, str | None], str]:
    return lambda _hop, value: "" if value is None else "".join(_rows(meaning(value))) or _UNKNOWN


def _rows(row: Meaning | None) -> list[str]:
    return [row.says] if row else []


def _upstream(hop: Hop, value: str | None) -> str:
    if value is None:
        return "no upstream address was chosen"
    if hop.text("upstream_local_address") is None:
        return "the address that the proxy chose"
    return "the address that the proxy sent it to"


def _own_socket(hop: Hop, value: str | None) -> str:
    if value is not None:
        return "the proxy's own socket to that address, so a connection was made"
    return "no socket of its own to that address" if hop.text("upstream_host") else ""


def _cluster(_hop: Hop, value: str | None) -> str:
    return "no cluster: the proxy found no way to send it" if value is None else cluster_words(value)


def _client(_hop: Hop, value: str | None) -> str:
    return "" if value is None else "the client's socket"


def _arrived(_hop: Hop, value: str | None) -> str:
    return "" if value is None else "the address that the client connected to"


def _authority(_hop: Hop, value: str | None) -> str:
    return "" if value is None else "the host that the client asked for; it writes this itself, so it proves nothing"


def _sni(_hop: Hop, value: str | None) -> str:
    if value is None:
        return ""
    if value.startswith("outbound_."):
        return "the server name of the mesh's own TLS: the cluster that the proxy before used"
    return "the server name of the client's TLS; it writes this itself, so it proves nothing"


def _route(hop: Hop, value: str | None) -> str:
    if value is not None:
        return route_words(value)
    if not is_request(hop) or hop.text("upstream_cluster") is None:
        return ""
    return "no name: a VirtualService's rule whose author named none"


def _message(_hop: Hop, value: str | None) -> str:
    return _MESSAGES.get(value or "", "")


_MESSAGES = {
    "connection complete": "the connection has ended; the line counts its bytes",
    "connection opened": "the connection began; no line yet says how it ended",
    "connection failed": "ztunnel gave up before it dialed",
}


def _dst(hop: Hop, value: str | None) -> str:
    if port_of(value) == HBONE_PORT:
        return "port 15008 of a waypoint or pod: ztunnel sent it through a tunnel (HBONE)"
    if hop.text("direction") == "inbound":
        return "the address in the pod that it was for"
    return "the address that ztunnel sent it to, without a tunnel"


def _service(_hop: Hop, value: str | None) -> str:
    if value is None:
        return "no dst.service: ztunnel knows no Service or ServiceEntry at that address"
    return "the Service or ServiceEntry that has the dialed address"


def _direction(_hop: Hop, value: str | None) -> str:
    return {"outbound": "sent by a pod of this node", "inbound": "for a pod of this node"}.get(value or "", "")


def _always(words: str) -> Callable[[Hop, str | None], str]:
    return lambda _hop, value: "" if value is None else words


_ENVOY: dict[str, Callable[[Hop, str | None], str]] = {
    "response_code": _code,
    "response_flags": _flags,
    "response_code_details": _details,
    "connection_termination_details": _row_words(termination_meaning),
    "upstream_transport_failure_reason": _row_words(failure_meaning),
    "authority": _authority,
    "upstream_host": _upstream,
    "upstream_cluster": _cluster,
    "upstream_local_address": _own_socket,
    "downstream_local_address": _arrived,
    "downstream_remote_address": _client,
    "requested_server_name": _sni,
    "route_name": _route,
}

_ZTUNNEL: dict[str, Callable[[Hop, str | None], str]] = {
    "message": _message,
    "src_addr": _always("the client's socket"),
    "src_workload": _always("the pod that sent it"),
    "dst_addr": _dst,
    "dst_hbone_addr": _always("the address within the tunnel: what the client dialed"),
    "dst_service": _service,
    "dst_workload": _always("the pod that it was sent to"),
    "dst_identity": _always("who answered, as mutual TLS proved it"),
    "direction": _direction,
    "bytes_sent": _always("bytes that the client sent"),
    "bytes_recv": _always("bytes that the client got"),
    "error": _row_words(error_meaning),
}

COLUMNS = (*_ENVOY, *_ZTUNNEL)
"""Every column that may decide."""
