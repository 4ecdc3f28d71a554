"""Logs in which whole lines may be forged: text logs of an Envoy older than the fix of CVE-2024-45808.

Such an Envoy logs a TLS client's server name with its newlines, so anybody can have written any line of the log, even
one that looks like JSON. From such a proxy, only a log that is JSON from start to end is believed.

In: the parsed lines and the versions that the snapshot shows. Out: e.g. `{egress/gw-1/istio-proxy:
"istio/proxyv2:1.20.0 is older than the fix ..."}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from egressaudit.hops.line_parser import Parsed
from egressaudit.mesh import Mesh, Standing
from egressaudit.model import Hop, LogSource, Reporter

_NAMED = 3
"""Logs that a note names before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Suspicions:
    """Which proxies of the snapshot are too old, and for which that is not known."""

    old: Mapping[LogSource, str]
    """The image of each proxy that is known to be older than the fix, by its log."""
    unknown: tuple[LogSource, ...]
    text_configured: bool
    """Whether the configuration lets some proxy write text: then even a log whose lines are all JSON may be forged."""

    @classmethod
    def of(cls, mesh: Mesh) -> Suspicions:
        """The suspicions of a snapshot."""
        versions = mesh.proxy_versions()
        return cls(
            old={log: each.image for log, each in versions.items() if each.standing is Standing.VULNERABLE},
            unknown=tuple(log for log, each in versions.items() if each.standing is Standing.UNKNOWN),
            text_configured=mesh.may_log_text,
        )

    def why(self, log: LogSource, *, has_text: bool) -> str:
        """Why whole lines of a log may be forged, one sentence; '' if nothing says so.

        `has_text`: the log has an access line that is not JSON, or a line that was not understood.
        """
        image = self.old.get(log)
        if image is None or not (has_text or self.text_configured):
            return ""
        return (
            f"{image} is older than the fix of CVE-2024-45808 and its log is, or may be, text: a TLS client can have "
            "forged whole lines of it"
        )

    def note(self, read: Iterable[LogSource]) -> tuple[str, ...]:
        """One sentence about the proxies of these logs whose version is not known; none if all logs are JSON."""
        known = set(read)
        logs = [str(each) for each in self.unknown if each in known]
        if not logs or not self.text_configured:
            return ()
        more = f" and {len(logs) - _NAMED} more" if len(logs) > _NAMED else ""
        sentence = (
            f"whether Envoy has the fix of CVE-2024-45808 is not known of {', '.join(logs[:_NAMED])}{more}: no image "
            "tag says its version. An older one lets a TLS client forge whole lines of a text log"
        )
        return (sentence,)


def forgeable_logs(parsed: Parsed, suspicions: Suspicions) -> dict[LogSource, str]:
    """Why whole lines of a log may be forged, by log; logs without a known reason are left out."""
    has_text = {each.line.source for each in parsed.hops if is_text(each)}
    has_text.update(each.line.source for each in parsed.unparsed)
    reasons = {log: suspicions.why(log, has_text=log in has_text) for log in parsed.lines}
    return {log: why for log, why in reasons.items() if why}


def is_text(hop: Hop) -> bool:
    """Whether an access line is Envoy's text: the names of all JSON dialects end in `json`."""
    return hop.reporter is not Reporter.ZTUNNEL and not hop.dialect.endswith("json")
