"""What is done with each string of a report, by its place.

In: the place of a string, e.g. `Evidence.raw`. Out: a function from the string to its redacted form.
Example: for `Target.path` it makes `/cb?REDACTED` of `/cb?token=abc`; for `Finding.code` it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from egressaudit.report.redaction import Level
from egressaudit.report.redaction.report_walk import StringPlace
from egressaudit.report.redaction.secret_text import (
    scrubbed,
    scrubbed_line,
    scrubbed_manifest,
    scrubbed_target,
    scrubbed_value,
)

if TYPE_CHECKING:
    from egressaudit.model import LogFormat
    from egressaudit.report.redaction.custom_lines import CustomLines
    from egressaudit.report.redaction.pseudonyms import Pseudonyms

Treatment = Callable[[str], str]

_OF_OURS = """
AskedProxy.nonce Attempted.code Attempted.name Attempted.title AuditReport.ignored MadeFrom.policy_digest
Battery.control BlindSpot.kind Choice.reason Choice.route ControlPlane.version Coverage.skipped Decision.controls
DriftRow.code DriftRow.fingerprint Evidence.role Fault.slug Finding.code Finding.controls Flow.joined_by
FlowGroup.reason FoundFault.code Hop.dialect Hop.fields MadeFrom.logs_digest MadeFrom.mesh_versions
MadeFrom.snapshot_digest MatrixCell.nonce OperatorObject.kind OperatorObject.version Permission.commands
Permission.group Permission.resource Permission.verb Probe.nonce Probe.redirected_from ProxyState.programmed
ProxyState.versions Run.id Run.runner ServedApi.group ServedApi.kinds ServedApi.versions ToldFlow.key
ToldFlow.outcome ToldFlow.path ToldLine.dialect ToldLine.fields ToldLine.joined_by Tried.code Tried.control
Tried.nonce Verdict.code Verdict.word Waived.expires
"""
WORDS_OF_OURS = frozenset(_OF_OURS.split())
"""Fields that only our own words, codes and digests fill, and keys of mappings: nothing in them is anybody's name."""
LINES = frozenset({"Evidence.raw", "LogLine.text", "ToldLine.raw"})
"""Fields that hold a raw log line."""
COLUMNS = frozenset({"Hop.fields", "ToldLine.fields"})
"""Mappings from columns to values of a line."""
_FINGERPRINT = "DriftRow.fingerprint"
"""A digest of names, which would confirm a correct guess of the names."""
_TARGETS = frozenset({"Target.path", "Call.path", "CurlResult.redirect_url"})
_MANIFESTS = frozenset({"SuggestedFix.yaml", "SuggestedFix.patch", "SuggestedFix.command", "LiveFindings.grant"})
_OF_HOSTS = "host hosts server_names authority requested_server_name cluster_host sni req_authority req_host"
HOST_FIELDS = frozenset(_OF_HOSTS.split())
"""Fields and columns that hold a host and nothing else."""


class Treatments:
    """What is done with the strings of one report."""

    def __init__(self, report: object, levels: frozenset[Level], key: bytes) -> None:
        self._custom = _custom_lines(getattr(report, "formats", ()))
        self._names = _pseudonyms(report, levels, key)
        self._key = key if levels - {Level.QUERIES} else b""
        # The same words are in many places.
        self._prose = cache(self._prose_of)
        self._line = cache(self._line_of)
        self.of: Callable[[StringPlace], Treatment] = cache(self._of)

    def _of(self, place: StringPlace) -> Treatment:
        name = str(place)
        if place.owner in COLUMNS:
            return lambda text: self._in_line(scrubbed_value(place.field, text), host=place.field in HOST_FIELDS)
        if name == _FINGERPRINT and self._key:
            return lambda text: blake2b(text.encode(), key=self._key[:64], digest_size=16).hexdigest()
        if name in WORDS_OF_OURS:
            return scrubbed
        if name in LINES:
            return self._line
        if name in _TARGETS:
            return lambda text: self._in_line(scrubbed_target(text))
        if name in _MANIFESTS:
            return lambda text: self._in_prose(scrubbed_manifest(text))
        if place.field in HOST_FIELDS:
            return lambda text: self._in_line(scrubbed_value("host", text), host=True)
        return self._prose

    def _prose_of(self, text: str) -> str:
        return self._in_prose(scrubbed(text))

    def _line_of(self, text: str) -> str:
        keys: frozenset[str] = frozenset()
        if self._custom is not None:
            text, keys = self._custom.redacted(text), self._custom.keys
        return self._in_line(scrubbed_line(text, keys))

    def _in_prose(self, text: str) -> str:
        return text if self._names is None else self._names.in_prose(text)

    def _in_line(self, text: str, *, host: bool = False) -> str:
        if self._names is None:
            return text
        return self._names.of_host(text) if host else self._names.in_line(text)


def _pseudonyms(report: object, levels: frozenset[Level], key: bytes) -> Pseudonyms | None:
    if levels <= {Level.QUERIES}:
        return None
    # Import here, as below: most reports have no pseudonyms, and most meshes no formats of their own.
    from egressaudit.report.redaction.pseudonyms import Pseudonyms
    from egressaudit.report.redaction.report_names import hosts_of, identities_of

    return Pseudonyms(
        key,
        levels,
        names=identities_of(report) if Level.IDENTITIES in levels else frozenset(),
        hosts=hosts_of(report) if Level.HOSTS in levels else frozenset(),
    )


def _custom_lines(formats: tuple[LogFormat, ...]) -> CustomLines | None:
    if not formats:
        return None
    from egressaudit.report.redaction.custom_lines import CustomLines

    return CustomLines.of(formats)
