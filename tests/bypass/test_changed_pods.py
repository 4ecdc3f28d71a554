"""The pods of a battery: each with its one change, and none left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from egressaudit.bypass import attempts
from egressaudit.bypass.attempt import PodChange
from egressaudit.bypass.changed_pods import changed_pod, made_pods
from egressaudit.cluster import Cluster
from egressaudit.errors import ClusterError, Forbidden, PodNotReady, PodRejected, Unreachable
from egressaudit.model import ObjectRef
from egressaudit.probe import ProbePodOptions, probe_pod

ORDINARY = probe_pod("shop", ProbePodOptions(), "1a2b3c4d", 90)
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def change(name: str) -> PodChange:
    [found] = [each.pod for each in attempts().values() if each.name == name]
    assert found is not None
    return found


def test_a_changed_pod_is_the_ordinary_one_but_for_its_change_and_its_name() -> None:
    before = repr(ORDINARY)
    made = changed_pod(ORDINARY, "inject-false", change("inject-false"), [80])
    assert made["metadata"]["name"] == "egressaudit-probe-1a2b3c4d-inject-false"
    assert made["metadata"]["labels"] == ORDINARY["metadata"]["labels"] | {"sidecar.istio.io/inject": "false"}
    assert made["metadata"]["annotations"] == ORDINARY["metadata"]["annotations"]
    assert made["spec"] == ORDINARY["spec"]
    assert repr(ORDINARY) == before


def test_the_excluded_ports_are_those_that_are_asked_for() -> None:
    made = changed_pod(ORDINARY, "exclude-ports", change("exclude-ports"), [443, 8443])
    assert made["metadata"]["annotations"]["traffic.sidecar.istio.io/excludeOutboundPorts"] == "443,8443"


def test_user_and_network_change_the_pod_and_leave_the_rest_restricted() -> None:
    before = repr(ORDINARY)
    made = changed_pod(ORDINARY, "uid-1337", change("uid-1337"), [80])
    assert made["spec"]["containers"][0]["securityContext"] == RESTRICTED | {"runAsUser": 1337}
    on_host = changed_pod(ORDINARY, "host-network", change("host-network"), [80])
    assert on_host["spec"]["hostNetwork"] is True
    assert on_host["spec"]["containers"][0]["securityContext"] == RESTRICTED
    assert repr(ORDINARY) == before


class Pods:
    """A cluster that keeps names, and raises what it is given when a pod of a name is created or waited for."""

    def __init__(
        self, create: dict[str, Exception] | None = None, wait: dict[str, BaseException] | None = None
    ) -> None:
        self.there: set[str] = set()
        self._create = create or {}
        self._wait = wait or {}
        self.at_once = 0
        self.most = 0
        self._lock = threading.Lock()

    def create_pod(self, manifest: dict[str, Any]) -> dict[str, Any]:
        name = manifest["metadata"]["name"]
        if name in self._create:
            raise self._create[name]
        self.there.add(name)
        return manifest

    def wait_pod(self, ref: ObjectRef, ready: Callable[..., Any], deadline: float) -> dict[str, Any]:
        del ready, deadline
        with self._lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        threading.Event().wait(0.01)
        with self._lock:
            self.at_once -= 1
        if ref.name in self._wait:
            raise self._wait[ref.name]
        return {"metadata": {"name": ref.name}}

    def delete_pod(self, ref: ObjectRef) -> None:
        self.there.discard(ref.name)


def manifests(*names: str) -> list[dict[str, Any]]:
    return [{"metadata": {"namespace": "shop", "name": each}} for each in names]


def test_each_pod_is_ready_refused_or_failed_and_all_are_removed() -> None:
    rejected = PodRejected("the cluster rejected it", "hint", "denied request: no")
    pods = Pods({"b": rejected, "c": ClusterError("503")}, {"d": PodNotReady("ImagePullBackOff")})
    with made_pods(cast("Cluster", pods), manifests("a", "b", "c", "d"), 0.0) as made:
        assert pods.there == {"a", "d"}
        assert made.created == {"a", "d"}
        assert set(made.ready) == {"a"}
        assert made.refused == {"b": "denied request: no"}
        assert made.failed == {"c": "503", "d": "ImagePullBackOff"}
    assert pods.there == set()


def test_at_most_four_are_waited_for_at_once() -> None:
    pods = Pods()
    with made_pods(cast("Cluster", pods), manifests(*"abcdefghij"), 0.0) as made:
        assert len(made.ready) == 10
    assert 1 < pods.most <= 4


@pytest.mark.parametrize("when", ["create", "wait", "inside"])
def test_an_interrupted_run_leaves_none(when: str) -> None:
    # The second pod was created, and the signal came before its answer.
    pods = Pods(wait={"b": KeyboardInterrupt()} if when == "wait" else None)
    if when == "create":
        create = pods.create_pod

        def interrupted(manifest: dict[str, Any]) -> dict[str, Any]:
            create(manifest)
            if manifest["metadata"]["name"] == "b":
                raise KeyboardInterrupt
            return manifest

        pods.create_pod = interrupted  # type: ignore[method-assign]
    with (
        pytest.raises(KeyboardInterrupt),
        made_pods(cast("Cluster", pods), manifests("a", "b", "c"), 0.0),
    ):
        raise KeyboardInterrupt
    assert pods.there == set()


def test_what_cannot_be_removed_is_said_and_the_others_are_removed() -> None:
    class Stuck(Pods):
        def delete_pod(self, ref: ObjectRef) -> None:
            if ref.name == "a":
                raise Unreachable("no answer")
            super().delete_pod(ref)

        def warn(self, message: str) -> None:
            said.append(message)

    said: list[str] = []
    pods = Stuck()
    with made_pods(cast("Cluster", pods), manifests("a", "b"), 0.0):
        pass
    assert pods.there == {"a"}
    assert "could not remove probe pod shop/a" in said[0]


def test_what_was_never_made_is_not_removed() -> None:
    asked: list[str] = []

    class Refusing(Pods):
        def delete_pod(self, ref: ObjectRef) -> None:
            asked.append(ref.name)
            super().delete_pod(ref)

    pods = Refusing({"a": Forbidden("not allowed to create pods"), "b": PodRejected("no", "", "no")})
    with made_pods(cast("Cluster", pods), manifests("a", "b", "c"), 0.0) as made:
        assert made.failed == {"a": "not allowed to create pods"}
    assert asked == ["c"]
