"""A proxy is asked for its own configuration: what is sent, what is read, and what can go wrong."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import parse_qs

import pytest

from egressaudit.cluster.execution import Completed
from egressaudit.collect import proxy_config
from egressaudit.collect.proxy_config import ProxyAsker
from egressaudit.errors import EgressAuditError, ExecFailed, Forbidden
from egressaudit.model import AskedProxy, Call, ObjectRef, Reporter, Scheme

POD = ObjectRef("shop", "cart-1")
CALL = Call("docs.example.com", 80, Scheme.HTTP)
CLUSTER = "outbound|80||gw.egress.svc.cluster.local"


class FakeCluster:
    """One pod with an Envoy: it answers what the resources hold, by name."""

    def __init__(self, answer: Callable[[str], Completed]) -> None:
        self.asked: list[str] = []
        self._answer = answer

    def exec(self, ref: ObjectRef, container: str, argv: Sequence[str], deadline: float, most: int) -> Completed:
        assert (ref, container, list(argv[:3])) == (POD, "istio-proxy", ["pilot-agent", "request", "GET"])
        assert deadline > time.monotonic()
        assert most == 64 * 1024 * 1024
        self.asked.append(argv[3])
        return self._answer(argv[3])


def ask(answer: Callable[[str], Completed], left: float = 5.0) -> tuple[AskedProxy, list[str]]:
    cluster = FakeCluster(answer)
    asker = ProxyAsker(cast("Any", cluster), time.monotonic() + left)
    return asker.ask("n", POD, Reporter.SIDECAR, CALL)[0], cluster.asked


RDS = {"rds": {"route_config_name": "80"}}
MANAGER = {"name": "envoy.filters.network.http_connection_manager", "typed_config": RDS}
END = {"endpoint": {"address": {"socket_address": {"address": "10.0.0.9", "port_value": 8080}}}}
RESOURCES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "dynamic_listeners": [
        (
            name,
            {
                "active_state": {
                    "listener": {
                        "name": name,
                        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
                        "filter_chains": [{"filters": [MANAGER]}],
                    }
                }
            },
        )
        for name, port in (("0.0.0.0_80", 80), ("0.0.0.0_8080", 8080), ("virtualInbound", 15006))
    ],
    "dynamic_route_configs": [
        (
            name,
            {
                "route_config": {
                    "name": name,
                    "virtual_hosts": [
                        {"domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": CLUSTER}}]}
                    ],
                }
            },
        )
        for name in ("80", "8080")
    ],
    "dynamic_active_clusters": [(CLUSTER, {"cluster": {"name": CLUSTER}}), ("other", {"cluster": {"name": "other"}})],
    "dynamic_endpoint_configs": [
        (CLUSTER, {"endpoint_config": {"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": [END]}]}})
    ],
}


def envoy(path: str) -> Completed:
    """As Envoy answers `config_dump?resource=...&name_regex=...`."""
    query = {key: values[0] for key, values in parse_qs(path.partition("?")[2], keep_blank_values=True).items()}
    entries = RESOURCES.get(query["resource"], [])
    found = [entry for name, entry in entries if re.fullmatch(query["name_regex"], name)]
    return Completed(json.dumps({"configs": found} if found else {}), "", 0)


def test_it_is_asked_for_one_kind_of_resource_after_the_other_by_name() -> None:
    found, asked = ask(envoy)
    assert found.error == ""
    assert found.step is not None
    assert [to.cluster for choice in found.step.choices for to in choice.to] == [CLUSTER]
    assert found.endpoints == {CLUSTER: ("10.0.0.9:8080",)}
    assert [re.findall(r"resource=(\w+)", each) for each in asked] == [
        ["dynamic_listeners"],
        ["dynamic_route_configs"],
        ["dynamic_active_clusters"],
        ["dynamic_endpoint_configs"],
    ]


def test_nothing_that_holds_secrets_is_asked_for() -> None:
    _, asked = ask(lambda _path: Completed("{}", "", 0))
    for path in (*asked, *ask(envoy)[1]):
        [resource] = re.findall(r"resource=(\w+)", path)
        assert "secret" not in resource
        assert "bootstrap" not in resource
        assert "name_regex=" in path


def test_a_proxy_that_istiod_does_not_feed_is_asked_for_its_static_configuration() -> None:
    found, asked = ask(lambda _path: Completed("{}", "", 0))
    assert [re.findall(r"resource=(\w+)", each) for each in asked] == [["dynamic_listeners"], ["static_listeners"]]
    assert found.step is not None
    assert [each.reason for each in found.step.choices] == ["no-listener"]


def test_a_cluster_that_the_proxy_lacks_is_a_refusal() -> None:
    def without(path: str) -> Completed:
        return envoy(path) if "clusters" not in path else Completed("{}", "", 0)

    found, _ = ask(without)
    assert found.step is not None
    assert [each.reason for each in found.step.choices] == ["no-cluster"]


def _refuses(error: EgressAuditError) -> Callable[[str], Completed]:
    def answer(_path: str) -> Completed:
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (_refuses(Forbidden("you may not create pods/exec in shop", hint="a Role")), "you may not create pods/exec"),
        (_refuses(ExecFailed("cannot start pilot-agent in container istio-proxy")), "cannot start pilot-agent"),
        (
            lambda _path: Completed("", "a 400 for\n it", 255),
            "pilot-agent ended with 255: a 400 for it",
        ),
        (lambda _path: Completed("<html>", "", 0), "its answer is not JSON: <html>"),
        (lambda _path: Completed('{"configs": [', "", None), "its answer was cut off"),
        (lambda _path: Completed("[" * 100_000, "", 0), "its answer is not JSON"),
        (lambda _path: Completed("{", "", None, whole=False), "its answer is larger than 64 MiB"),
    ],
)
def test_that_it_could_not_be_asked_is_said_and_no_error(answer: Callable[[str], Completed], why: str) -> None:
    found, _ = ask(answer)
    assert found.step is None
    assert why in found.error
    assert len(found.error) < 300


@pytest.mark.parametrize("document", [7, [], {"configs": 7}, {"configs": [{"active_state": []}]}])
def test_an_answer_of_another_shape_has_no_listener(document: object) -> None:
    found, _ = ask(lambda _path: Completed(json.dumps(document), "", 0))
    assert found.step is not None
    assert [each.reason for each in found.step.choices] == ["no-listener"]


def test_nothing_is_asked_after_the_deadline() -> None:
    found, asked = ask(envoy, left=-1.0)
    assert (asked, found.error) == ([], "there was no time left to ask it")


def test_the_bound_is_the_one_that_the_documents_say() -> None:
    assert proxy_config.LARGEST == 64 * 1024 * 1024
