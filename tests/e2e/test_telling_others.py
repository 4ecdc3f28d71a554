"""A live audit in the lab that tells others: reports in the cluster, a webhook, metrics and SARIF, all of one run."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sarif_kit.validate import validation_errors

TOOL = str(Path(sys.executable).parent / "egressaudit")
pytestmark = pytest.mark.e2e


class Heard:
    """A webhook, and what it was told."""

    def __init__(self) -> None:
        heard = self.bodies = []  # type: list[Any]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/services/secret"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what was written, published and told; a bypass was sent before."""
    folder, heard = tmp_path_factory.mktemp("telling"), Heard()
    audit = f"{TOOL} audit -A --since 10m -q -o text=/dev/null"
    script = [
        f"cd {shlex.quote(str(folder))}",
        f"{TOOL} verify --host docs.redhat.com --from deploy/curl -n curl -q >/dev/null",
        f"EGRESSAUDIT_NOTIFY_URL={heard.url} {audit} --publish -o prometheus=a.prom -o sarif=a.sarif",
        "echo $? >code",
        "kubectl get reports.openreports.io,clusterreports.openreports.io -A -o json >published",
        f"{audit} --publish; echo $? >again",
        "kubectl get reports.openreports.io,clusterreports.openreports.io -A -o name >names",
    ]
    (folder / "script").write_text("\n".join(script))
    thread = threading.Thread(target=heard.server.serve_forever)
    thread.start()
    try:
        lab = [TOOL, "lab", "run", "--scenario", "mesh-gateway-missing", "--", "bash", str(folder / "script")]
        done = subprocess.run(lab, check=False, capture_output=True, text=True, timeout=240)
    finally:
        heard.server.shutdown()
        heard.server.server_close()
        thread.join()
    assert "Traceback" not in done.stderr, done.stderr
    assert "secret" not in done.stdout + done.stderr
    (folder / "told").write_text(json.dumps(heard.bodies))
    return folder


def test_the_namespace_and_the_cluster_have_the_bypass(ran: Path) -> None:
    items = {each["kind"]: each for each in json.loads((ran / "published").read_text())["items"]}
    [violation] = [each for each in items["Report"]["results"] if each["result"] == "fail"]
    assert items["Report"]["metadata"]["namespace"] == "curl"
    assert (violation["rule"], violation["resources"][0]["name"]) == ("EA101-direct", "curl")
    assert items["ClusterReport"]["results"][0]["result"] == "fail"
    assert (ran / "names").read_text().splitlines() == [
        "report.openreports.io/egressaudit",
        "clusterreport.openreports.io/egressaudit",
    ]


def test_the_webhook_the_metrics_and_sarif_say_the_same(ran: Path) -> None:
    assert [(ran / each).read_text() for each in ("code", "again")] == ["10\n", "10\n"]
    [told] = json.loads((ran / "told").read_text())
    assert told["text"].startswith("egressaudit: FAIL: 1 violation, 0 unproven")
    samples = {
        (each.name, tuple(sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families((ran / "a.prom").read_text())
        for each in family.samples
    }
    assert samples["egressaudit_outcome", (("outcome", "FAIL"),)] == 1
    log = json.loads((ran / "a.sarif").read_text())
    assert validation_errors(log) == []
    assert [each["ruleId"] for each in log["runs"][0]["results"] if each["kind"] == "fail"] == ["EA101"]
