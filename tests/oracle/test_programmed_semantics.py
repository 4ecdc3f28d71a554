"""Requests through a real Envoy that has istiod's listeners: it takes the cluster and route that we say it takes.

Its listeners stand at ports of this machine, its clusters have no endpoints: what counts is which cluster, route and
code it logs. `ORACLE_REQUESTS=5000` sends more than the usual run does.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from egressaudit.mesh.programmed import dumped, programmed_step
from egressaudit.model import Act, Call, Choice, ObjectRef, Reporter, Scheme
from egressaudit_lab import processes
from egressaudit_lab.programs import find_programs

pytestmark = pytest.mark.e2e

REQUESTS = int(os.environ.get("ORACLE_REQUESTS", "300"))
SEED = int(os.environ.get("ORACLE_SEED", "20260101"))
CONFIGS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "mesh" / "programmed_by_istiod.json").read_text("utf-8")
)[0]["config_dump"]["configs"]
DUMP = dumped([{"configs": CONFIGS}], all_clusters=True)

HOSTS = (
    *("docs.example.com", "DOCS.example.com", "api.example.com", "split.example.com", "fault.example.com"),
    *("nowhere.example", "gw.egress.svc.cluster.local", "gw.egress", "x.docs.example.com"),
)
NAMES = (
    *("docs.example.com", "api.example.com", "a.wild.example.com"),
    *("a.b.wild.example.com", "wild.example.com", "x.example"),
)
PATHS = ("/", "/v1", "/v1/x", "/v2", "/V1", "/r/12", "/r/x", "/r/12/3", "/x?v=2", "/x?v=3", "/x?w=2", "/whole")
METHODS = ("GET", "POST", "HEAD")
_TYPES = "type.googleapis.com/envoy"
_HTTP = "envoy.filters.http"
_FILTERS = [
    {"name": f"{_HTTP}.{name}", "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.{name}.v3.{kind}"}}
    for name, kind in (("fault", "HTTPFault"), ("router", "Router"))
]
_FORMAT = {
    "id": "%REQ(X-ID)%",
    "sni": "%REQUESTED_SERVER_NAME%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "route": "%ROUTE_NAME%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
}


class RealEnvoy:
    """An Envoy with some of istiod's listeners, each at a port of its own."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "access.log"
        self.ports: dict[str, int] = {}
        self.config = folder / "envoy.json"
        self._folder = folder

    def write(self, *names: str) -> None:
        listeners = [
            self._listener(each["active_state"]["listener"])
            for each in CONFIGS
            if "active_state" in each and each["name"] in names
        ]
        clusters = [
            {"name": each["cluster"]["name"], "type": "STATIC", "connect_timeout": "1s"}
            for each in CONFIGS
            if "cluster" in each
        ]
        self.config.write_text(json.dumps({"static_resources": {"listeners": listeners, "clusters": clusters}}))

    def lines(self, count: int) -> list[dict[str, Any]]:
        """So many lines of its access log."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with suppress(OSError, ValueError):
                found = [json.loads(line) for line in self._log.read_text().splitlines()]
                if len(found) >= count:
                    return found
            time.sleep(0.1)
        raise AssertionError(f"fewer than {count} lines")

    def _listener(self, listener: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(json.dumps(listener))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.ports[made["name"]] = free.getsockname()[1]
        made["address"] = {"socket_address": {"address": "127.0.0.1", "port_value": self.ports[made["name"]]}}
        default = made.get("default_filter_chain")
        for chain in [*made.get("filter_chains", ()), *([default] if default else ())]:
            chain["filters"] = [each for each in chain["filters"] if each["name"].startswith("envoy.")]
            for each in chain["filters"]:
                config = each["typed_config"] = {"stat_prefix": "x", **each["typed_config"]}
                config["access_log"] = self._logged()
                if "rds" in config:
                    routes = DUMP.routes[config.pop("rds")["route_config_name"]]
                    config["route_config"] = {**routes, "validate_clusters": False}
                if each["name"].endswith("http_connection_manager"):
                    config["http_filters"] = _FILTERS
        return made

    def _logged(self) -> list[dict[str, Any]]:
        config = {
            "@type": f"{_TYPES}.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(self._log),
            "log_format": {"json_format": _FORMAT},
        }
        return [{"name": "envoy.access_loggers.file", "typed_config": config}]


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEnvoy]:
    envoy = RealEnvoy(tmp_path_factory.mktemp("envoy"))
    envoy.write("0.0.0.0_80", "0.0.0.0_443")
    loop = asyncio.new_event_loop()
    options = ["--disable-hot-restart", "-l", "warning", "--file-flush-interval-msec", "50"]
    argv = [find_programs().envoy, "-c", str(envoy.config), *options]
    process = loop.run_until_complete(processes.spawn_daemon(argv, {"PATH": "/usr/bin:/bin"}))
    try:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", envoy.ports["0.0.0.0_443"]), 1):
                break
            time.sleep(0.05)
        yield envoy
    finally:
        loop.run_until_complete(processes.stop(process))
        loop.close()


def taken(call: Call) -> Choice:
    """The choice of a request without headers or chance: the first whose conditions cannot fail to hold."""
    step = programmed_step(DUMP, call, ObjectRef("app", "curl-1"), Reporter.SIDECAR)
    return next(each for each in step.choices if not each.when)


def ends(choice: Choice) -> set[tuple[str | None, str, int]]:
    """Cluster, route and code that a line of this choice may have."""
    clusters: list[str | None] = [each.cluster for each in choice.to]
    if choice.act is Act.REFUSE:
        return {(None, choice.route, 503 if choice.reason == "no-cluster" else 404)}
    if choice.act is Act.ANSWER:
        # A fault aborts after the cluster was chosen.
        return {(None, choice.route, 301)} if choice.reason == "redirect" else {(None, choice.route, 503)}
    return {(each, choice.route, 503) for each in clusters}


def test_http_takes_the_virtual_host_and_the_route_that_we_say(envoy: RealEnvoy) -> None:
    drawn = random.Random(SEED)
    sent: dict[str, Call] = {}
    seen: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", envoy.ports["0.0.0.0_80"], timeout=10)
    for number in range(REQUESTS):
        host, path, method = drawn.choice(HOSTS), drawn.choice(PATHS), drawn.choice(METHODS)
        authority = drawn.choice((host, f"{host}:80", f"{host}:8080"))
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", authority)
        connection.putheader("X-Id", str(number))
        connection.endheaders()
        connection.getresponse().read()
        sent[str(number)] = Call(host, 80, Scheme.HTTP, address="192.0.2.1", path=path, method=method)
    connection.close()
    for line in envoy.lines(REQUESTS):
        if line["id"] not in sent:
            continue
        choice = taken(sent.pop(line["id"]))
        seen[f"{choice.act} {choice.reason}".strip()] += 1
        cluster = line["cluster"] if choice.act in (Act.SEND, Act.PASSTHROUGH) else None
        assert (cluster, line["route"] or "", line["code"]) in ends(choice), line
    assert sent == {}
    # All of it was tried.
    assert set(seen) == {"send", "passthrough", "refuse no-cluster", "answer redirect", "answer fault"}


def test_tls_takes_the_filter_chain_of_its_server_name(envoy: RealEnvoy) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    before = len([each for each in envoy.lines(0) if each["sni"]])
    for name in NAMES:
        with socket.create_connection(("127.0.0.1", envoy.ports["0.0.0.0_443"]), 5) as raw, suppress(OSError):
            context.wrap_socket(raw, server_hostname=name).close()
    until = time.monotonic() + 10
    found: dict[str, Any] = {}
    while len(found) < len(NAMES) and time.monotonic() < until:
        found = {each["sni"]: each["cluster"] for each in envoy.lines(before) if each["sni"]}
        time.sleep(0.1)
    wanted = {
        name: (choice.to[0].cluster if choice.to else "PassthroughCluster")
        for name in NAMES
        for choice in [taken(Call(name, 443, Scheme.HTTPS, address="192.0.2.1", sni=name))]
    }
    assert found == wanted
    assert len(set(wanted.values())) >= 4
