"""A real Envoy, fed with what istiod generates, is asked for its own configuration: the steps are istiod's.

The filters that only Istio's build of Envoy has are not among what it is fed with; nothing listens on any port.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from egressaudit.cluster.execution import Completed
from egressaudit.collect.proxy_config import ProxyAsker
from egressaudit.model import Call, ObjectRef, Reporter, Scheme, Step, Tls
from egressaudit_lab import processes
from egressaudit_lab.programs import find_programs

pytestmark = pytest.mark.e2e

PROXY: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "mesh" / "programmed_by_istiod.json").read_text("utf-8")
)[0]
_TYPES = "type.googleapis.com/envoy"
_ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
}


def _from_file(path: Path) -> dict[str, Any]:
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def _resources(path: Path, kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    typed = [{"@type": f"{_TYPES}.config.{kind}", **each} for each in resources]
    path.write_text(json.dumps({"version_info": "1", "resources": typed}))
    return _from_file(path)


def _listener(listener: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What istiod sends, with the fields that Envoy wants and the fixture doesn't keep."""
    made: dict[str, Any] = json.loads(json.dumps(listener))
    default = made.get("default_filter_chain")
    for chain in [*made.get("filter_chains", ()), *([default] if default else ())]:
        chain["filters"] = [each for each in chain["filters"] if each["name"].startswith("envoy.")]
        for each in chain["filters"]:
            config = each["typed_config"] = {"stat_prefix": "x", **each["typed_config"]}
            if "rds" in config:
                name = config["rds"]["route_config_name"]
                config["rds"]["config_source"] = _from_file(folder / f"rds_{name}.json")
            if each["name"].endswith("http_connection_manager"):
                config["http_filters"] = [_ROUTER]
    return {**made, "bind_to_port": False}


def _bootstrap(folder: Path, admin: int) -> dict[str, Any]:
    configs = PROXY["config_dump"]["configs"]
    for each in configs:
        if route := each.get("route_config"):
            _resources(folder / f"rds_{route['name']}.json", "route.v3.RouteConfiguration", route)
    listeners = [_listener(each["active_state"]["listener"], folder) for each in configs if "active_state" in each]
    clusters = [
        {"name": each["cluster"]["name"], "type": "STATIC", "connect_timeout": "1s"}
        for each in configs
        if "cluster" in each
    ]
    return {
        "node": {"id": "sidecar", "cluster": "sidecar"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}},
        "dynamic_resources": {
            "lds_config": _resources(folder / "lds.json", "listener.v3.Listener", *listeners),
            "cds_config": _resources(folder / "cds.json", "cluster.v3.Cluster", *clusters),
        },
    }


class OneEnvoy:
    """The cluster of one pod, whose `pilot-agent` asks the Envoy at a port of this machine."""

    def __init__(self, admin: int) -> None:
        self._admin = admin

    def exec(self, _ref: ObjectRef, _container: str, argv: Sequence[str], _deadline: float, _most: int) -> Completed:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._admin}/{argv[3]}", timeout=5) as answer:
                return Completed(answer.read().decode(), "", 0)
        except urllib.error.HTTPError as error:
            return Completed("", error.read().decode(), 255)


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyAsker]:
    folder = tmp_path_factory.mktemp("envoy")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        admin: int = free.getsockname()[1]
    config = folder / "envoy.json"
    config.write_text(json.dumps(_bootstrap(folder, admin)))
    loop = asyncio.new_event_loop()
    argv = [find_programs().envoy, "-c", str(config), "--disable-hot-restart", "-l", "warning"]
    process = loop.run_until_complete(processes.spawn_daemon(argv, {"PATH": "/usr/bin:/bin"}))
    asker = ProxyAsker(cast("Any", OneEnvoy(admin)), time.monotonic() + 60)
    try:
        until = time.monotonic() + 20
        while not _ready(admin) and time.monotonic() < until:
            time.sleep(0.05)
        yield asker
    finally:
        loop.run_until_complete(processes.stop(process))
        loop.close()


def _ready(admin: int) -> bool:
    try:
        address = f"http://127.0.0.1:{admin}/config_dump?resource=dynamic_listeners"
        with urllib.request.urlopen(address, timeout=2) as answer:
            return len(json.loads(answer.read()).get("configs", ())) > 5
    except OSError:
        return False


def _said(step: Step | None) -> list[Any]:
    assert step is not None
    return [
        step.listener,
        *([each.act.value, [to.cluster for to in each.to], list(each.when), each.reason] for each in step.choices),
    ]


def test_its_own_dump_gives_the_steps_of_istiods_configuration(asker: ProxyAsker) -> None:
    answers = PROXY["answers"][::3]
    assert len(answers) > 20
    for answer in answers:
        asked = answer["call"]
        call = Call(
            asked["host"],
            asked["port"],
            Scheme(asked["scheme"]),
            Tls(asked.get("tls", "plaintext")),
            address=asked["address"],
            path=asked.get("path"),
            method=asked.get("method"),
        )
        found, _ = asker.ask("n", ObjectRef("app", "curl-1"), Reporter.SIDECAR, call)
        assert found.error == ""
        choices = answer["choices"]
        ends = ([each["act"], [name for name, _ in each["to"]], each["when"], each["reason"]] for each in choices)
        wanted = [answer["listener"], *ends]
        assert (asked, _said(found.step)) == (asked, wanted)


def test_a_whole_dump_would_hold_more_than_is_asked_for(asker: ProxyAsker) -> None:
    call = Call("docs.example.com", 80, Scheme.HTTP)
    asked, dump = asker.ask("n", ObjectRef("app", "curl-1"), Reporter.SIDECAR, call)
    assert sorted(str(each["name"]) for each in dump.listeners) == ["0.0.0.0_80", "virtualOutbound"]
    assert list(dump.routes) == ["80"]
    assert asked.step is not None
    assert dump.clusters == {to.cluster for choice in asked.step.choices for to in choice.to}
