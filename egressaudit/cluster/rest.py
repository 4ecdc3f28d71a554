"""Single requests to the API server: pooled connections, bounded in time, retried where that is safe.

In: a path, and the `Action` that it means. Out: the answer's JSON object, or an error that `refusals` makes.
Example: the server answers 503 with `Retry-After: 1`. The request is sent again after one second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from egressaudit.cluster.access import ClusterAccess, unreachable
from egressaudit.cluster.refusals import PASSING, Action, refusal, seconds
from egressaudit.errors import ClusterError

_ATTEMPTS = 5
_BACKOFF = 0.2
_LONGEST_WAIT = 5.0


class Rest:
    """Requests that are answered with one JSON document. May be used by several threads."""

    def __init__(self, access: ClusterAccess, request_timeout: float, threads: int) -> None:
        self.access = access
        self._timeout = request_timeout
        self._pool = access.api_server.pool(threads)

    def get(self, path: str, action: Action, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """The answer to a GET; errors as `refusals` makes them."""
        return self.request("GET", path, action, query=query)

    def request(
        self,
        method: str,
        path: str,
        action: Action,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
    ) -> dict[str, Any]:
        """The answer to a request; passing failures are tried again, for not longer than three request timeouts.

        A request that changes something may then have been done already: callers allow for it (409, 404).
        """
        until = time.monotonic() + 3 * self._timeout
        for attempt in range(1, _ATTEMPTS + 1):
            wait = _BACKOFF * 2 ** (attempt - 1)
            try:
                status, headers, data = self._once(method, path, query, body)
            except urllib3.exceptions.HTTPError as error:
                failure: ClusterError = unreachable(self.access.server, _cause(error))
                failure.__cause__ = error
            else:
                if 200 <= status < 300:
                    return _document(data, action)
                failure = refusal(status, data, action, self.access.server)
                # Quotas use optimistic locking: two pods created at once may collide, and then nothing was done.
                if status not in PASSING and not (status == 409 and "resourcequotas" in failure.message):
                    raise failure
                wait = max(wait, seconds(headers.get("Retry-After")))
            if attempt == _ATTEMPTS or time.monotonic() + wait > until or _pointless(failure):
                raise failure
            time.sleep(min(wait, _LONGEST_WAIT))
        raise AssertionError

    def _once(
        self, method: str, path: str, query: Mapping[str, str | int] | None, body: object
    ) -> tuple[int, Mapping[str, str], bytes]:
        url = f"{self.access.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = urllib3.HTTPHeaderDict(self.access.headers())
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        answer = self._pool.request(
            method,
            url,
            headers=headers,
            body=content,
            timeout=urllib3.Timeout(connect=self._timeout, read=self._timeout),
            retries=False,
            redirect=False,
        )
        return answer.status, answer.headers, answer.data


def _document(data: bytes, action: Action) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise ClusterError(
            f"the answer to {action} is not JSON: {data[:60]!r}",
            hint="The kubeconfig's server may not be a Kubernetes API, or it may be behind a login page.",
        ) from error
    if not isinstance(document, dict):
        raise ClusterError(f"the answer to {action} is not a JSON object")
    return document


def _cause(error: BaseException) -> BaseException:
    """The innermost reason within urllib3's wrappers, which is the most specific."""
    reason = getattr(error, "reason", None)
    return _cause(reason) if isinstance(reason, BaseException) else error


def _pointless(failure: ClusterError) -> bool:
    """Errors that a retry cannot fix: a wrong name or certificate, a port where nothing listens."""
    return any(
        sign in failure.message for sign in ("CERTIFICATE_VERIFY_FAILED", "Name or service not known", "refused")
    )
