"""Single requests to the API server: pooled connections, bounded in time and size, retried where that is safe.

In: a path, and the `Action` that it means. Out: the answer's JSON object, or an error that `refusals` makes.
Example: the server answers 503 with `Retry-After: 1`. The request is sent again after one second.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from egressaudit.attempts import Backoff
from egressaudit.cluster.access import ClusterAccess, unreachable
from egressaudit.cluster.bounded_connection import whole_body
from egressaudit.cluster.foreign_text import json_of
from egressaudit.cluster.refusals import PASSING, Action, refusal, seconds
from egressaudit.errors import ClusterError, Unreachable

_ATTEMPTS = 5
_PATIENCE = 3
"""Request timeouts that all attempts of one request may take together."""
_LARGEST = 256 * 1024 * 1024
"""Bytes of one answer. A page of 500 objects mostly has some MB; etcd takes objects of up to 1.5 MiB."""
_MOST_BYTES = 4 * 1024**3
"""Of all answers of one run: a mesh of 50,000 pods has about 1 GiB of them."""
_BARELY = 0.5
"""Seconds before the end of the run in which nothing is asked again."""
_OVER = "The time limit of the run is over. If the cluster is only slow, give the run more time with --timeout."
NO_API = "The kubeconfig's server may not be a Kubernetes API, or it may be behind a login page."


class Rest:
    """Requests that are answered with one JSON document. May be used by several threads.

    No request outlives `deadline` (of `time.monotonic`), except where it is given one of its own.
    """

    def __init__(self, access: ClusterAccess, request_timeout: float, threads: int) -> None:
        self.access = access
        self.deadline = math.inf
        self._timeout = request_timeout
        self._sizes: list[int] = []
        self._pool: urllib3.PoolManager = access.pool(threads)

    def until(self, deadline: float) -> Rest:
        """The same connections, with a deadline."""
        bounded = Rest.__new__(Rest)
        bounded.__dict__.update(self.__dict__, deadline=deadline)
        return bounded

    def get(
        self, path: str, action: Action, query: Mapping[str, str | int] | None = None, accept: str = ""
    ) -> dict[str, Any]:
        """The answer to a GET; errors as `refusals` makes them."""
        return self.request("GET", path, action, query=query, headers={"Accept": accept} if accept else None)

    def request(
        self,
        method: str,
        path: str,
        action: Action,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """The answer to a request; passing failures are tried again, for not longer than three request timeouts.

        A request that changes something may then have been done already: callers allow for it (409, 404).
        """
        until = min(time.monotonic() + _PATIENCE * self._timeout, self.deadline if deadline is None else deadline)
        backoff = Backoff(until - time.monotonic(), attempts=_ATTEMPTS)
        while True:
            retry_after = 0.0
            try:
                status, answered, data = self._once(method, path, query, body, headers or {}, until, action)
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                failure: ClusterError = unreachable(self.access.server, error)
                failure.__cause__ = error
            else:
                if 200 <= status < 300:
                    return _document(data, answered, action)
                failure = refusal(status, self.access.without_secrets(data), action, self.access.server)
                # Quotas use optimistic locking: two pods created at once may collide, and then nothing was done.
                if status not in PASSING and not (status == 409 and "resourcequotas" in failure.message):
                    raise failure
                retry_after = seconds(answered.get("Retry-After"))
            lasting = isinstance(failure, Unreachable) and failure.lasting
            if lasting or not backoff.wait(retry_after):
                if deadline is None and time.monotonic() + _BARELY > self.deadline:
                    failure.hint = _OVER
                raise failure

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: object,
        more: Mapping[str, str],
        until: float,
        action: Action,
    ) -> tuple[int, Mapping[str, str], bytes]:
        url = f"{self.access.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = urllib3.HTTPHeaderDict(self.access.wire_headers())
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        for name, value in more.items():
            headers[name] = value
        began = time.monotonic()
        left = min(self._timeout, until - began)
        if left <= 0:
            raise TimeoutError
        answer = self._pool.request(
            method,
            url,
            headers=headers,
            body=content,
            timeout=urllib3.Timeout(connect=left, read=left),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        data = whole_body(answer, left, _LARGEST)
        self._sizes.append(-1 if data is None else len(data))
        if data is None or sum(self._sizes) > _MOST_BYTES:
            raise ClusterError(f"the answer to {action} is larger than the limit", hint=NO_API)
        return answer.status, answer.headers, data


def _document(data: bytes, headers: Mapping[str, str], action: Action) -> dict[str, Any]:
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    document = json_of(data) if encoding == "identity" else None
    if not isinstance(document, dict):
        what = "is not a JSON object" if encoding == "identity" else "is compressed, which was not asked for"
        raise ClusterError(f"the answer to {action} {what}", hint=NO_API)
    return document
