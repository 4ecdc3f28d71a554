"""Wall time of `egressaudit verify` against the same steps by hand, in one run on one lab, as a ratio.

By hand is what people do today: `kubectl exec` curl, then `kubectl logs` of the gateway until the request's line is
there, then `kubectl logs` of the sidecar. Both have to wait for Envoy to flush its access log (once a second, as
Istio sets it), so each is measured several times, taking turns. Then `verify` of twenty hosts against one of them.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

BIN = Path(sys.executable).parent
TOOL, KUBECTL = str(BIN / "egressaudit"), str(BIN / "kubectl")
ROUNDS = int(os.environ.get("EGRESSAUDIT_ROUNDS", "15"))
URL = "http://docs.redhat.com/"
HOSTS = ("docs.redhat.com", *(f"host-{number}.example.com" for number in range(1, 20)))
SCENARIO = Path(__file__).parent.parent / "egressaudit_lab" / "scenarios" / "istio-apis"


def by_hand() -> None:
    """Exec, then read both logs until the marker is in them."""
    marker = uuid.uuid4().hex
    curl = ["curl", "-sS", "-o", "/dev/null", "-A", marker, "-w", "%{http_code}", URL]
    subprocess.run(
        [KUBECTL, "exec", "-n", "curl", "deploy/curl", "-c", "curl", "--", *curl], check=True, capture_output=True
    )
    for namespace, workload in (("egress-gateway", "deploy/egressgateway"), ("curl", "deploy/curl")):
        logs = [KUBECTL, "logs", "-n", namespace, workload, "-c", "istio-proxy", "--tail", "20"]
        while marker.encode() not in subprocess.run(logs, check=True, capture_output=True).stdout:
            time.sleep(0.1)


def by_tool(hosts: int = 1) -> None:
    """One verify of so many hosts; it must PASS, or the time means nothing."""
    asked = [option for host in HOSTS[:hosts] for option in ("--host", host)]
    subprocess.run(
        [TOOL, "verify", *asked, "--from", "deploy/curl", "-n", "curl", "-q"], check=True, capture_output=True
    )


def timed(work: Callable[[], None]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def written(folder: Path) -> Path:
    """The scenario `istio-apis` in a folder, with each object and route of its one host for each of HOSTS."""
    shutil.copytree(SCENARIO, folder)
    lab = yaml.safe_load((folder / "lab.yaml").read_text("utf-8"))
    for part in (lab, lab["sidecars"], *lab["proxies"]):
        key = "hosts" if part is lab else "routes"
        part[key] = [_renamed(each, host) for host in HOSTS for each in part[key]]
    (folder / "lab.yaml").write_text(yaml.safe_dump(lab), "utf-8")
    made = list(yaml.safe_load_all((folder / "applied.yaml").read_text("utf-8")))
    shared = [each for each in made if each["kind"] in ("Gateway", "DestinationRule")]
    for each in shared:
        for server in each["spec"].get("servers", ()):
            server["hosts"] = list(HOSTS)
    own = [each for each in made if each not in shared]
    for number, host in enumerate(HOSTS):
        for each in own:
            named = _renamed(each, host)
            shared.append({**named, "metadata": {**named["metadata"], "name": f"{named['metadata']['name']}-{number}"}})
    (folder / "applied.yaml").write_text(yaml.safe_dump_all(shared), "utf-8")
    return folder


def _renamed(part: Any, host: str) -> Any:
    return json.loads(json.dumps(part).replace(HOSTS[0], host))


def report(name: str, seconds: list[float]) -> None:
    """One line on what was measured."""
    print(f"{name:9} median {statistics.median(seconds):.2f} s  (min {min(seconds):.2f}, max {max(seconds):.2f})")


def main() -> int:
    """Start a lab around this script, then measure."""
    if "EGRESSAUDIT_BENCH" not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            inner = ["env", "EGRESSAUDIT_BENCH=1", sys.executable, __file__]
            scenario = str(written(Path(folder) / "many-hosts"))
            return subprocess.run([TOOL, "lab", "run", "--scenario", scenario, "--", *inner], check=False).returncode
    works = {"by hand": by_hand, "verify": by_tool, f"{len(HOSTS)} hosts": lambda: by_tool(len(HOSTS))}
    for work in works.values():
        work()
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            taken[name].append(timed(work))
    for name, seconds in taken.items():
        report(name, seconds)
    hand, one, many = (statistics.median(seconds) for seconds in taken.values())
    print(f"one host by tool to by hand  {one / hand:.2f}  (aim: at most 1.2)")
    print(
        f"{len(HOSTS)} hosts to one            {many / one:.2f}  (aim: at most 2; {ROUNDS} rounds each, taking turns)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
