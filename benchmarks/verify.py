"""Wall time of `egressaudit verify` against the same steps by hand, in one run on one lab, as a ratio.

By hand is what people do today: `kubectl exec` curl, then `kubectl logs` of the gateway until the request's line is
there, then `kubectl logs` of the sidecar. Both have to wait for Envoy to flush its access log (once a second, as
Istio sets it), so each is measured several times, taking turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path

BIN = Path(sys.executable).parent
TOOL, KUBECTL = str(BIN / "egressaudit"), str(BIN / "kubectl")
ROUNDS = 15
URL = "http://docs.redhat.com/"


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


def by_tool() -> None:
    """One verify; it must PASS, or the time means nothing."""
    subprocess.run(
        [TOOL, "verify", "--host", "docs.redhat.com", "--from", "deploy/curl", "-n", "curl", "-q"],
        check=True,
        capture_output=True,
    )


def timed(work: object) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


def main() -> int:
    """Start a lab around this script, then measure."""
    if "EGRESSAUDIT_BENCH" not in os.environ:
        inner = ["env", "EGRESSAUDIT_BENCH=1", sys.executable, __file__]
        return subprocess.run([TOOL, "lab", "run", "--", *inner], check=False).returncode
    timed(by_hand), timed(by_tool)
    hand, tool = [], []
    for _ in range(ROUNDS):
        hand.append(timed(by_hand))
        tool.append(timed(by_tool))
    ratio = statistics.median(tool) / statistics.median(hand)
    print(f"by hand   median {statistics.median(hand):.2f} s  (min {min(hand):.2f}, max {max(hand):.2f})")
    print(f"verify    median {statistics.median(tool):.2f} s  (min {min(tool):.2f}, max {max(tool):.2f})")
    print(f"ratio     {ratio:.2f}  (aim: at most 1.2; {ROUNDS} rounds each, taking turns)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
