"""`egressaudit audit` of a window, as a user runs it: live on the lab, from stored logs, on bad input, interrupted."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.folders import gateway_log
from support.runs import without_its_name, without_run
from support.tools import SAMPLES

SAMPLE = SAMPLES / "whole-mesh"
POLICY = SAMPLE / "policy.yaml"
TOOL = str(Path(sys.executable).parent / "egressaudit")
GATEWAY = "egress-gateway/egressgateway"


def run(*arguments: object, **changes: object) -> subprocess.CompletedProcess[str]:
    command = [TOOL, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, **changes)


def audited(*arguments: object) -> tuple[int, dict]:
    done = run("audit", *arguments, "-o", "json")
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def codes(document: dict) -> list[str]:
    return [each["code"] for each in document["findings"]]


# ------------------------------------------------------------ live


@pytest.mark.e2e
def test_a_live_window_is_audited_and_its_saved_logs_give_the_same_report(tmp_path):
    live, saved = tmp_path / "live.json", tmp_path / "saved"
    audit = f"{TOOL} audit -A --since 1m --policy {POLICY} --save-logs {saved} -o json={live} -q"
    done = run("lab", "run", "--scenario", "whole-mesh", "--", "sh", "-c", f"sleep 2; {audit}")
    assert done.returncode == 10, done.stdout + done.stderr
    document = json.loads(live.read_text())
    flows = {(each["workload"], each["path"]): each["outcome"] for each in document["flows"]}
    assert flows["Deployment/checkout", "passthrough"] == "FAIL"
    assert flows["Deployment/checkout", "via-gateway"] == "PASS"
    assert flows["Deployment/curl", "via-gateway"] == "PASS"
    assert flows["Deployment/ledger", "via-waypoint"] == "PASS"
    code, again = audited(saved, "--policy", POLICY)
    assert (code, without_run(again)) == (10, without_run(document))


@pytest.mark.e2e
def test_the_sidecars_of_one_namespace_can_be_audited_alone(tmp_path):
    live = tmp_path / "live.json"
    audit = f"{TOOL} audit -n curl --since 1m --policy {POLICY} -o json={live} -q"
    done = run("lab", "run", "--scenario", "whole-mesh", "--", "sh", "-c", f"sleep 2; {audit}")
    document = json.loads(live.read_text())
    assert {each["namespace"] for each in document["flows"]} <= {"curl", "payments"}
    assert done.returncode == 0, done.stdout + done.stderr


INTERRUPT = """
import pathlib, subprocess, sys, time

folder, number, *command = sys.argv[1:]
process = subprocess.Popen(command)
while process.poll() is None and not list(pathlib.Path(folder).glob("egressaudit-*/collection.json")):
    time.sleep(0.02)
process.send_signal(int(number))
print("CODE", process.wait())
"""
"""Interrupts a command once it has begun to collect."""
WAITING = """
import time
from egressaudit.__main__ import main
from egressaudit.pipeline import audit

joined_logs = audit.joined_logs


def waiting(*arguments, **more):
    time.sleep(60)
    return joined_logs(*arguments, **more)


audit.joined_logs = waiting
main()
"""
"""The command line; once an audit has collected, it waits, so that no signal comes too late."""


@pytest.mark.e2e
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_audit_leaves_nothing_behind(number, code, tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    script = tmp_path / "interrupt.py"
    script.write_text(INTERRUPT)
    waiting = tmp_path / "waiting.py"
    waiting.write_text(WAITING)
    audit = [sys.executable, waiting, "audit", "-A", "--since", "1m", "-o", f"json={tmp_path / 'report.json'}"]
    done = run(
        "lab", "run", "--scenario", "whole-mesh", "--", sys.executable, script, folder, int(number), *audit,
        env=environment,
    )  # fmt: skip
    assert f"CODE {code}" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.glob("egressaudit-*/collection.json")) == []
    assert json.loads((tmp_path / "report.json").read_text())["outcome"] == "NOT_PERFORMED"


# ------------------------------------------------------------ stored


def test_the_sample_gives_its_report_again_byte_for_byte(tmp_path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    for file in (first, second):
        run("audit", SAMPLE, "--policy", POLICY, "-o", f"json={file}", "-o", f"junit={file}.xml")
    assert without_run(first.read_bytes()) == without_run(second.read_bytes())
    named = (without_its_name(Path(f"{file}.xml").read_text("utf-8")) for file in (first, second))
    assert len(set(named)) == 1


def test_an_archive_and_compressed_logs_give_the_same_flows(evidence, tmp_path):
    _, plain = audited(evidence, "--policy", POLICY)
    with tarfile.open(tmp_path / "logs.tar.gz", "w:gz") as archive:
        archive.add(evidence, arcname="evidence")
    _, packed = audited(tmp_path / "logs.tar.gz", "--mesh", evidence / "mesh.json", "--policy", POLICY,
                        "--since", plain["window"]["start"], "--until", plain["window"]["end"])  # fmt: skip
    for log in evidence.glob("*/*/*.log"):
        log.with_suffix(".log.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    _, zipped = audited(evidence, "--policy", POLICY)

    def flows(document):
        keys = ("workload", "host", "path", "flows", "outcome")
        return [{key: each[key] for key in keys} for each in document["flows"]]

    assert flows(packed) == flows(plain)
    assert flows(zipped) == flows(plain)


@pytest.mark.parametrize("output", ["text", "json", "jsonl", "markdown", "junit", "csv"])
def test_every_format_has_the_same_exit_code(output):
    done = run("audit", SAMPLE, "--policy", POLICY, "-o", output)
    assert done.returncode == 10
    assert "docs.redhat.com" in done.stdout


def test_parquet_goes_to_a_file(tmp_path):
    import pandas as pd

    assert run("audit", SAMPLE, "--policy", POLICY, "-o", f"parquet={tmp_path}/flows.parquet").returncode == 10
    assert set(pd.read_parquet(tmp_path / "flows.parquet")["outcome"]) >= {"PASS", "FAIL"}


def test_the_same_log_twice_counts_once(evidence):
    _, before = audited(evidence, "--policy", POLICY)
    log = gateway_log(evidence)
    shutil.copy(log, log.with_suffix(".log.1"))
    _, after = audited(evidence, "--policy", POLICY)
    assert [each["flows"] for each in after["flows"]] == [each["flows"] for each in before["flows"]]


def test_without_the_gateways_log_nothing_is_a_pass(evidence):
    gateway_log(evidence).unlink()
    code, document = audited(evidence, "--policy", POLICY)
    assert code == 10  # the passthrough is proven all the same
    assert not [each for each in document["flows"] if each["outcome"] == "PASS" and each["path"] == "via-gateway"]
    assert {"EA301", "EA303"} <= set(codes(document))


def test_a_cut_gateway_log_leaves_unproven_what_it_lost(evidence):
    log = gateway_log(evidence)
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    _, document = audited(evidence, "--policy", POLICY)
    counts = {(each["workload"], each["path"]): each["flows"] for each in document["flows"]}
    assert counts["Deployment/curl", "unknown"] > 0
    assert {"EA303", "EA305"} <= set(codes(document))


def test_a_killed_collection_is_usable_and_never_a_pass(evidence):
    """What was collected when it was killed: no end, one log still to come."""
    manifest = json.loads((evidence / "collection.json").read_text())
    manifest["finished"] = None
    for log in manifest["logs"]:
        if log["source"]["namespace"] == "curl":
            log.update(state="pending", covered_from=None, covered_to=None, reason="it was not read to its end")
    (evidence / "collection.json").write_text(json.dumps(manifest))
    shutil.rmtree(evidence / "curl")
    _, document = audited(evidence, "--policy", POLICY)
    assert {"EA301", "EA201"} <= set(codes(document))
    assert "Deployment/curl" not in {each["workload"] for each in document["flows"] if each["outcome"] == "PASS"}


def test_a_gateway_pod_that_was_replaced_leaves_its_traffic_unproven(evidence):
    """The snapshot is younger than the logs: the old pod, its address and its log are nobody's."""
    mesh = json.loads((evidence / "mesh.json").read_text())
    for each in mesh["objects"]:
        if each["kind"] == "Pod" and each["metadata"]["name"].startswith("egressgateway-"):
            each["status"]["podIP"] = "127.0.9.9"
            each["status"]["podIPs"] = [{"ip": "127.0.9.9"}]
            each["metadata"]["name"] = "egressgateway-new"
    (evidence / "mesh.json").write_text(json.dumps(mesh))
    _, document = audited(evidence, "--policy", POLICY)
    assert not [each for each in document["flows"] if each["outcome"] == "PASS" and each["path"] == "via-gateway"]
    assert "EA309" in codes(document)


def test_a_window_before_the_logs_is_no_pass(evidence):
    code, document = audited(
        evidence, "--policy", POLICY, "--since", "2026-01-01T00:00:00Z", "--until", "2026-01-01T01:00:00Z"
    )
    assert code == 3
    assert {"EA308", "EA311"} <= set(codes(document))
    assert document["flows"] == []


def test_a_policy_that_fits_nothing_judges_everything_by_its_default(evidence, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "apiVersion: egressaudit.io/v1alpha1\nkind: EgressPolicy\nmetadata: {name: none}\n"
        "spec:\n  rules: []\n  default: deny\n"
    )
    code, document = audited(evidence, "--policy", policy)
    assert code == 10
    assert {each["outcome"] for each in document["flows"]} <= {"FAIL", "INCONCLUSIVE", None}


# ------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 2, "nowhere does not exist"),
        ([SAMPLE / "curl"], 2, "snapshot"),
        ([SAMPLE, "--policy", "nowhere.yaml"], 2, "nowhere.yaml"),
        ([SAMPLE, "--since", "yesterday"], 2, "yesterday"),
        ([SAMPLE, "--since", "2026-01-02T00:00:00"], 2, "time zone"),
        ([SAMPLE, "--since", "1h", "--until", "2h"], 2, "--until"),
        ([SAMPLE, "-A"], 2, "live"),
        ([SAMPLE, "--fail-coverage-below", "120%"], 2, "120%"),
        ([SAMPLE / "mesh.json", "--mesh", SAMPLE / "policy.yaml"], 1, "policy.yaml"),
        ([SAMPLES / "istio-apis", "-o", "csv"], 2, "window"),
    ],
)
def test_bad_input_is_said_and_nothing_is_judged(arguments, code, said):
    done = run("audit", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_manifest_is_said(evidence):
    (evidence / "collection.json").write_text("{}")
    done = run("audit", evidence)
    assert done.returncode == 1
    assert "collection.json" in done.stderr


def test_a_full_disk_is_said(evidence, tmp_path):
    """A memory limit that is too small and a folder that takes nothing: the join has nowhere to go."""
    done = run("audit", evidence, "--policy", POLICY, "--memory-limit", "16MB")
    assert done.returncode == 1
    assert "no audit was performed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_saved_run_can_be_audited_as_a_window():
    code, document = audited(SAMPLES / "istio-apis", "--policy", POLICY, "--fail-coverage-below", "0")
    assert [(each["path"], each["outcome"]) for each in document["flows"]] == [("via-gateway", "PASS")]
    assert code in (0, 3)
