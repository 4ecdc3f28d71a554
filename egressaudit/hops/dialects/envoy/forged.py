"""Recover from an access line that is not clean the few fields that no sender can have written.

A sender may write anything in path, X-Forwarded-For, User-Agent, x-request-id and authority, and, with an Envoy before
the fix of CVE-2024-45808, in the SNI; not a line end. An upstream may, too, where Envoy 1.40 lets it (both seen by
`tests/test_oracle.py`): anything but blanks in the code's details and the failure reason, which name the names in a
certificate that is refused; anything at all in the service time, if it answers before the request has ended.

What the proxy itself writes stands in two places, each of which has a shape: the *head* (protocol to the quote of the
failure reason) and the *tail* (upstream host to the client's address). The true head and the true tail always have
their shape. So where a shape occurs exactly once, that one is the true one; where it occurs again, somebody imitated
it, and nothing of it is believed.

`native/src/forged.rs` has the same shapes, so that nobody slows an audit down by forging lines;
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
"""How every default text format begins: nothing that a sender writes comes before it."""

# The shapes are found at every place, also where they overlap, hence the lookaheads. Each spans few neighbouring quotes
# or blanks, so that finding all takes time linear in the line. Envoy's own format has byte counts and the duration
# where the others have the details, which hold no quote as their first character.
_HEAD = re.compile(
    r' (?=(?:HTTP/[0-9](?:\.[0-9])?|-)"'
    r' (?P<response_code>[0-9]{1,18}) (?P<response_flags>[^ "\n]+)'
    r'(?:(?P<counts> [0-9]+ [0-9]+ (?:-?[0-9]+|-) )|(?P<more>(?: [^ "\n][^ \n]*(?: [^"\n]*)?)?) "))'
)
# Not all digits: so the byte counts behind an empty-looking `"-"` are no tail.
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
"""All columns beside the time that `recover` may fill."""

_SNI_AND_ROUTE = re.compile(r'(?P<requested_server_name>[^ "\n]+)(?: (?P<route_name>[^ "\n]+))?')
_DETAILS = re.compile(r' (?P<response_code_details>[^ "\n][^ \n]*) (?P<connection_termination_details>[^"\n]+)')
_LAST_QUOTED = re.compile(r'"([^ "\n]+)"$')

_text = absent(verbatim)


def recover(text: str) -> AccessFields | None:
    """The trusted fields of an unclean access line, all others None; None where it is not whole.

    Raises ValueError where it claims a time that does not exist.
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
    """The tail's fields where they are certain, none where they are not; None where there is no tail at all."""
    tail = _TAIL.search(text)
    if tail is None:
        return None
    # Only SNI and route may follow the first tail, without a quote: then no second one does.
    after = _SNI_AND_ROUTE.fullmatch(text, tail.end("downstream_remote_address") + 1)
    if after is None:
        # An imitation, an SNI with blanks or quotes, or a format that is not one of ours.
        return {}
    since_1_9 = head is not None and _DETAILS.fullmatch(head["more"]) is not None
    if since_1_9 and after["route_name"] is None:
        return None
    fields: dict[str, object] = {column: _text(tail[column]) for column in _TAIL_COLUMNS}
    if since_1_9:
        fields.update({column: _text(value) for column, value in after.groupdict().items()})
    return fields
