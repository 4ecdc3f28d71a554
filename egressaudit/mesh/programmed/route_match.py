"""Which virtual host and which routes of a route table take a request, and on which conditions.

A virtual host by its domains: exact, then the longest `*suffix`, then the longest `prefix*`, then `*`. Of its routes
the first that matches. What the call doesn't tell (path, method, headers, query) becomes a condition
(envoyproxy/envoy api/envoy/config/route/v3/route_components.proto).

In: a route table and an `Incoming`. Out: the virtual host, and its routes with their conditions.
Example: `/v1` of an unknown path is the condition `path`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

from egressaudit.mesh.programmed.dumped import Node
from egressaudit.mesh.programmed.incoming import Incoming
from egressaudit.mesh.untyped import rows, table, text, words

_KIND = 1 << 20

_LONGEST_PATTERN = 1000
"""Characters of a regular expression that is tried; Python's are slower than Envoy's on hostile ones."""


def virtual_host(routes: Node, authority: str) -> Node | None:
    """The virtual host that takes an authority, None if none does."""
    host = authority.lower()
    if routes.get("ignore_port_in_host_matching") is True:
        host = re.sub(r":[0-9]+$", "", host)
    best, found = 0, None
    for each in rows(routes.get("virtual_hosts")):
        for domain in words(each.get("domains")):
            rank = _domain_rank(domain.lower(), host)
            if rank > best:
                best, found = rank, each
    return found


def _domain_rank(domain: str, host: str) -> int:
    """How well a domain fits a host: the kind of the match first, then its length; 0 if it doesn't."""
    if domain == host:
        return 4 * _KIND
    if domain == "*":
        return _KIND
    if domain.startswith("*") and len(host) >= len(domain) and host.endswith(domain[1:]):
        return 3 * _KIND + len(domain)
    if domain.endswith("*") and len(host) >= len(domain) and host.startswith(domain[:-1]):
        return 2 * _KIND + len(domain)
    return 0


def matching_routes(host: Node, call: Incoming) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """Each route that may take the request, with what must hold; the last one has no condition, if any has none."""
    for route in rows(host.get("routes")):
        when = _conditions(table(route.get("match")), call)
        if when is not None:
            yield route, when
            if not when:
                return


def _conditions(match: Node, call: Incoming) -> tuple[str, ...] | None:
    """What must hold that the call doesn't tell; None if the route doesn't match."""
    path, query = (None, None) if call.call.path is None else _split(call.call.path)
    asked = [("path", _path_holds(match, path))]
    for header in rows(match.get("headers")):
        name = text(header.get("name"))
        what = "method" if name == ":method" else f"headers {name}"
        asked.append((what, _header_holds(header, _header(name.lower(), call))))
    for parameter in rows(match.get("query_parameters")):
        name = text(parameter.get("name"))
        asked.append((f"query {name}", _query_holds(parameter, query)))
    if "runtime_fraction" in match:
        asked.append(("fraction", None))
    if any(holds is False for _, holds in asked):
        return None
    return tuple(what for what, holds in asked if holds is None)


def _split(path: str) -> tuple[str, dict[str, list[str]]]:
    before, _, after = path.partition("?")
    return before, parse_qs(after, keep_blank_values=True)


def _path_holds(match: Node, path: str | None) -> bool | None:
    if match.get("prefix") == "/":
        return True
    if "connect_matcher" in match:
        return False
    if path is None:
        return None
    folded = match.get("case_sensitive") is False
    given = path.lower() if folded else path
    wanted = {key: text(match.get(key)).lower() if folded else text(match.get(key)) for key in _PATHS if key in match}
    for key, want in wanted.items():
        return _PATHS[key](given, want)
    if "safe_regex" in match:
        return _whole(text(table(match["safe_regex"]).get("regex")), path)
    return None


_PATHS: dict[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "path_separated_prefix": lambda given, want: given == want or given.startswith(f"{want}/"),
    "path": str.__eq__,
}


def _whole(pattern: str, given: str) -> bool | None:
    """Whether an expression matches all of a text; None if Python can't tell."""
    try:
        return None if len(pattern) > _LONGEST_PATTERN else re.fullmatch(pattern, given[:_LONGEST_PATTERN]) is not None
    except (re.error, RecursionError):
        return None


def _header(name: str, call: Incoming) -> str | None:
    if name in (":authority", "host"):
        return call.authority
    if name == ":scheme":
        return "https" if call.tls else "http"
    return {":path": call.call.path, ":method": call.call.method}.get(name)


def _header_holds(header: Node, value: str | None) -> bool | None:
    if value is None:
        return None
    holds: bool | None = True
    if "present_match" in header:
        holds = header["present_match"] is True
    elif "string_match" in header:
        holds = _text_holds(table(header["string_match"]), value)
    return None if holds is None else holds != (header.get("invert_match") is True)


def _query_holds(parameter: Node, query: dict[str, list[str]] | None) -> bool | None:
    if query is None:
        return None
    given = query.get(text(parameter.get("name")))
    if given is None:
        return False
    return _text_holds(table(parameter["string_match"]), given[0]) if "string_match" in parameter else True


def _text_holds(matcher: Node, value: str) -> bool | None:
    folded = matcher.get("ignore_case") is True
    given = value.lower() if folded else value
    for key, holds in _TEXTS.items():
        if key in matcher:
            want = text(matcher[key])
            return holds(given, want.lower() if folded else want)
    return _whole(text(table(matcher.get("safe_regex")).get("regex")), value) if "safe_regex" in matcher else None


_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "exact": str.__eq__,
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": str.__contains__,
}
