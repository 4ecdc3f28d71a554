"""A summary posted to a webhook (`audit --notify`): bounded in time and size, and tried again where that may help.

In: the webhook's URL and JSON. Out: '' if it was taken, else why not, in words of our own: the URL is a secret, and
what a server or a library says may quote it. Example: an answer of 404 is `the webhook answered 404`.

No redirect is followed, for the URL's secret would go there. Proxies are those of the environment.
"""

from __future__ import annotations

import ssl
import time
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from egressaudit import __version__
from egressaudit.attempts import Backoff
from egressaudit.cluster.bounded_connection import BOUNDED, whole_body
from egressaudit.cluster.refusals import PASSING, seconds
from egressaudit.cluster.trouble import trouble_of
from egressaudit.errors import UsageError

_PATIENCE = 30.0
"""Seconds for all attempts together."""
_TIMEOUT = 10.0
"""Seconds for one attempt."""
_ATTEMPTS = 4
_LARGEST = 64 * 1024
"""Bytes of the answer, which nobody reads."""
_WRONG = "--notify (or EGRESSAUDIT_NOTIFY_URL) is not the URL of a webhook"


def checked_url(url: str) -> str:
    """The URL, without spaces around it; UsageError, which never quotes it."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(_WRONG, hint="Give an http:// or https:// URL. It is a secret, so it is not shown here.")
    if parts.username is not None or parts.password is not None:
        raise UsageError(_WRONG, hint="A user and a password in the URL are not supported.")
    return url


def posted(url: str, body: bytes) -> str:
    """Post JSON; why it was not taken, '' if it was. A request whose answer is lost may arrive twice."""
    until = time.monotonic() + _PATIENCE
    backoff = Backoff(_PATIENCE, attempts=_ATTEMPTS)
    with _pool(url) as pool:
        while True:
            why, again, retry_after = _once(pool, url, body, min(_TIMEOUT, until - time.monotonic()))
            if not why or not again or not backoff.wait(retry_after):
                return why


def _once(pool: urllib3.PoolManager, url: str, body: bytes, left: float) -> tuple[str, bool, float]:
    """Why it was not taken, whether another attempt may help, and how long the server asks to wait."""
    if left <= 0:
        return "it did not answer in time", False, 0.0
    headers = {"Content-Type": "application/json", "User-Agent": f"egressaudit/{__version__}"}
    try:
        answer = pool.request(
            "POST",
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(connect=left, read=left),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        whole_body(answer, left, _LARGEST)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        trouble = trouble_of(error)
        return f"the webhook cannot be reached: {trouble.why}", not trouble.lasting, 0.0
    if 200 <= answer.status < 300:
        return "", False, 0.0
    redirect = " (a redirect, which is not followed)" if 300 <= answer.status < 400 else ""
    wait = seconds(answer.headers.get("Retry-After"))
    return f"the webhook answered {answer.status}{redirect}", answer.status in PASSING, wait


def _pool(url: str) -> urllib3.PoolManager:
    """Connections to the webhook, through the proxy that the environment has for it."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    options: dict[str, Any] = {"ssl_context": ssl.create_default_context(), "retries": False}
    pool: urllib3.PoolManager
    if proxy and not proxy_bypass(parts.netloc):
        pool = _through(proxy if "://" in proxy else f"http://{proxy}", options)
    else:
        pool = urllib3.PoolManager(**options)
    pool.pool_classes_by_scheme = BOUNDED
    return pool


def _through(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
    if proxy.startswith("socks"):
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(proxy, **options)
    via = urlsplit(proxy)
    user = f"{unquote(via.username)}:{unquote(via.password or '')}" if via.username else None
    headers = urllib3.make_headers(proxy_basic_auth=user) if user else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
