"""The audit of a folder of logs gives each code that logs and a snapshot can give."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from support.folders import SampleFolder

from egressaudit.findings import controls
from egressaudit.model import Outcome


def nothing(_):
    pass


def append(line):
    def change(folder):
        with folder.gateway.open("a") as log:
            log.write(line)

    return change


def rename_the_pod(folder):
    folder.sidecar.parent.rename(folder.sidecar.parent.with_name("curl-gone"))


def add_a_cut_archive(folder):
    packed = gzip.compress(folder.sidecar.read_bytes() * 50, mtime=0)
    folder.gateway.with_name("istio-proxy.log.20261123-014545.gz").write_bytes(packed[: len(packed) // 2])


def add_a_pod_without_sidecar(folder):
    file = folder.path / "mesh.json"
    document = json.loads(file.read_text("utf-8"))
    pods = [each for each in document["objects"] if each["kind"] == "Pod" and each["metadata"]["namespace"] == "curl"]
    alone = json.loads(json.dumps(pods[0]))
    alone["metadata"] |= {"name": "alone", "annotations": {}, "labels": {"sidecar.istio.io/inject": "false"}}
    alone["spec"] = {"containers": [{"name": "curl"}]}
    alone["status"] = {"phase": "Running", "podIPs": [{"ip": "192.0.2.9"}]}
    document["objects"].append(alone)
    file.write_text(json.dumps(document), "utf-8")


FORGED = (
    '[2026-11-23T01:45:45.250Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 5 2 1 "-" "x" "id" "docs.redhat.com" '
    '"203.0.113.7:80" outbound|80||docs.redhat.com" "-" "h" "203.0.113.7:80" outbound|80||docs.redhat.com '
    "10.0.0.1:1 10.0.0.2:2 10.0.0.3:3 - -\n"
)
LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)
EARLIER = {"start": LONG_AGO, "end": LONG_AGO + timedelta(hours=1)}

# What is found, the scenario, what is done to its folder, how it is audited. Beside them: istio-apis as it is, below.
FOLDERS = [
    ("EA101", "mesh-gateway-missing", nothing, {}),
    ("EA405", "mesh-gateway-missing", nothing, {}),
    ("EA201", "istio-apis", lambda folder: folder.sidecar.unlink(), {}),
    ("EA301", "istio-apis", lambda folder: folder.gateway.unlink(), {}),
    ("EA303", "istio-apis", lambda folder: folder.gateway.write_text(""), {}),
    ("EA302", "istio-apis", lambda folder: folder.gateway.write_text(""), {}),
    ("EA304", "istio-apis", append(FORGED), {}),
    ("EA305", "istio-apis", append("[2026-11-23T01:45:45.250Z] what is this\n"), {}),
    ("EA306", "istio-apis", add_a_pod_without_sidecar, {}),
    ("EA307", "logging-off", nothing, {}),
    ("EA308", "istio-apis", lambda folder: folder.gateway.write_text(""), {"fail_below": 0.95}),
    ("EA309", "istio-apis", rename_the_pod, {}),
    ("EA310", "gateway-down", nothing, {}),
    ("EA311", "istio-apis", nothing, EARLIER),
    ("EA312", "istio-apis", add_a_cut_archive, {}),
    ("EA406", "no-service-entry", nothing, {}),
]


@pytest.mark.parametrize(("code", "scenario", "change", "settings"), FOLDERS, ids=[row[0] for row in FOLDERS])
def test_an_audit_of_a_folder_finds_it_and_is_no_pass_where_the_code_says_so(
    code, scenario, change, settings, tmp_path
):
    folder = SampleFolder(tmp_path, scenario)
    change(folder)
    report = folder.audit(**settings)
    given = [each for each in report.findings if each.code == code]
    assert given
    assert {each.outcome for each in given} <= set(controls()[code].outcomes)
    if None not in controls()[code].outcomes:
        assert report.outcome is not Outcome.PASS


def test_the_folder_as_it_was_passes_without_a_finding(tmp_path):
    report = SampleFolder(tmp_path, "istio-apis").audit()
    assert (report.outcome, report.findings) == (Outcome.PASS, ())
