"""Where a redirect leads, as the target of a probe of its own."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from egressaudit.errors import UsageError
from egressaudit.model import CurlResult, Scheme, Target
from egressaudit.probe.host import parse_host

_LONGEST = 8192
"""Characters of a Location that are followed: no proxy of a mesh takes more than 60 KiB of headers by default."""


def redirect_target(result: CurlResult, target: Target) -> Target | None:
    """The target of the `Location` that curl was answered; None where there is none, or none that can be probed.

    Credentials and fragment are dropped. A Location comes from outside: what is not a plain http or https URL with
    a valid host is not followed.
    """
    location = result.redirect_url
    if location is None or target.scheme is Scheme.TCP or not 300 <= (result.http_code or 0) < 400:
        return None
    if len(location) > _LONGEST or any(c.isspace() or not c.isprintable() for c in location):
        return None
    try:
        # curl has made it absolute already since 7.18; joining leaves an absolute one as it is.
        parts = urlsplit(urljoin(target.url, location))
        if parts.scheme not in {"http", "https"}:
            return None
        netloc = parts.netloc.rpartition("@")[2]
        return parse_host(parts._replace(netloc=netloc, fragment="").geturl())
    except (ValueError, UsageError):
        return None
