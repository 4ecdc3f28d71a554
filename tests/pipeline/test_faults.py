"""What goes wrong on real clusters: each ends in a clear message or a right verdict, never in a traceback or a PASS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lab_thread import RunningLab, running_lab

from egressaudit.cli import run
from egressaudit_lab.scenario import Scenario, load_scenario
from egressaudit_lab.world import Fault

pytestmark = pytest.mark.e2e

BIN = Path(sys.executable).parent
TOOL, KUBECTL = str(BIN / "egressaudit"), str(BIN / "kubectl")
FROM_CURL = ("--host", "docs.redhat.com", "--from", "deploy/curl", "-n", "curl")
OWN_POD = ("--host", "docs.redhat.com", "-n", "curl")
GATEWAY = "egress-gateway/egressgateway"


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with running_lab(load_scenario("istio-apis")) as running:
        yield running


class Answer:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)["verdicts"]
        return found

    @property
    def rows(self) -> list[tuple[str, str]]:
        return [(each["outcome"], each["path_seen"]) for each in self.verdicts]


@pytest.fixture
def verify(lab: RunningLab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("KUBECONFIG", raising=False)

    def call(*args: str, command: str = "verify") -> Answer:
        output = ["-o", "json"] if command == "verify" else []
        code = run([command, *args, *output, "--kubeconfig", str(lab.kubeconfig)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert "bug in egressaudit" not in captured.err
        return Answer(code, captured.out, captured.err)

    return call


def probe_pods(lab: RunningLab) -> list[str]:
    done = subprocess.run(
        [KUBECTL, "--kubeconfig", str(lab.kubeconfig), "get", "pods", "-A", "-o", "name"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in done.stdout.split() if "egressaudit-probe" in name]


def no_probe_pod_stays(lab: RunningLab) -> bool:
    until = time.monotonic() + 10
    while probe_pods(lab) and time.monotonic() < until:
        time.sleep(0.1)
    return not probe_pods(lab)


def test_without_faults_it_passes(verify: Any) -> None:
    answer = verify(*FROM_CURL)
    assert (answer.code, answer.rows) == (0, [("PASS", "via-gateway")])


def test_a_pod_of_our_own_is_removed_again(lab: RunningLab, verify: Any) -> None:
    answer = verify(*OWN_POD)
    assert (answer.code, answer.rows) == (0, [("PASS", "via-gateway")])
    assert no_probe_pod_stays(lab)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("get", "pods/exec", status=403), ["pods/exec", "curl", "verbs"]),
        (Fault("create", "pods/exec", status=403), ["pods/exec", "create", "verbs"]),
        (Fault("get", "pods/log", status=403), ["pods/log", "get", "verbs"]),
        (Fault("list", "pods", status=403), ["pods", "list", "ClusterRole"]),
        (Fault("*", "*", status=401), ["credentials"]),
    ],
)
def test_a_missing_permission_names_the_verb_the_resource_and_the_rule(
    lab: RunningLab, verify: Any, fault: Fault, said: list[str]
) -> None:
    with lab.faulty(fault):
        answer = verify(*FROM_CURL)
    assert answer.code == 1
    assert answer.err.startswith("no audit was performed: ")
    for word in said:
        assert word in answer.err
    assert json.loads(answer.out)["verdicts"] == []


def test_configuration_that_may_not_be_read_is_noted(lab: RunningLab, verify: Any) -> None:
    with lab.faulty(Fault("list", "serviceentries", status=403)):
        answer = verify(*FROM_CURL)
    assert answer.rows == [("PASS", "via-gateway")]
    assert any(note.startswith("ServiceEntry objects") for note in json.loads(answer.out)["notes"])


def test_an_analysis_shows_what_is_declared_and_what_may_be_done(lab: RunningLab, verify: Any) -> None:
    answer = verify("-o", "json", "-q", command="analyze")
    document = json.loads(answer.out)
    assert (answer.code, document["outcome"], document["live"]["grant"]) == (0, "PASS", None)
    assert {each["allowed"] for each in document["live"]["permissions"]} == {True}
    with lab.faulty(Fault("list", "virtualservices", status=403)):
        answer = verify("-o", "json", "-q", command="analyze")
    document = json.loads(answer.out)
    assert (answer.code, document["outcome"]) == (3, "INCONCLUSIVE")
    assert "virtualservices" in document["live"]["grant"]
    assert any(sentence.startswith("networking.istio.io/VirtualService") for sentence in document["undecided"])


@pytest.mark.parametrize("args", [FROM_CURL, OWN_POD])
def test_a_dry_run_sends_nothing(lab: RunningLab, verify: Any, args: tuple[str, ...]) -> None:
    before = len(lab.log(GATEWAY))
    answer = verify(*args, "--dry-run")
    [way] = json.loads(answer.out)["ways"]
    assert (answer.code, way["path"], way["via"]) == (0, "via-gateway", GATEWAY)
    assert probe_pods(lab) == []
    assert len(lab.log(GATEWAY)) == before


def test_a_pod_that_may_not_be_created_names_the_rule(lab: RunningLab, verify: Any) -> None:
    with lab.faulty(Fault("create", "pods", status=403)):
        answer = verify(*OWN_POD)
    assert answer.code == 1
    assert "create" in answer.err
    assert "pods" in answer.err


def test_no_api_server_is_a_clear_message(tmp_path: Path, lab: RunningLab, capsys: pytest.CaptureFixture[str]) -> None:
    config = yaml.safe_load(lab.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    assert run(["verify", *FROM_CURL, "--kubeconfig", str(file)]) == 1
    captured = capsys.readouterr()
    assert "127.0.0.1:1" in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_api_server_is_asked_again(lab: RunningLab, verify: Any, status: int) -> None:
    with lab.faulty(Fault("list", "pods", status=status, times=1)):
        answer = verify(*FROM_CURL)
    assert answer.rows == [("PASS", "via-gateway")]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--host", "docs.redhat.com", "--from", "deploy/nobody", "-n", "curl"), "deploy/nobody"),
        (("--host", "docs.redhat.com", "--from", "nowhere/nobody"), "nowhere/nobody"),
        (("--host", "docs.redhat.com", "-l", "app=nobody", "-n", "curl"), "app=nobody"),
        (("--host", "docs.redhat.com", "--from", "deploy/curl", "-n", "curl", "-c", "nobody"), "nobody"),
        (("--host", "docs.redhat.com", "--from", "nonsense", "-n", "curl"), "nonsense"),
        (("--host", "*.redhat.com", "--from", "deploy/curl", "-n", "curl"), "wildcard"),
        (("--host", "a b", "--from", "deploy/curl", "-n", "curl"), "spaces"),
        (("--host", "docs.redhat.com", "--from", "deploy/curl", "-n", "curl", "--expect", "x"), "--expect"),
        (
            ("--host", "docs.redhat.com", "--from", "deploy/curl", "-n", "curl", "--expect", "gateway=a/b"),
            "egress-gateway/egressgateway",
        ),
    ],
)
def test_what_is_not_there_exits_with_2_and_says_what_is(verify: Any, args: tuple[str, ...], said: str) -> None:
    answer = verify(*args)
    assert answer.code == 2
    assert said in answer.err


def test_an_unknown_namespace_is_named(verify: Any) -> None:
    answer = verify("--host", "docs.redhat.com", "-n", "nowhere")
    assert answer.code in (1, 2)
    assert "nowhere" in answer.err


def test_an_exec_stream_that_is_cut_is_inconclusive(lab: RunningLab, verify: Any) -> None:
    with lab.faulty(Fault("create", "pods/exec", cut_after_bytes=10)):
        answer = verify(*FROM_CURL, "--timeout", "6s")
    assert (answer.code, answer.rows) == (3, [("INCONCLUSIVE", "unknown")])
    assert "curl's own report" in answer.verdicts[0]["reason"]


def test_log_streams_that_are_cut_are_resumed(lab: RunningLab, verify: Any) -> None:
    with lab.faulty(Fault("get", "pods/log", cut_after_lines=1, times=4)):
        answer = verify(*FROM_CURL)
    assert (answer.code, answer.rows) == (0, [("PASS", "via-gateway")])
    assert any("cut and resumed" in note for note in json.loads(answer.out)["notes"])


def test_an_image_that_cannot_be_pulled_is_named_and_its_pod_removed(lab: RunningLab, verify: Any) -> None:
    answer = verify(*OWN_POD, "--image", "registry.example.com/missing:1")
    assert answer.code == 1
    assert "registry.example.com/missing:1" in answer.err
    assert no_probe_pod_stays(lab)


def test_a_pod_that_never_gets_ready_ends_with_the_timeout(lab: RunningLab, verify: Any) -> None:
    answer = verify(*OWN_POD, "--image", "registry.example.com/slow:1", "--timeout", "2s")
    assert answer.code == 1
    assert "ready" in answer.err
    assert no_probe_pod_stays(lab)


def test_a_line_of_a_mebibyte_and_bytes_that_are_not_utf8_do_no_harm(lab: RunningLab, verify: Any) -> None:
    for line in (b"x" * (1 << 20), b'[2026-01-01T00:00:00.000Z] "' + b'"' * (1 << 20), b"\xff\xfe\x00 \xc3\x28"):
        lab.write(GATEWAY, line)
    answer = verify(*FROM_CURL)
    assert (answer.code, answer.rows) == (0, [("PASS", "via-gateway")])
    for log in json.loads(answer.out)["logs"]:
        assert log["access"] + log["other"] + log["unparsed"] == log["read"]


def changed(folder: Path, **behaviour: object) -> Scenario:
    """istio-apis with other behaviour."""
    original = files("egressaudit_lab") / "scenarios" / "istio-apis"
    for name in ("applied.yaml", "cluster.yaml"):
        (folder / name).write_text((original / name).read_text())
    document = yaml.safe_load((original / "lab.yaml").read_text()) | behaviour
    (folder / "lab.yaml").write_text(yaml.safe_dump(document))
    return load_scenario(str(folder))


def test_clock_skew_between_hops_does_not_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_lab(changed(tmp_path, clock_skew={GATEWAY: 7.0})) as skewed:
        code = run(["verify", *FROM_CURL, "-o", "json", "--kubeconfig", str(skewed.kubeconfig)])
    [verdict] = json.loads(capsys.readouterr().out)["verdicts"]
    assert (code, verdict["outcome"]) == (0, "PASS")
    first, second = (datetime.fromisoformat(hop["fields"]["start_time"]) for hop in verdict["hops"])
    assert second - first > timedelta(seconds=6)


def test_curl_that_is_not_in_the_container_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_lab(changed(tmp_path, without_curl=["curl"])) as bare:
        code = run(["verify", *FROM_CURL, "--kubeconfig", str(bare.kubeconfig)])
    captured = capsys.readouterr()
    assert code == 1
    assert "curl" in captured.err
    assert "Traceback" not in captured.err


def test_json_access_logs_prove_as_text_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_lab(changed(tmp_path, encoding="JSON")) as encoded:
        code = run(["verify", *FROM_CURL, "-o", "json", "--kubeconfig", str(encoded.kubeconfig)])
    [verdict] = json.loads(capsys.readouterr().out)["verdicts"]
    assert (code, verdict["outcome"]) == (0, "PASS")
    assert [hop["dialect"] for hop in verdict["hops"]] == ["envoy-istio-json"] * 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing_behind(lab: RunningLab, number: int, code: int) -> None:
    # The gateway's log cannot be read to its end, so that the run is still waiting when the signal comes.
    with lab.faulty(Fault("get", "pods/log", status=503)):
        process = subprocess.Popen(
            [TOOL, "verify", *OWN_POD, "--timeout", "60s"],
            env={**os.environ, "KUBECONFIG": str(lab.kubeconfig)},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 20
        while not probe_pods(lab) and time.monotonic() < until:
            time.sleep(0.05)
        assert probe_pods(lab)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in err
    assert no_probe_pod_stays(lab)


def test_cleanup_removes_what_a_killed_run_left(lab: RunningLab, verify: Any) -> None:
    process = subprocess.Popen(
        [TOOL, "verify", *OWN_POD, "--image", "registry.example.com/slow:1", "--timeout", "60s"],
        env={**os.environ, "KUBECONFIG": str(lab.kubeconfig)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 20
    while not probe_pods(lab) and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert probe_pods(lab)
    answer = verify("-n", "curl", command="cleanup")
    assert answer.code == 0
    assert "removed pod curl/egressaudit-probe-" in answer.out
    assert no_probe_pod_stays(lab)
    assert "nothing to remove" in verify("-A", command="cleanup").out


def test_kubectl_by_hand_sees_the_same_line(lab: RunningLab, verify: Any) -> None:
    verdict = verify(*FROM_CURL).verdicts[0]
    done = subprocess.run(
        [KUBECTL, "--kubeconfig", str(lab.kubeconfig), "logs", "-n", "egress-gateway", "deploy/egressgateway"],
        check=True,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert verdict["hops"][1]["raw"] in done.stdout.splitlines()
