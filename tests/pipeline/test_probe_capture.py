"""Whether a probe pod of our own would be in the mesh, before it is created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from egressaudit.errors import UsageError
from egressaudit.pipeline.probe_capture import check_captured
from egressaudit.probe import ProbePodOptions, probe_pod


class Server:
    """An API server whose dry run makes this of a pod; None where it has no dry run."""

    def __init__(self, shown: Mapping[str, Any] | None) -> None:
        self.shown, self.asked = shown, 0

    def admitted_pod(self, manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
        assert manifest["kind"] == "Pod"
        self.asked += 1
        return self.shown


SIDECAR = {"istio-injection": "enabled"}
NATIVE = {"spec": {"containers": [{"name": "curl"}], "initContainers": [{"name": "istio-proxy"}]}}
PLAIN = {"spec": {"containers": [{"name": "curl"}]}}


def namespaces(**labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"kind": "Namespace", "metadata": {"name": name, "labels": dict(own)}} for name, own in labels.items()]


@pytest.mark.parametrize(
    ("labels", "pod", "shown", "inside", "asked"),
    [
        # labels of the namespace, those of the pod, what the dry run shows, in the mesh, how often the server is asked
        (SIDECAR, {}, None, "yes", 0),
        ({"istio.io/rev": "canary"}, {}, None, "yes", 0),
        ({"istio.io/dataplane-mode": "ambient"}, {}, None, "yes", 0),
        ({}, {}, None, "no", 1),
        ({}, {}, PLAIN, "no", 1),
        ({}, {}, NATIVE, "yes", 1),
        ({}, {"sidecar.istio.io/inject": "true"}, None, "yes", 0),
        ({}, {"istio.io/dataplane-mode": "ambient"}, None, "yes", 0),
        (SIDECAR, {"sidecar.istio.io/inject": "false"}, PLAIN, "no", 1),
        ({"istio.io/dataplane-mode": "ambient"}, {"istio.io/dataplane-mode": "none"}, None, "no", 1),
    ],
)
def test_labels_decide_and_where_they_say_no_the_server_is_asked(
    labels: Mapping[str, str],
    pod: Mapping[str, str],
    shown: Mapping[str, Any] | None,
    inside: str,
    asked: int,
) -> None:
    server = Server(shown)
    manifest = probe_pod("here", ProbePodOptions(labels=pod), "0a0a0a0a", 60)
    objects = namespaces(here=labels, shop=SIDECAR, plain={})
    if inside == "yes":
        check_captured(server, objects, manifest)  # type: ignore[arg-type]
    else:
        with pytest.raises(UsageError, match="in namespace here would not be in the mesh") as caught:
            check_captured(server, objects, manifest)  # type: ignore[arg-type]
        assert "--allow-uncaptured" in caught.value.hint
    assert server.asked == asked


def test_the_hint_names_the_namespaces_whose_pods_are_in_the_mesh() -> None:
    objects = namespaces(default={}, **{f"n{number}": SIDECAR for number in range(7)})
    with pytest.raises(UsageError) as caught:
        check_captured(Server(None), objects, probe_pod("default", ProbePodOptions(), "0a0a0a0a", 60))  # type: ignore[arg-type]
    assert caught.value.hint.splitlines()[0] == "Namespaces whose pods are in the mesh: n0, n1, n2, n3, n4 and 2 more."


def test_a_pod_of_the_hosts_network_is_never_in_the_mesh() -> None:
    manifest = probe_pod("shop", ProbePodOptions(template={"spec": {"hostNetwork": True}}), "0a0a0a0a", 60)
    with pytest.raises(UsageError):
        check_captured(Server(None), namespaces(shop=SIDECAR), manifest)  # type: ignore[arg-type]


def test_a_namespace_that_the_snapshot_does_not_have_is_left_to_the_server() -> None:
    check_captured(Server(None), [], probe_pod("absent", ProbePodOptions(), "0a0a0a0a", 60))  # type: ignore[arg-type]
