"""Access to a cluster as the lab's API server is one, its objects, and everything it may refuse."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
import yaml
from support.clients import CURL, LOG, cluster_of, soon
from support.lab_fakes import pod, running_lab

from egressaudit.cluster import Cluster
from egressaudit.cluster.access import ClusterAccess
from egressaudit.errors import ClusterError, Forbidden, Unauthorized, Unreachable, UsageError
from egressaudit.mesh import RESOURCES, Resource
from egressaudit.model import ObjectRef
from egressaudit_lab.world import Fault

# ---------------------------------------------------------------- access


def kubeconfig(server: str, **context: str) -> str:
    return yaml.safe_dump(
        {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", **context}}],
            "current-context": "x",
        }
    )


def test_nobody_at_the_address_is_unreachable_and_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "config").write_text(kubeconfig(f"https://127.0.0.1:{port}"))
    cluster = Cluster.connect(kubeconfig=str(tmp_path / "config"))
    for ask in (
        lambda: cluster.objects(RESOURCES),
        lambda: list(cluster.logs(LOG)),
        lambda: cluster.exec(CURL, "curl", ["true"], soon(1)),
    ):
        with pytest.raises(Unreachable, match=f"https://127.0.0.1:{port}.*refused") as caught:
            ask()
        assert "\n" not in caught.value.message


def test_several_kubeconfigs_are_one_and_the_context_has_a_namespace(tmp_path: Path, monkeypatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(kubeconfig("https://a.example", namespace="shop"))
    two.write_text(kubeconfig("https://b.example").replace("name: x", "name: y"))
    monkeypatch.setenv("KUBECONFIG", f"{one}:{two}:{tmp_path}/absent")
    assert Cluster.connect().namespace == "shop"
    assert Cluster.connect(context="y").namespace == "default"


@pytest.mark.parametrize(
    ("text", "context", "says"),
    [
        (None, None, "no kubeconfig"),
        ("", None, "cannot be used"),
        ("a: [", None, "cannot be used"),
        ("[]", None, "cannot be used"),
        (kubeconfig("https://a.example"), "nope", "nope"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why(
    tmp_path: Path, text: str | None, context: str | None, says: str
) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ClusterError, match=says) as caught:
        Cluster.connect(kubeconfig=str(file), context=context)
    assert "\n" not in caught.value.message


def test_groups_are_impersonated_one_by_one_and_only_with_a_user(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig("https://a.example"))
    access = ClusterAccess.load(kubeconfig=str(file), context=None, as_user="jane", as_groups=("dev", "ops"))
    headers = access.headers()
    assert ("Impersonate-User", "jane") in headers
    assert [value for name, value in headers if name == "Impersonate-Group"] == ["dev", "ops"]
    assert ("authorization", "Bearer t") in headers
    with pytest.raises(UsageError, match="--as-group needs --as"):
        ClusterAccess.load(kubeconfig=str(file), context=None, as_user=None, as_groups=("dev",))


def test_impersonation_reaches_requests_streams_and_exec_alike(tmp_path: Path) -> None:
    """The official client's own WebSocket sends no impersonation headers: exec would run as somebody else."""
    heads: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(65536)
                    heads.append(head)
                    connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        (tmp_path / "config").write_text(kubeconfig(f"http://127.0.0.1:{server.getsockname()[1]}/k8s/c1"))
        cluster = Cluster.connect(kubeconfig=str(tmp_path / "config"), as_user="jane", as_groups=["dev", "ops"])
        for ask in (
            lambda: cluster.pod(CURL),
            lambda: list(cluster.follow(LOG)),
            lambda: cluster.exec(CURL, "curl", ["true"], soon()),
        ):
            with pytest.raises(Unauthorized):
                ask()
        thread.join()
    for head in heads:
        assert head.startswith(b"GET /k8s/c1/api/v1/namespaces/curl/pods/curl-1")
        sent = [line.lower() for line in head.decode().split("\r\n")]
        assert {"impersonate-user: jane", "impersonate-group: dev", "impersonate-group: ops"} <= set(sent)
        assert "authorization: bearer t" in sent


def test_a_wrong_token_is_unauthorized_wherever_it_is_used() -> None:
    with running_lab() as lab:
        config = yaml.safe_load(lab.kubeconfig.read_text())
        config["users"][0]["user"]["token"] = "expired"
        lab.kubeconfig.write_text(yaml.safe_dump(config))
        cluster = cluster_of(lab)
        for ask in (
            lambda: cluster.objects(RESOURCES),
            lambda: list(cluster.follow(LOG)),
            lambda: cluster.exec(CURL, "curl", ["true"], soon()),
        ):
            with pytest.raises(Unauthorized, match="credentials"):
                ask()


def test_a_certificate_of_another_authority_is_unreachable_at_once() -> None:
    with running_lab() as lab:
        config = yaml.safe_load(lab.kubeconfig.read_text())
        del config["clusters"][0]["cluster"]["certificate-authority-data"]
        lab.kubeconfig.write_text(yaml.safe_dump(config))
        cluster = cluster_of(lab)
        began = time.monotonic()
        for ask in (lambda: cluster.pod(CURL), lambda: cluster.exec(CURL, "curl", ["true"], soon())):
            with pytest.raises(Unreachable, match="its certificate is not trusted") as caught:
                ask()
            assert "certificate-authority" in caught.value.hint
        assert time.monotonic() - began < 8


# ---------------------------------------------------------------- objects


def test_all_objects_are_read_with_their_kinds_and_absent_groups_are_empty() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"), pod("curl-2"))
        cluster = cluster_of(lab)
        found = cluster.objects(RESOURCES)
        assert {("v1", "Namespace", "curl"), ("v1", "Pod", "curl-1"), ("v1", "Pod", "curl-2")} <= {
            (each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in found
        }
        assert cluster.unreadable == ()


def test_a_required_resource_that_may_not_be_listed_is_forbidden_with_the_cluster_role() -> None:
    faults = [Fault("list", "pods", status=403), Fault("list", "services", status=403)]
    with running_lab(*faults, Fault("list", "sidecars", status=403)) as lab:
        with pytest.raises(Forbidden, match="list pods in the whole cluster") as caught:
            cluster_of(lab).objects(RESOURCES)
        _, _, role = caught.value.hint.partition("\n")
        assert yaml.safe_load(role) == {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "egressaudit"},
            "rules": [
                {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]},
                {"apiGroups": ["networking.istio.io"], "resources": ["sidecars"], "verbs": ["list"]},
            ],
        }


def test_another_resource_that_may_not_be_listed_is_a_gap() -> None:
    with running_lab(Fault("list", "sidecars", status=403)) as lab:
        cluster = cluster_of(lab)
        cluster.objects(RESOURCES)
        (gap,) = cluster.unreadable
        assert gap.startswith("Sidecar objects (networking.istio.io) were not read")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_asked_again(status: int) -> None:
    with running_lab(Fault("list", "pods", status=status, times=1)) as lab:
        lab.apply(pod("curl-1"))
        assert [each["metadata"]["name"] for each in cluster_of(lab).pods("", "curl")] == ["curl-1"]


def test_a_lasting_failure_ends_with_what_the_server_said() -> None:
    said = "503 to get pods curl-1 in namespace curl: the server is currently"
    with running_lab(Fault("get", "pods", status=503)) as lab, pytest.raises(ClusterError, match=said):
        cluster_of(lab, request_timeout=0.5).pod(CURL)


def config_map(name: str) -> Resource:
    return Resource("", ("v1",), "configmaps", "ConfigMap", only=ObjectRef("curl", name))


def test_single_objects_are_read_by_name_and_one_that_is_not_there_is_no_gap() -> None:
    with running_lab() as lab:
        lab.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "curl", "name": "istio-canary"}})
        cluster = cluster_of(lab)
        found = cluster.further([config_map("istio-canary"), config_map("istio-gone")])
        assert [each["metadata"]["name"] for each in found] == ["istio-canary"]
        assert cluster.unreadable == ()


def test_a_single_object_that_may_not_be_read_is_a_gap_that_names_it() -> None:
    with running_lab(Fault("get", "configmaps", status=403)) as lab:
        cluster = cluster_of(lab)
        assert cluster.further([config_map("istio-canary")]) == []
        (gap,) = cluster.unreadable
        assert "get configmaps istio-canary in namespace curl" in gap
