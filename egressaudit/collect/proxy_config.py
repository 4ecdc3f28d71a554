"""Ask a proxy for its own configuration: `pilot-agent request GET config_dump?...`, by pods/exec in its container.

Only what one call needs is asked for: the listeners of a port, the route tables that they name, the clusters that the
routes name, and the endpoints of those. Each answer is one kind of resource (envoyproxy/envoy
docs/root/operations/admin.rst, `resource` and `name_regex`), so secrets, bootstrap and certificates are never sent.
What isn't needed is dropped as soon as it is read: only a `Step` is kept.

In: a cluster, a proxy's pod and a call. Out: an `AskedProxy`; that it could not be asked is no error.
Example: the sidecar of curl/curl-1, asked about docs.example.com:80, sends it to `outbound|80||docs.example.com`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from egressaudit.cluster.foreign_text import shown
from egressaudit.errors import EgressAuditError
from egressaudit.mesh.programmed import Dumped, dumped, programmed_step, route_tables
from egressaudit.model import PROXY_CONTAINER, AskedProxy, Call, ObjectRef, Reporter, Step

if TYPE_CHECKING:
    from egressaudit.cluster import Cluster

LARGEST = 64 * 1024 * 1024
"""Bytes of one answer. The route table of a port with 5,000 hosts has 28 MB."""

_LISTENERS = ("dynamic_listeners", "static_listeners")
_ROUTES = ("dynamic_route_configs",)
_CLUSTERS = ("dynamic_active_clusters", "static_clusters")
_ENDPOINTS = ("dynamic_endpoint_configs", "static_endpoint_configs")
_OF_EVERY_CALL = ("virtualOutbound", "main_internal")
_MOST_SAID = 200


class _NoAnswer(Exception):
    """The proxy was reached, and did not answer as Envoy does; `str()` is why."""


@dataclass(frozen=True, slots=True)
class ProxyAsker:
    """Asks proxies of one cluster, not beyond a deadline (of `time.monotonic`)."""

    cluster: Cluster
    deadline: float

    def ask(self, nonce: str, pod: ObjectRef, reporter: Reporter, call: Call) -> tuple[AskedProxy, Dumped]:
        """What the proxy does with the call, and the parts of its configuration that say so."""
        asked = AskedProxy(nonce, pod, reporter, call)
        try:
            step, dump = self._step(pod, reporter, call)
        except _NoAnswer as error:
            return replace(asked, error=str(error)), Dumped()
        except EgressAuditError as error:
            return replace(asked, error=_short(error.message)), Dumped()
        refused = tuple(_short(each) for each in dump.refused)
        return replace(asked, step=step, endpoints=dump.endpoints, refused=refused), dump

    def _step(self, pod: ObjectRef, reporter: Reporter, call: Call) -> tuple[Step, Dumped]:
        names = (*_OF_EVERY_CALL, f".*_{call.port}")
        answers = [self._first(pod, _LISTENERS, "|".join(names))]
        if tables := route_tables(dumped(answers)):
            answers.append(self._first(pod, _ROUTES, _any_of(tables)))
        step = programmed_step(dumped(answers), call, pod, reporter)
        clusters = sorted({to.cluster for choice in step.choices for to in choice.to})
        if clusters:
            answers.append(self._first(pod, _CLUSTERS, _any_of(clusters)))
            answers.append(self._first(pod, _ENDPOINTS, _any_of(clusters)))
        # What was asked for is all that the step names: a cluster that isn't there now isn't at the proxy.
        dump = dumped(answers, all_clusters=True)
        return programmed_step(dump, call, pod, reporter), dump

    def _first(self, pod: ObjectRef, resources: Iterable[str], name_regex: str) -> object:
        """The first of these resources that has an entry with such a name: istiod's, else the proxy's own."""
        answer: object = {}
        for each in resources:
            answer = self._get(pod, f"config_dump?include_eds&resource={each}&name_regex={quote(name_regex, safe='')}")
            if isinstance(answer, dict) and answer.get("configs"):
                break
        return answer

    def _get(self, pod: ObjectRef, path: str) -> object:
        if time.monotonic() >= self.deadline:
            raise _NoAnswer("there was no time left to ask it")
        argv = ["pilot-agent", "request", "GET", path]
        done = self.cluster.exec(pod, PROXY_CONTAINER, argv, self.deadline, LARGEST)
        if not done.whole:
            raise _NoAnswer(f"its answer is larger than {LARGEST // (1024 * 1024)} MiB, which are not read")
        if done.returncode:
            said = done.stderr or done.stdout
            raise _NoAnswer(f"pilot-agent ended with {done.returncode}: {_short(said)}")
        try:
            return json.loads(done.stdout)
        except (ValueError, RecursionError):
            if done.returncode is None:
                raise _NoAnswer("its answer was cut off") from None
            raise _NoAnswer(f"its answer is not JSON: {_short(done.stdout)}") from None


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))


def _short(text: str) -> str:
    return shown(text, _MOST_SAID)
