"""Hosts as istiod compares them: exact names and wildcards of any depth, by letters (istio/istio pkg/config/host).

In: hosts as a rule, a listener or a server writes them. Out: whether one covers another, and what two lists share.
Example: `shared(("*.example.com",), ("docs.example.com", "example.org"))` is `("docs.example.com",)`.
"""

from __future__ import annotations

from collections.abc import Iterable


def overlaps(one: str, other: str) -> bool:
    """Whether some host may be meant by both (name.go Matches)."""
    return within(one, other) or within(other, one)


def within(inner: str, outer: str) -> bool:
    """Whether every host of the first is one of the second (name.go SubsetOf); `*.a` does not cover `a`."""
    if not outer.startswith("*"):
        return inner == outer
    if not inner.startswith("*"):
        return inner.endswith(outer[1:])
    return len(inner) >= len(outer) and inner[1:].endswith(outer[1:])


def shared(ours: Iterable[str], theirs: Iterable[str]) -> tuple[str, ...]:
    """What two lists of hosts have in common, in the order of the first (names.go Intersection)."""
    other, found = tuple(theirs), dict[str, None]()
    for one in ours:
        for each in other:
            if within(one, each):
                found.setdefault(one)
            elif within(each, one):
                found.setdefault(each)
    return tuple(found)


def of_namespace(hosts: Iterable[str], namespace: str) -> tuple[str, ...]:
    """The hosts of a Gateway's server that are for objects of a namespace (names.go NamesForNamespace).

    `host` and `*/host` are for all, `namespace/host` is for one.
    """
    found = []
    for each in hosts:
        before, slash, host = each.partition("/")
        if not slash:
            found.append(each)
        elif before in (namespace, "*"):
            found.append(host)
    return tuple(found)


def specificity(host: str) -> tuple[bool, int, str]:
    """The key by which istiod sorts hosts: exact ones first, then long before short (names.go MoreSpecific)."""
    return host.startswith("*"), -len(host), host
