"""The names of workloads and hosts that a report has, so that they can be found in its sentences and lines.

In: a report. Out: its identities and its hosts, e.g. `{"shop", "cart", "cart-1"}` and `{"docs.example.com"}`. Names of
Kubernetes look like any other word; so they come from the places that hold names, and from phrases such as
`VirtualService egress/docs`, `shop/Deployment/cart` and `spiffe://cluster.local/ns/shop/sa/cart`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from egressaudit.report.redaction.pseudonyms import PUBLIC, in_cluster
from egressaudit.report.redaction.report_walk import StringPlace, strings_of
from egressaudit.report.redaction.treatments import COLUMNS, HOST_FIELDS, LINES

_NAME = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_IN_PROSE = (
    re.compile(rf"\b[A-Z][a-z][A-Za-z]* ({_NAME})/({_NAME})"),
    re.compile(rf"\b({_NAME})/[A-Z][a-z][A-Za-z]*/({_NAME})"),
    re.compile(rf"\b[A-Z][a-z][A-Za-z]*/({_NAME})"),
    # `shop/cart-1`, but neither `and/or` nor `docs/evidence.md`.
    re.compile(r"(?<![\w./-])(?=[a-z0-9/-]*[0-9-])([a-z][a-z0-9-]*)/([a-z][a-z0-9-]*)(?![\w/]|\.\w)"),
)
_EVERYWHERE = (
    re.compile(r'spiffe://([^/\s"]+)/ns/([^/\s"]+)/sa/([^/\s",;]+)'),
    re.compile(r"\b([a-z0-9-]+)\.([a-z0-9-]+)\.svc\b"),
    re.compile(rf"\bns\[({_NAME})\]-policy\[({_NAME})\]"),
    re.compile(r'\b(?:src|dst)\.(?:workload|namespace)"?\s*[=:]\s*"([^"\s]+)"'),
)
_PARTS = re.compile(r"[^A-Za-z0-9_.-]+")
_PORT = re.compile(r":[0-9]+\Z")
_OF_IDENTITIES = """
namespace workload workloads pod source sources subject proxy owner owners node admitted service_account who
src_workload src_namespace dst_workload dst_namespace sender left_out cluster_uid
"""
_IDENTITIES = frozenset(_OF_IDENTITIES.split())
"""Fields and columns that hold names of the mesh."""
_NAMED = frozenset({"ObjectRef.name", "LogSource.pod", "Pod.name", "SourceCoverage.name", "Permission.name"})


def identities_of(report: object) -> frozenset[str]:
    """The names of namespaces, workloads, pods, accounts and objects."""
    found: set[str] = set()
    for place, text in strings_of(report):
        if place.field in _IDENTITIES or str(place) in _NAMED:
            found.update(_parts(place, text))
        for phrase in _EVERYWHERE if _is_line(place) else (*_IN_PROSE, *_EVERYWHERE):
            for match in phrase.finditer(text):
                found.update(match.groups())
    return frozenset(each for each in found if each not in PUBLIC and len(each) > 1)


def hosts_of(report: object) -> frozenset[str]:
    """The hosts that the report is about, in small letters."""
    found = (
        _PORT.sub("", text).removeprefix("*.").lower()
        for place, text in strings_of(report)
        if place.field in HOST_FIELDS
    )
    return frozenset(each for each in found if each and each not in PUBLIC and not in_cluster(each))


def _is_line(place: StringPlace) -> bool:
    """Whether a place holds a log line, or a value of one: the sender's words, such as `Mozilla/5.0`."""
    return place.owner in COLUMNS or str(place) in LINES


def _parts(place: StringPlace, text: str) -> Iterable[str]:
    """The names in `shop/cart-1/istio-proxy`, `shop/Deployment/cart` and `shop (sidecar, app=cart)`."""
    if place.field == "subject" and "/" not in text:
        # A finding may be about a rule of the policy.
        return ()
    return (each for each in _PARTS.split(text.partition(" (")[0]) if each and not each[0].isupper())
