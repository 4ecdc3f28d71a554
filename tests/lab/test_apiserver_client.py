"""The lab's API server, held to what the Python client expects of one, and its faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
import urllib3
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import WSClient
from support.lab_fakes import Lab, pod, running_lab

from egressaudit_lab.world import Fault


@contextmanager
def connected(lab: Lab) -> Iterator[client.ApiClient]:
    settings = client.Configuration()
    settings.retries = False
    api_client = config.new_client_from_config_dict(lab.api.kubeconfig(), client_configuration=settings)
    try:
        yield api_client
    finally:
        api_client.rest_client.pool_manager.clear()
        api_client.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        running.apply(pod("shared", "curl", "other", app="shared"))
        running.log("shared", "curl", b"one", b"two", b"three")
        yield running


@pytest.fixture
def core(lab: Lab) -> Iterator[client.CoreV1Api]:
    with connected(lab) as api_client:
        yield client.CoreV1Api(api_client)


@contextmanager
def executing(core: client.CoreV1Api, *command: str, **options: object) -> Iterator[WSClient]:
    given = {"stdout": True, "stderr": True, "stdin": False, "tty": False, "_preload_content": False} | options
    where = {"name": "shared", "namespace": "curl", "container": "curl"}
    session = stream(core.connect_get_namespaced_pod_exec, command=list(command), **where, **given)
    try:
        yield session
    finally:
        session.sock.shutdown()


def ended(core: client.CoreV1Api, *command: str) -> WSClient:
    with executing(core, *command) as session:
        session.run_forever(timeout=10)
        return session


def test_pods_are_created_listed_and_deleted(core: client.CoreV1Api) -> None:
    made = core.create_namespaced_pod("curl", pod("mine", app="mine"))
    assert made.status.phase == "Pending"
    assert [p.metadata.name for p in core.list_namespaced_pod("curl", label_selector="app=mine").items] == ["mine"]
    gone = core.delete_namespaced_pod("mine", "curl", grace_period_seconds=0)
    assert gone.metadata.deletion_timestamp is not None
    with pytest.raises(ApiException) as refused:
        core.read_namespaced_pod("mine", "curl")
    assert refused.value.status == 404
    assert json.loads(refused.value.body)["details"] == {"name": "mine", "kind": "pods"}


def test_a_watch_tells_a_pod_s_whole_life(core: client.CoreV1Api) -> None:
    start = core.list_namespaced_pod("curl").metadata.resource_version
    core.create_namespaced_pod("curl", pod("watched", app="watched"))
    seen = []
    for event in watch.Watch().stream(
        core.list_namespaced_pod, "curl", label_selector="app=watched", resource_version=start, timeout_seconds=10
    ):
        seen.append((event["type"], event["object"].status.phase))
        if seen == [("ADDED", "Pending"), ("MODIFIED", "Running")]:
            core.delete_namespaced_pod("watched", "curl")
        if seen[-1][0] == "DELETED":
            break
    assert seen == [("ADDED", "Pending"), ("MODIFIED", "Running"), ("MODIFIED", "Running"), ("DELETED", "Running")]


def test_a_watch_ends_when_its_time_is_over(core: client.CoreV1Api) -> None:
    begun = time.monotonic()
    assert list(watch.Watch().stream(core.list_namespaced_service, "curl", timeout_seconds=1)) == []
    assert 0.9 < time.monotonic() - begun < 3


def test_logs_can_be_followed_as_a_stream(lab: Lab, core: client.CoreV1Api) -> None:
    lab.apply(pod("talker"))
    lab.log("talker", "curl", b"before")
    followed = core.read_namespaced_pod_log(
        "talker", "curl", follow=True, timestamps=True, since_seconds=60, tail_lines=1, _preload_content=False
    )
    lab.log("talker", "curl", b"after")
    lab.run(lab.dataplane.pods["talker"].logs["curl"].close())
    lines = b"".join(followed.stream()).splitlines()
    followed.release_conn()
    assert [line.partition(b" ")[2] for line in lines] == [b"before", b"after"]


def test_following_an_empty_log_answers_nothing_before_the_first_line(lab: Lab, core: client.CoreV1Api) -> None:
    lab.apply(pod("silent"))
    answered = threading.Event()

    def follow() -> None:
        core.read_namespaced_pod_log("silent", "curl", follow=True, _preload_content=False).release_conn()
        answered.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert not answered.wait(0.3)
    lab.log("silent", "curl", b"first")
    assert answered.wait(5)
    follower.join()


def test_since_time_counts_whole_seconds(lab: Lab, core: client.CoreV1Api) -> None:
    lab.apply(pod("clock"))
    lab.log("clock", "curl", b"early")
    stamped = core.read_namespaced_pod_log("clock", "curl", timestamps=True)
    # Nanoseconds after the line, but within its second: a real cluster gives the line again.
    moment = datetime.fromisoformat(stamped.split()[0]).replace(microsecond=999_999, tzinfo=UTC)
    path = "/api/v1/namespaces/curl/pods/clock/log?sinceTime=" + moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert lab.out("get", "--raw", path) == "early\n"


def test_exec_has_output_and_exit_code(core: client.CoreV1Api) -> None:
    session = ended(core, "sh", "-c", "printf out; printf err >&2; exit 3")
    assert (session.read_stdout(), session.read_stderr(), session.returncode) == ("out", "err", 3)


def test_exec_says_success_and_a_signal(core: client.CoreV1Api) -> None:
    for command, code in (("true", 0), ("kill -9 $$", 137)):
        assert ended(core, "sh", "-c", command).returncode == code


def test_exec_speaks_the_older_protocol_too(lab: Lab, core: client.CoreV1Api) -> None:
    core.api_client.set_default_header("sec-websocket-protocol", "v4.channel.k8s.io")
    with executing(core, "cat", stdin=True) as session:
        assert session.subprotocol == "v4.channel.k8s.io"
        session.write_stdin("line\n")
        assert session.readline_stdout(timeout=5) == "line"


def test_exec_of_a_missing_command_has_no_exit_code(core: client.CoreV1Api) -> None:
    told = json.loads(ended(core, "no-such-curl").read_channel(3))
    assert (told["status"], told["reason"], told["code"]) == ("Failure", "InternalError", 500)
    assert "executable file not found in $PATH" in told["message"]


def test_custom_objects_of_every_group_are_listed(lab: Lab) -> None:
    crds = [
        ("networking.istio.io", "v1", "serviceentries"),
        ("networking.istio.io", "v1alpha3", "envoyfilters"),
        ("security.istio.io", "v1", "authorizationpolicies"),
        ("telemetry.istio.io", "v1alpha1", "telemetries"),
        ("gateway.networking.k8s.io", "v1beta1", "httproutes"),
        ("gateway.networking.k8s.io", "v1", "tlsroutes"),
    ]
    with connected(lab) as api_client:
        custom = client.CustomObjectsApi(api_client)
        for crd in crds:
            assert custom.list_cluster_custom_object(*crd)["items"] == []
        with pytest.raises(ApiException) as refused:
            custom.list_cluster_custom_object("nobody.example", "v1", "things")
        assert (refused.value.status, refused.value.body) == (404, "404 page not found\n")


def test_an_access_review_is_answered_from_the_faults() -> None:
    with running_lab(Fault("get", "pods/log", status=403)) as lab, connected(lab) as api_client:
        api = client.AuthorizationV1Api(api_client)
        for resource, allowed in (("exec", True), ("log", False)):
            asked = {"namespace": "curl", "verb": "get", "resource": "pods", "subresource": resource}
            review = {"spec": {"resourceAttributes": asked}}
            assert api.create_self_subject_access_review(review).status.allowed is allowed


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "Unauthorized"), (429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable")],
)
def test_a_fault_happens_as_often_as_it_says(status: int, reason: str) -> None:
    with running_lab(Fault("list", "pods", status=status, times=1)) as lab, connected(lab) as api_client:
        core = client.CoreV1Api(api_client)
        with pytest.raises(ApiException) as refused:
            core.list_namespaced_pod("curl")
        assert refused.value.status == status
        assert json.loads(refused.value.body)["reason"] == reason
        assert (refused.value.headers.get("Retry-After") == "1") is (status == 429)
        assert core.list_namespaced_pod("curl").items == []


def test_forbidden_names_verb_resource_and_namespace_as_rbac_does() -> None:
    rules = Fault("create", "pods/exec", namespace="curl", status=403), Fault("list", "virtualservices", status=403)
    with running_lab(*rules) as lab, connected(lab) as api_client:
        lab.apply(pod("shared"))
        refused = lab.kubectl("exec", "shared", "-n", "curl", "--", "true").stderr
        assert (
            'pods "shared" is forbidden: User "lab" cannot create resource "pods/exec" '
            'in API group "" in the namespace "curl"' in refused
        )
        with pytest.raises(ApiException) as denied:
            client.CustomObjectsApi(api_client).list_cluster_custom_object(
                "networking.istio.io", "v1", "virtualservices"
            )
        assert json.loads(denied.value.body)["message"] == (
            'virtualservices.networking.istio.io is forbidden: User "lab" cannot list resource "virtualservices" '
            'in API group "networking.istio.io" at the cluster scope'
        )


@pytest.mark.parametrize("follow", [True, False])
def test_a_log_stream_is_cut_without_an_end(*, follow: bool) -> None:
    with running_lab(Fault("get", "pods/log", cut_after_lines=2, times=1)) as lab, connected(lab) as api_client:
        core = client.CoreV1Api(api_client)
        lab.apply(pod("shared"))
        lab.log("shared", "curl", b"one", b"two", b"three")
        cut = core.read_namespaced_pod_log("shared", "curl", follow=follow, _preload_content=False)
        got = []
        with pytest.raises(urllib3.exceptions.ProtocolError):
            got.extend(cut.stream())
        assert b"".join(got) == b"one\ntwo\n"
        assert core.read_namespaced_pod_log("shared", "curl") == "one\ntwo\nthree\n"


def test_an_exec_is_cut_without_a_status() -> None:
    with running_lab(Fault("create", "pods/exec", cut_after_bytes=3, times=1)) as lab, connected(lab) as api_client:
        core = client.CoreV1Api(api_client)
        lab.apply(pod("shared"))
        with executing(core, "sh", "-c", "printf abcdef; exec sleep 60") as session:
            with pytest.raises(Exception, match=r"lost|closed|reset|EOF|violation"):
                session.run_forever(timeout=10)
            assert session.read_stdout(timeout=0) == "abc"
            assert session.read_channel(3) == ""
        session = ended(core, "printf", "abcdef")
        assert (session.read_stdout(), session.returncode) == ("abcdef", 0)


def test_streams_that_are_open_do_not_keep_the_lab_from_stopping() -> None:
    with ExitStack() as streams, running_lab() as lab, connected(lab) as api_client:
        core = client.CoreV1Api(api_client)
        lab.apply(pod("shared"))
        lab.log("shared", "curl", b"one")
        followed = core.read_namespaced_pod_log("shared", "curl", follow=True, _preload_content=False)
        watched = core.list_namespaced_pod("curl", watch=True, _preload_content=False)
        streams.enter_context(executing(core, "sleep", "60"))
        begun = time.monotonic()
    assert time.monotonic() - begun < 4
    for response in (followed, watched):
        response.close()
