"""Recover from an access line that is not clean the few fields that no sender can have written.

In: a text line with forged quotes. Out: `AccessFields(..., clean=False)` with e.g. `{"upstream_host":
"192.0.2.7:443"}`.

A sender can write anything but a newline into path, X-Forwarded-For, User-Agent, x-request-id and authority, and, with
an Envoy before the fix of CVE-2024-45808, into the SNI. With Envoy 1.40 an upstream can write, too (`tests/oracle` sees
both): anything but spaces into the response code details and the failure reason, which quote the names in a refused
certificate; and any text into the service time, if it answers before the request has ended.

The proxy's own fields are in two places, and each has a shape: the *head* (from the protocol to the quote of the
failure reason) and the *tail* (from the upstream host to the client's address). The true head and the true tail always
have their shape. So a shape that occurs exactly once is the true one; if it occurs twice, somebody imitated it, and
neither is believed.

`native/src/forged.rs` has the same shapes, so that forged lines cannot slow an audit down;
`tests/hops/test_forged_lines.py` holds the two together.
"""

from __future__ import annotations

import re
from itertools import islice

from egressaudit.hops.dialects.converters import absent, integer, timestamp, verbatim
from egressaudit.hops.dialects.envoy.default_text import ISTIO
from egressaudit.hops.dialects.result import AccessFields

STARTS_LIKE_ACCESS = re.compile(
    r"\[(?P<start_time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)\] \""
)
"""How a line of every default text format begins; no text of a sender comes before it."""

# Lookaheads, so that shapes are found everywhere, even where they overlap. Each spans only a few neighbouring quotes or
# spaces, so finding all of them takes time linear in the line. Envoy's own format has byte counts and the duration
# where the others have the details, which never begin with a quote.
_HEAD = re.compile(
    r' (?=(?:HTTP/[0-9](?:\.[0-9])?|-)"'
    r' (?P<response_code>[0-9]{1,18}) (?P<response_flags>[^ "\n]+)'
    r'(?:(?P<counts> [0-9]+ [0-9]+ (?:-?[0-9]+|-) )|(?P<more>(?: [^ "\n][^ \n]*(?: [^"\n]*)?)?) "))'
)
# An address is never all digits. Without this check, the byte counts after a `"-"` would match as a tail.
_ADDRESS = r"(?![0-9]+ )[^ \"\n]*"
_TAIL = re.compile(
    r'"(?=(?P<upstream_host>[^ "\n]*)" (?P<upstream_cluster>[^ "\n]+)'
    rf" (?P<upstream_local_address>{_ADDRESS}) (?P<downstream_local_address>{_ADDRESS})"
    rf" (?P<downstream_remote_address>{_ADDRESS}) )"
)
_TAIL_COLUMNS = (
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
)
RECOVERED = (
    "response_code",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "requested_server_name",
    "route_name",
    *_TAIL_COLUMNS,
)
"""All columns that `recover` may fill, apart from the time."""

_SNI_AND_ROUTE = re.compile(r'(?P<requested_server_name>[^ "\n]+)(?: (?P<route_name>[^ "\n]+))?')
_DETAILS = re.compile(r' (?P<response_code_details>[^ "\n][^ \n]*) (?P<connection_termination_details>[^"\n]+)')
_LAST_QUOTED = re.compile(r'"([^ "\n]+)"$')

_text = absent(verbatim)


def recover(text: str) -> AccessFields | None:
    """The trusted fields of an unclean access line, all others None; None if the line is not whole.

    Raises ValueError if it has a time that does not exist.
    """
    begins = STARTS_LIKE_ACCESS.match(text)
    if begins is None:
        return None
    fields: dict[str, object] = {"start_time": timestamp(begins["start_time"])}
    heads = list(islice(_HEAD.finditer(text, begins.end() - 1), 2))
    if not heads:
        return None
    head = heads[0] if len(heads) == 1 else None
    if head is not None:
        fields["response_code"] = integer(head["response_code"])
        fields["response_flags"] = _text(head["response_flags"])
    plain_envoy = head is not None and head["counts"] is not None
    found = _envoy_tail(text) if plain_envoy else _tail(text, head)
    if found is None:
        return None
    if head is not None and not plain_envoy and (details := _DETAILS.fullmatch(head["more"])):
        fields.update({column: _text(value) for column, value in details.groupdict().items()})
    return AccessFields(ISTIO.name, clean=False, fields=fields | found)


def _envoy_tail(text: str) -> dict[str, object] | None:
    """Envoy's own format ends with the quoted upstream host."""
    last = _LAST_QUOTED.search(text, max(0, text.rfind('"', 0, len(text) - 1)))
    return None if last is None else {"upstream_host": _text(last[1])}


def _tail(text: str, head: re.Match[str] | None) -> dict[str, object] | None:
    """The tail's fields if they are certain, else no fields; None if there is no tail at all."""
    tail = _TAIL.search(text)
    if tail is None:
        return None
    # Only SNI and route may follow the first tail, without any quote: then there is no second tail.
    after = _SNI_AND_ROUTE.fullmatch(text, tail.end("downstream_remote_address") + 1)
    if after is None:
        # An imitation, an SNI with spaces or quotes, or a format that we don't know.
        return {}
    since_1_9 = head is not None and _DETAILS.fullmatch(head["more"]) is not None
    if since_1_9 and after["route_name"] is None:
        return None
    fields: dict[str, object] = {column: _text(tail[column]) for column in _TAIL_COLUMNS}
    if since_1_9:
        fields.update({column: _text(value) for column, value in after.groupdict().items()})
    return fields
