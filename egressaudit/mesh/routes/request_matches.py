"""What an `http` match asks of a request, and whether a call meets it, as far as the call is known.

In: a match of a rule, and a call. Out: a `Meeting`: it does, it does not, or the conditions that decide.
Example: `uri: {prefix: /api}` and a call of an unknown path is the condition `uri prefix /api`.

Header and query values are not in a snapshot, so those conditions are never met for certain. A snapshot of an older
egressaudit has no values of uri, method, authority and scheme either. Regular expressions are RE2's, as in Envoy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from egressaudit.mesh.untyped import table, text
from egressaudit.model import Call, Scheme

_STANDARD = {Scheme.HTTP: 80, Scheme.HTTPS: 443}
_BY_NAME = {"headers": "header", "withoutHeaders": "no header", "queryParams": "query parameter"}


@dataclass(frozen=True, slots=True)
class Meeting:
    """Whether a call meets a match."""

    met: bool = True
    """No if it certainly does not."""
    when: tuple[str, ...] = ()
    """What must hold that is not known; none if it certainly meets it."""


def meets(match: Mapping[str, Any] | None, call: Call, *, by_segment: bool = False) -> Meeting:
    """Whether a call meets a match (istio/istio core/route/route.go TranslateRouteMatch).

    `by_segment`: a prefix is one of whole path segments, as in routes of the Gateway API.
    """
    conditions = []
    for name, met in _conditions(match or {}, call, by_segment=by_segment):
        if met is False:
            return Meeting(met=False)
        if met is None:
            conditions.append(name)
    return Meeting(when=tuple(conditions))


def authority(call: Call) -> str:
    """The Host of a request: with the port where that is not the scheme's own, also at proxies with other ports."""
    if call.authority:
        return call.authority
    host = f"[{call.host}]" if ":" in call.host else call.host
    return host if _STANDARD.get(call.scheme) == call.port else f"{host}:{call.port}"


def _conditions(match: Mapping[str, Any], call: Call, *, by_segment: bool) -> Iterator[tuple[str, bool | None]]:
    path = None if call.path is None else call.path.partition("#")[0].partition("?")[0]
    if match.get("uri") is not None:
        fold = match.get("ignoreUriCase") is True
        yield _string("uri", match["uri"], path, fold=fold, by_segment=by_segment)
    known = {"method": call.method, "authority": authority(call), "scheme": call.scheme.value}
    for key, value in known.items():
        if match.get(key) is not None:
            yield _string(key, match[key], value)
    for key, word in _BY_NAME.items():
        if match.get(key) is not None:
            names = sorted(str(name) for name in table(match[key]))
            absent = key == "queryParams" and call.path is not None and not set(names) <= _parameters(call.path)
            yield f"{word} {', '.join(names) or 'not kept'}", False if absent else None


def _parameters(path: str) -> frozenset[str]:
    """The names of the query parameters of a path; Envoy compares them as they are written."""
    query = path.partition("#")[0].partition("?")[2]
    return frozenset(each.partition("=")[0] for each in query.split("&"))


def _string(
    name: str, said: object, value: str | None, *, fold: bool = False, by_segment: bool = False
) -> tuple[str, bool | None]:
    kind = next((each for each in ("exact", "prefix", "regex") if text(table(said).get(each))), "")
    wanted = text(table(said).get(kind))
    if not kind:
        return f"{name} not kept", None
    condition = f"{name} {kind} {wanted}"
    if value is None:
        return condition, True if (kind, wanted) in (("prefix", "/"), ("regex", ".*")) else None
    if kind == "regex":
        return condition, _full_match(wanted, value)
    if fold:
        wanted, value = wanted.lower(), value.lower()
    if kind == "exact":
        return condition, value == wanted
    if by_segment and wanted != "/":
        bare = wanted.removesuffix("/")
        return condition, value == bare or value.startswith(f"{bare}/")
    return condition, value.startswith(wanted)


@lru_cache(maxsize=4096)
def _full_match(pattern: str, value: str) -> bool | None:
    """Whether RE2 matches the whole value; None if it cannot read the pattern, and then Envoy takes no route at all."""
    import pyarrow as pa  # Slow to import, and rules with regular expressions are few.
    import pyarrow.compute as pc

    try:
        found = pc.match_substring_regex(pa.array([value]), pattern=f"^(?:{pattern})$")
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    return bool(found[0].as_py())
