"""Where a redirect leads, as the target of another probe.

In: the `Location` that curl received, e.g. `https://docs.example.com/`. Out: its `Target`, or None.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from egressaudit.errors import UsageError
from egressaudit.model import CurlResult, Scheme, Target
from egressaudit.probe.host import parse_host

_LONGEST = 8192
"""Characters of a Location that are followed: no proxy of a mesh takes more than 60 KiB of headers by default."""


def redirect_target(result: CurlResult, target: Target) -> Target | None:
    """The target of the `Location` that curl was answered; None if there is none, or none that can be probed.

    Credentials and fragment are dropped. A Location comes from outside: what is not a plain http or https URL with
    a valid host is not followed.
    """
    location = result.redirect_url
    if location is None or target.scheme is Scheme.TCP or not 300 <= (result.http_code or 0) < 400:
        return None
    if len(location) > _LONGEST or any(c.isspace() or not c.isprintable() for c in location):
        return None
    try:
        # Since 7.18 curl makes it absolute; joining does not change an absolute one.
        parts = urlsplit(urljoin(target.url, location))
        if parts.scheme not in {"http", "https"}:
            return None
        netloc = parts.netloc.rpartition("@")[2]
        return parse_host(parts._replace(netloc=netloc, fragment="").geturl())
    except (ValueError, UsageError):
        return None
