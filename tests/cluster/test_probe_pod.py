"""The probe pod: made, waited for, removed."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from support.clients import CURL, cluster_of, soon
from support.lab_fakes import pod, running_lab

from egressaudit.cluster.probe_pod import create_pod
from egressaudit.cluster.refusals import Action, Refused, refusal
from egressaudit.errors import ClusterError, Forbidden, PodNotReady, Unauthorized
from egressaudit.model import ObjectRef
from egressaudit.probe import ProbePodOptions, pod_ready, probe_pod
from egressaudit_lab.world import Fault


def test_a_probe_pod_is_made_waited_for_found_and_removed() -> None:
    with running_lab() as lab:
        cluster = cluster_of(lab)
        manifest = probe_pod("curl", ProbePodOptions(image="curl:8"), "ab12", 60)
        ref = ObjectRef("curl", cluster.create_pod(manifest)["metadata"]["name"])
        # An answer that was lost is asked for again: the pod is there, and it is ours.
        assert cluster.create_pod(manifest)["metadata"]["name"] == ref.name
        ready = cluster.wait_pod(ref, pod_ready, soon())
        assert pod_ready(ready) is True
        assert len(cluster.pods("app.kubernetes.io/managed-by=egressaudit,egressaudit.io/run-id=ab12", None)) == 1
        assert cluster.pods("egressaudit.io/run-id=other", "curl") == []
        cluster.delete_pod(ref)
        cluster.delete_pod(ref)
        assert cluster.pod(ref) is None


def test_a_pod_whose_image_is_missing_is_given_up_at_once_with_the_reason() -> None:
    with running_lab() as lab:
        cluster = cluster_of(lab)
        began = time.monotonic()
        cluster.create_pod(probe_pod("curl", ProbePodOptions(image="missing"), "ab12", 60))
        with pytest.raises(PodNotReady, match="ErrImagePull") as caught:
            cluster.wait_pod(ObjectRef("curl", "egressaudit-probe-ab12"), pod_ready, soon(20))
        assert "--image" in caught.value.hint
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("watch", [0, 403])
def test_a_pod_that_never_becomes_ready_is_waited_for_until_the_deadline_and_no_longer(watch: int) -> None:
    faults = [Fault("watch", "pods", status=watch)] if watch else []
    with running_lab(*faults) as lab:
        lab.apply(pod("curl-1"))
        began = time.monotonic()
        with pytest.raises(PodNotReady, match="the proxy sleeps"):
            cluster_of(lab).wait_pod(CURL, lambda _: "the proxy sleeps", soon(0.7))
        assert 0.6 < time.monotonic() - began < 8


def test_a_pod_that_becomes_ready_later_is_seen_by_the_watch() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        polled = []
        label = ("label", "pod", "-n", "curl", "curl-1", "done=yes")
        timer = threading.Timer(0.2, lab.out, label)

        def ready(seen: dict[str, Any]) -> bool:
            polled.append(seen)
            return "done" in (seen["metadata"].get("labels") or {})

        timer.start()
        assert ready(cluster_of(lab).wait_pod(CURL, ready, soon()))
        timer.join()
        assert len(polled) < 6


class Refusing:
    """A `Rest` that refuses to create, and knows of a pod."""

    def __init__(self, status: int, said: str) -> None:
        self.error = Refused(said, status, said)

    def request(self, *args: object, **options: object) -> dict[str, Any]:
        raise self.error

    def get(self, *args: object) -> dict[str, Any]:
        return {"here": "already"}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"'),
        (400, 'admission webhook "sidecar-injector.istio.io" denied the request: no'),
        (422, 'Pod "x" is invalid: spec.containers[0].image: Required value'),
        (404, 'namespaces "shop" not found'),
    ],
)
def test_a_pod_that_is_not_admitted_is_not_ready_and_says_why(status: int, said: str) -> None:
    with pytest.raises(PodNotReady) as caught:
        create_pod(Refusing(status, said), probe_pod("shop", ProbePodOptions(image="curl:8"), "ab12", 60))  # type: ignore[arg-type]
    assert said in caught.value.message
    assert caught.value.hint


def test_a_conflict_is_our_own_pod_only_if_it_is_there_already() -> None:
    manifest = probe_pod("shop", ProbePodOptions(image="curl:8"), "ab12", 60)
    here = Refusing(409, 'pods "x" already exists')
    assert create_pod(here, manifest) == {"here": "already"}  # type: ignore[arg-type]
    with pytest.raises(ClusterError):
        create_pod(Refusing(409, "Operation cannot be fulfilled"), manifest)  # type: ignore[arg-type]


def test_a_pod_that_is_refused_missing_or_without_namespace_is_said_so() -> None:
    with running_lab(Fault("create", "pods", namespace="shop", status=403)) as lab:
        cluster = cluster_of(lab)
        with pytest.raises(Forbidden, match="create pods in namespace shop"):
            cluster.create_pod(probe_pod("shop", ProbePodOptions(image="curl:8"), "ab12", 60))
        with pytest.raises(PodNotReady, match="deleted"):
            cluster.wait_pod(ObjectRef("curl", "gone"), pod_ready, soon())
        with pytest.raises(PodNotReady, match="absent"):
            cluster.create_pod(probe_pod("absent", ProbePodOptions(image="curl:8"), "ab12", 60))


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (403, 'pods is forbidden: User "jane" cannot create resource "pods" in API group ""', Forbidden),
        (403, 'users "x" is forbidden: User "jane" cannot impersonate resource "users" in API group ""', Forbidden),
        (403, 'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true', Refused),
        (403, 'pods "x" is forbidden: exceeded quota: compute', Refused),
        (400, 'admission webhook "sidecar-injector" denied the request: no', Refused),
        (401, "Unauthorized", Unauthorized),
    ],
)
def test_a_refusal_by_rbac_is_told_from_one_by_admission(status: int, said: str, kind: type[ClusterError]) -> None:
    action = Action(("create",), "pods", namespace="shop")
    error = refusal(status, json.dumps({"kind": "Status", "message": said}).encode(), action, "https://a.example")
    assert type(error) is kind
    assert said in error.message


def test_a_refusal_that_is_no_status_is_one_bounded_line() -> None:
    error = refusal(502, b"<html>\nbad\xff gateway " + b"x" * 100_000, Action(("get",), "pods"), "https://a.example")
    assert "\n" not in error.message
    assert len(error.message) < 1200
