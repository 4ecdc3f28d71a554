"""The cluster as the lab's API server is one: objects, logs, exec, the probe pod; and everything it may refuse."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lab_fakes import Lab, pod, running_lab

from egressaudit.cluster import Cluster
from egressaudit.cluster.access import load_access
from egressaudit.cluster.logs import LONGEST_LINE, LogStream
from egressaudit.cluster.probe_pod import create_pod
from egressaudit.cluster.refusals import Action, Refused, refusal
from egressaudit.collect import Follower
from egressaudit.errors import ClusterError, ExecFailed, Forbidden, PodNotReady, Unauthorized, Unreachable
from egressaudit.mesh import RESOURCES
from egressaudit.model import LogSource, ObjectRef
from egressaudit.probe import pod_ready, probe_pod
from egressaudit_lab.world import Fault

CURL = ObjectRef("curl", "curl-1")
LOG = LogSource("curl", "curl-1", "curl")


def cluster_of(lab: Lab, **options: Any) -> Cluster:
    return Cluster.connect(kubeconfig=str(lab.kubeconfig), **options)


def soon(seconds: float = 10) -> float:
    return time.monotonic() + seconds


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


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
    access = load_access(kubeconfig=str(file), context=None, as_user="jane", as_groups=("dev", "ops"))
    headers = access.headers()
    assert ("Impersonate-User", "jane") in headers
    assert [value for name, value in headers if name == "Impersonate-Group"] == ["dev", "ops"]
    assert ("authorization", "Bearer t") in headers
    with pytest.raises(ClusterError, match="--as-group needs --as"):
        load_access(kubeconfig=str(file), context=None, as_user=None, as_groups=("dev",))


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
            with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED") as caught:
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


# ---------------------------------------------------------------- the probe pod


def test_a_probe_pod_is_made_waited_for_found_and_removed() -> None:
    with running_lab() as lab:
        cluster = cluster_of(lab)
        manifest = probe_pod("curl", "curl:8", "ab12", 60)
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
        cluster.create_pod(probe_pod("curl", "missing", "ab12", 60))
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
        create_pod(Refusing(status, said), probe_pod("shop", "curl:8", "ab12", 60))  # type: ignore[arg-type]
    assert said in caught.value.message
    assert caught.value.hint


def test_a_conflict_is_our_own_pod_only_if_it_is_there_already() -> None:
    manifest = probe_pod("shop", "curl:8", "ab12", 60)
    here = Refusing(409, 'pods "x" already exists')
    assert create_pod(here, manifest) == {"here": "already"}  # type: ignore[arg-type]
    with pytest.raises(ClusterError):
        create_pod(Refusing(409, "Operation cannot be fulfilled"), manifest)  # type: ignore[arg-type]


def test_a_pod_that_is_refused_missing_or_without_namespace_is_said_so() -> None:
    with running_lab(Fault("create", "pods", namespace="shop", status=403)) as lab:
        cluster = cluster_of(lab)
        with pytest.raises(Forbidden, match="create pods in namespace shop"):
            cluster.create_pod(probe_pod("shop", "curl:8", "ab12", 60))
        with pytest.raises(PodNotReady, match="removed"):
            cluster.wait_pod(ObjectRef("curl", "gone"), pod_ready, soon())
        with pytest.raises(PodNotReady, match="absent"):
            cluster.create_pod(probe_pod("absent", "curl:8", "ab12", 60))


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


# ---------------------------------------------------------------- exec


def test_output_errors_and_exit_code_come_back_apart_and_whole() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        cluster = cluster_of(lab)
        done = cluster.exec(CURL, "curl", sh(r"printf 'a\377b\n'; printf 'oops\n' >&2; exit 7"), soon())
        assert (done.stdout, done.stderr, done.returncode) == ("a\udcffb\n", "oops\n", 7)
        done = cluster.exec(CURL, "curl", sh("head -c 300000 /dev/zero | tr '\\0' x"), soon())
        assert (len(done.stdout), done.returncode) == (300000, 0)
        done = cluster.exec(CURL, "curl", ["printf", "%s|", "a b", "*", "ü&c=d"], soon())
        assert done.stdout == "a b|*|ü&c=d|"


def test_a_stream_that_is_cut_keeps_what_came_and_has_no_exit_code() -> None:
    with running_lab(Fault("*", "pods/exec", cut_after_bytes=4)) as lab:
        lab.apply(pod("curl-1"))
        done = cluster_of(lab).exec(CURL, "curl", sh("printf 0123456789"), soon())
        assert (done.stdout, done.returncode) == ("0123", None)


def test_a_command_that_does_not_end_is_left_at_the_deadline() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        began = time.monotonic()
        done = cluster_of(lab).exec(CURL, "curl", sh("echo begun; exec sleep 30"), soon(0.7))
        assert (done.stdout, done.returncode) == ("begun\n", None)
        assert time.monotonic() - began < 10


def test_what_cannot_be_started_is_said_with_what_to_do() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        cluster = cluster_of(lab)
        with pytest.raises(ExecFailed, match="no-such-curl cannot be started in container curl of pod") as caught:
            cluster.exec(CURL, "curl", ["no-such-curl"], soon())
        assert "--image" in caught.value.hint
        with pytest.raises(ExecFailed, match="container sidecar is not valid for pod curl-1"):
            cluster.exec(CURL, "sidecar", ["true"], soon())
        with pytest.raises(ExecFailed, match='"gone" not found'):
            cluster.exec(ObjectRef("curl", "gone"), "curl", ["true"], soon())
        with pytest.raises(ExecFailed, match="executable file not found"):
            cluster.exec(CURL, "curl", sh("echo 'exec: \"curl\": executable file not found' >&2; exit 127"), soon())


@pytest.mark.parametrize("verb", ["get", "create"])
def test_exec_that_is_forbidden_asks_for_both_verbs(verb: str) -> None:
    with running_lab(Fault(verb, "pods/exec", status=403)) as lab:
        lab.apply(pod("curl-1"))
        with pytest.raises(Forbidden, match="get and create pods/exec curl-1 in namespace curl") as caught:
            cluster_of(lab).exec(CURL, "curl", ["true"], soon())
        role = yaml.safe_load(caught.value.hint.partition("\n")[2])
        assert role["kind"] == "Role"
        assert role["metadata"]["namespace"] == "curl"
        assert role["rules"] == [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get", "create"]}]


def test_an_upgrade_that_was_put_off_is_tried_again() -> None:
    with running_lab(Fault("get", "pods/exec", status=503, times=1)) as lab:
        lab.apply(pod("curl-1"))
        assert cluster_of(lab).exec(CURL, "curl", ["echo", "hello"], soon()).stdout == "hello\n"


# ---------------------------------------------------------------- logs


def test_a_log_is_read_from_its_last_lines_with_stamps() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"))
        lab.log("curl-1", "curl", b"one", b"", b"three \xff")
        lines = list(cluster_of(lab).logs(LOG, tail=2))
        assert [line.partition(b" ")[2] for line in lines] == [b"", b"three \xff"]


def test_following_ends_at_once_when_it_is_closed_from_another_thread() -> None:
    with running_lab() as lab:
        lab.apply(pod("curl-1"), pod("curl-2"))
        lab.log("curl-1", "curl", b"one")
        cluster = cluster_of(lab)
        for source in (LOG, LogSource("curl", "curl-2", "curl")):  # the second is empty: not even headers come
            stream = cluster.follow(source, tail=10)
            timer = threading.Timer(0.3, stream.close)
            timer.start()
            began = time.monotonic()
            assert len(list(stream)) == (1 if source == LOG else 0)
            assert 0.2 < time.monotonic() - began < 10
            timer.join()
        stream = cluster.follow(LOG)
        stream.close()
        assert list(stream) == []


def test_logs_are_followed_through_cuts_without_loss() -> None:
    with running_lab(Fault("*", "pods/log", name="curl-1", cut_after_lines=3, times=2)) as lab:
        lab.apply(pod("curl-1"), pod("curl-2"))
        other = LogSource("curl", "curl-2", "curl")
        lab.log("curl-1", "curl", b"0")
        with Follower(cluster_of(lab), [LOG, other]) as follower:
            assert follower.wait_ready(5)
            for n in range(1, 8):
                lab.log("curl-1", "curl", b"%d" % n)
            lab.log("curl-2", "curl", b"x" * 1024 * 1024)
            until = soon()
            while len(follower.lines) < 9 and time.monotonic() < until:
                follower.take(0.2)
            assert [line.text for line in follower.lines if line.source == LOG] == [str(n) for n in range(8)]
            assert [len(line.text) for line in follower.lines if line.source == other] == [1024 * 1024]
            assert f"log stream of {LOG} was cut and resumed" in follower.notes
            assert follower.failed == frozenset()


def test_logs_that_are_forbidden_are_raised_with_the_role() -> None:
    with running_lab(Fault("get", "pods/log", status=403)) as lab:
        lab.apply(pod("curl-1"))
        said = "get pods/log curl-1 in namespace curl"
        with Follower(cluster_of(lab), [LOG]) as follower, pytest.raises(Forbidden, match=said) as caught:
            follower.wait_ready(5)
        assert "resources: [pods/log]" in caught.value.hint


def test_a_line_of_any_chunks_is_whole_and_one_that_is_too_long_is_counted() -> None:
    with running_lab() as lab:
        stream: LogStream = cluster_of(lab).logs(LOG)
    half = b"y" * (LONGEST_LINE // 2 + 1)
    chunks = [b"a", b"b\nc", b"", b"d\n", b"\n", half, half, b"z\ne", b"\nno end"]
    assert list(stream._lines(chunks)) == [b"ab", b"cd", b"", b"e"]
    assert stream.too_long == 1
