"""The lab's API server, held to what real kubectl expects of one."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator

import pytest
import yaml
from support.lab_fakes import Lab, pod, running_lab

from egressaudit_lab.world import Fault, Manifest

WORKLOAD = {
    "metadata": {"name": "gateway", "namespace": "curl"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "gateway"}},
        "template": {
            "metadata": {"labels": {"app": "gateway"}},
            "spec": {"containers": [{"name": "istio-proxy", "image": "proxy"}]},
        },
    },
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        running.apply(pod("shared", "curl", "other", app="shared"), pod("meshed", app="meshed", sidecar="yes"))
        running.log("shared", "curl", b"one", b"two", b"three")
        yield running


def deployment(name: str) -> Manifest:
    metadata = {"name": name, "namespace": "curl"}
    text = json.dumps(WORKLOAD | {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    return json.loads(text.replace('"app": "gateway"', f'"app": "{name}"'))


def test_it_starts_and_stops_quickly() -> None:
    begun = time.monotonic()
    with running_lab():
        started = time.monotonic()
    assert started - begun < 1
    assert time.monotonic() - started < 1


def test_version_says_that_it_is_a_stand_in(lab: Lab) -> None:
    assert "stand-in" in lab.json("version")["serverVersion"]["gitVersion"]


def test_get_pods_prints_the_columns_of_a_real_cluster(lab: Lab) -> None:
    lines = lab.out("get", "pods", "-A", "-l", "app in (shared,meshed)").splitlines()
    assert lines[0].split() == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [line.split()[:5] for line in lines[1:]] == [
        ["curl", "meshed", "2/2", "Running", "0"],
        ["curl", "shared", "2/2", "Running", "0"],
    ]
    wide = lab.out("get", "pod", "shared", "-n", "curl", "-o", "wide").splitlines()
    assert wide[0].split()[5:7] == ["IP", "NODE"]
    assert wide[1].split()[5:7] == ["127.0.0.9", "lab-node"]


def test_selectors_choose_pods(lab: Lab) -> None:
    assert lab.out("get", "pods", "-n", "curl", "-l", "app=meshed", "-o", "name") == "pod/meshed\n"
    assert lab.out("get", "po", "-n", "curl", "-l", "app!=meshed,app,!no,app notin (x)", "-o", "name") != ""
    fields = "--field-selector=metadata.name=shared,status.phase=Running,spec.nodeName=lab-node"
    assert lab.out("get", "pods", "-A", fields, "-o", "name") == "pod/shared\n"
    assert "unable to parse requirement" in lab.kubectl("get", "pods", "-l", "a in (b").stderr


def test_the_mesh_s_webhook_has_its_way(lab: Lab) -> None:
    path = "-o=jsonpath={.spec.containers[*].name}"
    assert lab.out("get", "pod", "meshed", "-n", "curl", path) == "curl istio-proxy"


def test_all_kinds_are_listed_by_their_short_names(lab: Lab) -> None:
    resources = lab.out("api-resources", "-o", "name").split()
    assert "virtualservices.networking.istio.io" in resources
    assert "httproutes.gateway.networking.k8s.io" in resources
    short = "ns,no,po,svc,cm,ep,ev,sa,deploy,rs,ds,dr,gw,se,vs,we,wg,ap,pa,ra,telemetry,gc,gtw"
    assert "kubectl" not in lab.out("get", f"{short},endpointslices,httproutes,grpcroutes,tlsroutes", "-A")
    assert "doesn't have a resource type" in lab.kubectl("get", "secrets").stderr


def test_describe_shows_a_pod(lab: Lab) -> None:
    described = lab.out("describe", "pod", "shared", "-n", "curl")
    assert "Node:             lab-node" in described
    assert "Events:          <none>" in described


def test_a_pod_is_applied_again_changed_and_deleted(lab: Lab) -> None:
    text = yaml.safe_dump(pod("applied"))
    assert lab.out("apply", "-f", "-", stdin=text) == "pod/applied created\n"
    assert lab.out("wait", "--for=condition=Ready", "pod/applied", "-n", "curl", "--timeout=5s")
    assert lab.out("apply", "-f", "-", stdin=text) == "pod/applied unchanged\n"
    changed = yaml.safe_dump(pod("applied", extra="label"))
    assert lab.out("apply", "-f", "-", stdin=changed) == "pod/applied configured\n"
    assert lab.json("get", "pod", "applied", "-n", "curl")["metadata"]["labels"] == {"extra": "label"}
    running = lab.dataplane.pods["applied"]
    assert "deleted" in lab.out("delete", "pod", "applied", "-n", "curl")
    assert running.stopped
    assert 'pods "applied" not found' in lab.kubectl("get", "pod", "applied", "-n", "curl").stderr


def test_a_pod_s_spec_cannot_be_changed(lab: Lab) -> None:
    refused = lab.kubectl("patch", "pod", "shared", "-n", "curl", "-p", '{"spec":{"nodeName":"other"}}')
    assert 'The Pod "shared" is invalid: spec: Forbidden: pod updates may not change fields' in refused.stderr


def test_nothing_is_created_in_a_namespace_that_is_not_there(lab: Lab) -> None:
    refused = lab.kubectl("create", "-f", "-", stdin=yaml.safe_dump(pod("lost", namespace="nowhere")))
    assert 'namespaces "nowhere" not found' in refused.stderr


def test_what_exists_is_not_created_twice(lab: Lab) -> None:
    refused = lab.kubectl("create", "-f", "-", stdin=yaml.safe_dump(pod("shared")))
    assert '(AlreadyExists): error when creating "STDIN": pods "shared" already exists' in refused.stderr


def test_a_namespace_takes_its_pods_along(lab: Lab) -> None:
    lab.out("create", "ns", "brief")
    lab.out("run", "guest", "--image=curl:8", "--restart=Never", "-n", "brief")
    assert lab.out("get", "sa", "-n", "brief", "-o", "name") == "serviceaccount/default\n"
    lab.out("delete", "ns", "brief")
    deadline = time.monotonic() + 5
    while not lab.dataplane.pods["guest"].stopped and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lab.dataplane.pods["guest"].stopped


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_istio_objects_are_visible_in_all_versions(lab: Lab, version: str) -> None:
    name = f"docs-{version}"
    manifest = {
        "apiVersion": f"networking.istio.io/{version}",
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "curl"},
        "spec": {"hosts": ["docs.redhat.com"], "gateways": ["mesh"]},
    }
    assert "created" in lab.out("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
    manifest["spec"]["gateways"] = ["mesh", "egress"]
    assert "configured" in lab.out("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
    for other in ("v1", "v1beta1", "v1alpha3"):
        shown = lab.json("get", f"virtualservices.{other}.networking.istio.io", name, "-n", "curl")
        assert shown["apiVersion"] == f"networking.istio.io/{other}"
        assert shown["spec"] == manifest["spec"]
    assert '["mesh","egress"]' in lab.out("get", "vs", name, "-n", "curl")


def test_a_deployment_has_a_replica_set_and_pods_that_go_with_it(lab: Lab) -> None:
    lab.out("apply", "-f", "-", stdin=yaml.safe_dump(deployment("gateway")))
    assert "successfully rolled out" in lab.out("rollout", "status", "deploy/gateway", "-n", "curl", "--timeout=5s")
    assert lab.out("get", "deploy", "gateway", "-n", "curl", "--no-headers").split()[:4] == ["gateway", "2/2", "2", "2"]
    pods = lab.json("get", "pods", "-n", "curl", "-l", "app=gateway")["items"]
    [replica_set] = lab.json("get", "rs", "-n", "curl", "-l", "app=gateway")["items"]
    assert replica_set["metadata"]["ownerReferences"][0]["name"] == "gateway"
    for one in pods:
        assert one["metadata"]["name"].startswith(replica_set["metadata"]["name"] + "-")
        assert one["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
        assert one["spec"]["nodeName"] == "lab-node"
    first = pods[0]["metadata"]["name"]
    lab.log(first, "istio-proxy", b"from the first")
    assert "from the first" in lab.out("logs", first, "-n", "curl")
    assert lab.out("logs", "deploy/gateway", "-n", "curl") in {"", "from the first\n"}
    assert lab.out("exec", "deploy/gateway", "-n", "curl", "--", "printf", "there") == "there"
    lab.out("delete", "pod", first, "-n", "curl")
    names = lab.out("get", "pods", "-n", "curl", "-l", "app=gateway", "-o", "name").split()
    assert len(names) == 2
    assert f"pod/{first}" not in names
    lab.out("delete", "deploy", "gateway", "-n", "curl")
    lab.out("wait", "--for=delete", "pod", "-n", "curl", "-l", "app=gateway", "--timeout=5s")
    assert lab.json("get", "rs,pods", "-n", "curl", "-l", "app=gateway")["items"] == []


def test_a_changed_template_replaces_the_pods(lab: Lab) -> None:
    lab.apply(deployment("restarted"))
    before = lab.out("get", "pods", "-n", "curl", "-l", "app=restarted", "-o", "name").split()
    lab.out("rollout", "restart", "deploy/restarted", "-n", "curl")
    lab.out("rollout", "status", "deploy/restarted", "-n", "curl", "--timeout=5s")
    for name in before:
        lab.out("wait", "--for=delete", name, "-n", "curl", "--timeout=5s")
    after = lab.out("get", "pods", "-n", "curl", "-l", "app=restarted", "-o", "name").split()
    assert len(after) == 2
    assert not set(before) & set(after)


def test_a_daemon_set_has_a_pod_on_each_node() -> None:
    with running_lab() as lab:
        for name in ("node-a", "node-b"):
            lab.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        lab.apply(deployment("ztunnel") | {"kind": "DaemonSet"})
        pods = lab.json("get", "pods", "-n", "curl", "-l", "app=ztunnel")["items"]
        assert sorted(one["spec"]["nodeName"] for one in pods) == ["node-a", "node-b"]
        assert lab.out("get", "ds", "-n", "curl", "--no-headers").split()[:5] == ["ztunnel", "2", "2", "2", "2"]


def test_a_pod_that_cannot_run_says_so(lab: Lab) -> None:
    manifest = pod("broken")
    manifest["spec"]["containers"][0]["image"] = "missing"
    lab.apply(manifest)
    assert lab.out("get", "pod", "broken", "-n", "curl", "--no-headers").split()[1:3] == ["0/1", "ErrImagePull"]
    refused = lab.kubectl("logs", "broken", "-n", "curl").stderr
    assert 'container "curl" in pod "broken" is waiting to start: trying and failing to pull image' in refused


def test_what_admission_denies_is_refused_and_its_owner_says_why(lab: Lab) -> None:
    manifest = pod("denied")
    manifest["spec"]["containers"][0]["image"] = "denied"
    refused = lab.kubectl("create", "-f", "-", stdin=yaml.safe_dump(manifest)).stderr
    assert '(Forbidden): error when creating "STDIN": pods "denied" is forbidden: violates PodSecurity' in refused
    owner = deployment("denied")
    owner["spec"]["template"]["spec"] = manifest["spec"]
    lab.apply(owner)
    [replica_set] = lab.json("get", "rs", "-n", "curl", "-l", "app=denied")["items"]
    assert "violates PodSecurity" in replica_set["status"]["conditions"][0]["message"]
    assert lab.out("get", "deploy", "denied", "-n", "curl", "--no-headers").split()[1] == "0/2"


def test_watch_shows_what_changes(lab: Lab) -> None:
    command = lab.kubectl_command("get", "pods", "-n", "curl", "-w", "--no-headers", "-l", "app=seen")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        lab.apply(pod("seen", app="seen"))
        for status in ("Running", "Terminating"):
            assert any(line.split()[:3] == ["seen", "1/1", status] for line in watching.stdout)
            lab.out("delete", "pod", "seen", "-n", "curl", "--wait=false", "--ignore-not-found")
        watching.terminate()


def test_logs_are_cut_to_what_was_asked(lab: Lab) -> None:
    logs = ["logs", "shared", "-n", "curl", "-c", "curl"]
    assert lab.out(*logs) == "one\ntwo\nthree\n"
    assert lab.out(*logs, "--tail=1") == "three\n"
    assert lab.out(*logs, "--since=1h") == "one\ntwo\nthree\n"
    assert lab.out(*logs, "--since-time=2000-01-01T00:00:00Z", "--tail=2") == "two\nthree\n"
    assert lab.out(*logs, "--since-time=2999-01-01T00:00:00Z") == ""
    assert lab.out(*logs, "--limit-bytes=5") == "one\nt"
    assert lab.out("logs", "shared", "-n", "curl", "-c", "other") == ""
    stamp, text = lab.out(*logs, "--timestamps", "--tail=1").split(" ", 1)
    assert (len(stamp), stamp[-1], text) == (30, "Z", "three\n")


def test_logs_that_are_not_there_are_refused_as_a_kubelet_does(lab: Lab) -> None:
    previous = lab.kubectl("logs", "shared", "-n", "curl", "-c", "curl", "--previous").stderr
    assert 'previous terminated container "curl" in pod "shared" not found' in previous
    raw = lab.kubectl("get", "--raw", "/api/v1/namespaces/curl/pods/shared/log").stderr
    assert "a container name must be specified for pod shared, choose one of: [curl other]" in raw
    raw = lab.kubectl("get", "--raw", "/api/v1/namespaces/curl/pods/shared/log?container=x").stderr
    assert "container x is not valid for pod shared" in raw


def test_followed_logs_arrive_as_they_are_written_and_end_with_the_pod(lab: Lab) -> None:
    lab.apply(pod("talker"))
    command = lab.kubectl_command("logs", "-f", "talker", "-n", "curl")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as following:
        assert following.stdout
        lab.log("talker", "curl", b"first")
        assert following.stdout.readline() == b"first\n"
        lab.log("talker", "curl", b"not \xff UTF-8")
        assert following.stdout.readline() == b"not \xff UTF-8\n"
        lab.log("talker", "curl", b"x" * 2**20)
        assert following.stdout.readline() == b"x" * 2**20 + b"\n"
        lab.out("delete", "pod", "talker", "-n", "curl")
        assert following.wait(10) == 0


def test_exec_carries_output_input_and_exit_code(lab: Lab) -> None:
    inside = ["exec", "shared", "-n", "curl", "-c", "curl"]
    assert lab.out(*inside, "--", "printf", "hello") == "hello"
    assert lab.out(*inside, "--", "curl", "--version").startswith("curl ")
    assert lab.out(*inside, "-i", "--", "cat", stdin="up\nand back\n") == "up\nand back\n"
    big = "0123456789" * 100_000
    assert lab.out(*inside, "-i", "--", "cat", stdin=big) == big
    failed = lab.kubectl(*inside, "--", "sh", "-c", "printf out; printf err >&2; exit 7")
    assert (failed.returncode, failed.stdout) == (7, "out")
    assert failed.stderr == "errcommand terminated with exit code 7\n"


def test_exec_of_a_missing_command_fails_as_containerd_does(lab: Lab) -> None:
    failed = lab.kubectl("exec", "shared", "-n", "curl", "-c", "curl", "--", "no-such-curl")
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: Internal error occurred: Internal error occurred: error executing command")
    assert 'exec: "no-such-curl": executable file not found in $PATH: unknown' in failed.stderr


def test_the_command_ends_when_the_client_leaves(lab: Lab) -> None:
    command = lab.kubectl_command(
        "exec", "shared", "-n", "curl", "-c", "curl", "--", "sh", "-c", "echo $$; exec sleep 60"
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as leaving:
        assert leaving.stdout
        pid = int(leaving.stdout.readline())
        leaving.kill()
    deadline = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_the_token_nothing_is_answered(lab: Lab) -> None:
    assert "You must be logged in to the server" in lab.kubectl("--token=wrong", "get", "pods").stderr


def test_everything_is_allowed_that_no_fault_forbids() -> None:
    denied = Fault("create", "pods/exec", namespace="curl", status=403)
    with running_lab(denied) as lab:
        asked = ["auth", "can-i", "create", "pods", "--subresource=exec"]
        assert lab.kubectl(*asked, "-n", "curl").stdout == "no\n"
        assert lab.kubectl(*asked, "-n", "default").stdout == "yes\n"
        assert lab.kubectl("auth", "can-i", "get", "pods", "--subresource=log", "-n", "curl").stdout == "yes\n"
        assert "pods/log" in lab.out("auth", "can-i", "--list", "-n", "curl")
