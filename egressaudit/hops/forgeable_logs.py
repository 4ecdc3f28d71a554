"""Logs in which whole lines may be forged: text of an Envoy that is older than the fix of CVE-2024-45808.

A TLS client's server name stands in them with its line ends, so that a line of such a log, also one that looks like
JSON, may be anybody's. Only a log that is JSON from end to end is believed of such a proxy.
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
    """What the snapshot says of the proxies: which of them are too old, and of which that is not known."""

    old: Mapping[LogSource, str]
    """The image of each proxy that is known to be older than the fix, by its log."""
    unknown: tuple[LogSource, ...]
    text_configured: bool
    """Whether some proxy may write text by the configuration: then a log of which a part is JSON may be forged too."""

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
        """Why whole lines of a log may be forged, one sentence; '' where nothing says so.

        `has_text` is whether a line of it is an access line that is not JSON, or none that is understood.
        """
        image = self.old.get(log)
        if image is None or not (has_text or self.text_configured):
            return ""
        return (
            f"{image} is older than the fix of CVE-2024-45808 and its log is, or may be, text: a TLS client can have "
            "forged whole lines of it"
        )

    def note(self, read: Iterable[LogSource]) -> tuple[str, ...]:
        """What is to be said, once, of the proxies among these logs whose version is not known; JSON needs no word."""
        known = set(read)
        logs = [str(each) for each in self.unknown if each in known]
        if not logs or not self.text_configured:
            return ()
        more = f" and {len(logs) - _NAMED} more" if len(logs) > _NAMED else ""
        said = (
            f"whether Envoy has the fix of CVE-2024-45808 is not known of {', '.join(logs[:_NAMED])}{more}: no image "
            "tag says its version. An older one lets a TLS client forge whole lines of a text log"
        )
        return (said,)


def forgeable_logs(parsed: Parsed, suspicions: Suspicions) -> dict[LogSource, str]:
    """Why whole lines of a log may be forged, by log; logs of which that is not known are not in it."""
    has_text = {each.line.source for each in parsed.hops if is_text(each)}
    has_text.update(each.line.source for each in parsed.unparsed)
    said = {log: suspicions.why(log, has_text=log in has_text) for log in parsed.lines}
    return {log: why for log, why in said.items() if why}


def is_text(hop: Hop) -> bool:
    """Whether an access line is Envoy's text; the names of all JSON dialects end so."""
    return hop.reporter is not Reporter.ZTUNNEL and not hop.dialect.endswith("json")
