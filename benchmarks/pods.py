"""The audit of a large mesh with few lines in each log, and `verify --replay` of many probes in it.

    python benchmarks/pods.py [--pods 5300] [--every 1] [--probes 200] [--rounds 3] [--keep FOLDER]

The mesh is that of `benchmarks/analyze.py`. Each sidecar's log has an internal request, one that a gateway carried, and
a line of the agent. Of every `--every`th pod one request left around the gateway, one passed through unknown, and as
much is in ztunnel's log: with 1, nearly all that the audit sees is wrong. So nearly all of the time is spent on pods,
logs and groups of flows, and little on lines. The replayed run has probes from as many pods, half of them carried by
the gateway. The commands run in processes of their own, whose processor time and peak memory are taken. Aim: 10 seconds
for 5,300 pods.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from analyze import Size, mesh_of
from support.lines import at_gw, request, straight, to_gw

from egressaudit.evidence.mesh_file import save_snapshot
from egressaudit.evidence.saved_run import save
from egressaudit.mesh import Mesh
from egressaudit.model import (
    Capture,
    CurlResult,
    DataplaneMode,
    LogLine,
    LogSource,
    Pod,
    Probe,
    Scheme,
    Target,
)  # fmt: skip

GATEWAY, GATEWAY_LOG = "10.8.0.0", LogSource("egress", "gw-1", "istio-proxy")
ZTUNNEL = LogSource("istio-system", "ztunnel-1", "istio-proxy")
CARRIED, STRAIGHT = "h2.example.com", "h400.example.com"
"""A host that a VirtualService leads to the gateway, and one without a declared way."""
DAY = datetime(2026, 11, 7, 14, tzinfo=UTC)

Written = tuple[LogSource, str]


def lines_of(pods: tuple[Pod, ...], every: int) -> Iterator[Written]:
    """The lines of all pods, each with its log; the gateway's as well."""
    for number, pod in enumerate(pods):
        moment = f"{(DAY + timedelta(milliseconds=100 * number)):%H:%M:%S.%f}"[:-3]
        wrong = number % every == 0
        if pod.mode is DataplaneMode.AMBIENT and wrong:
            yield from _ambient(pod, moment)
        elif pod.mode is DataplaneMode.SIDECAR and pod.ref.namespace.startswith("ns-"):
            yield from _sidecar(pod, moment, number, wrong=wrong)


def _sidecar(pod: Pod, moment: str, number: int, *, wrong: bool) -> Iterator[Written]:
    log, [address, *_] = LogSource(pod.ref.namespace, pod.ref.name, "istio-proxy"), pod.addresses
    yield log, f"2026-11-07T{moment}000Z\tinfo\txdsproxy\tconnected to delta upstream XDS server: istiod:15012"
    inside = {"upstream": f"{address}:8080", "cluster": "outbound|80||cart.ns-1.svc.cluster.local"}
    yield log, request(moment, own=f"{address}:51000", dialled="10.96.7.7:80", came=f"{address}:41000", **inside)
    yield from carried(pod, moment, "r1")
    if not wrong:
        return
    out = {"cluster": f"outbound|80||{STRAIGHT}", "authority": STRAIGHT, "upstream": f"203.0.113.{number % 200}:80"}
    yield log, straight(moment, pod=address, **out)
    unknown = {"cluster": "PassthroughCluster", "authority": f"u{number % 50}.example.net", "route": "allow_any"}
    yield log, straight(moment, pod=address, port=50002, **unknown)


def carried(pod: Pod, moment: str, nonce: str) -> Iterator[Written]:
    """Both lines of a request that the gateway carried."""
    log, [address, *_] = LogSource(pod.ref.namespace, pod.ref.name, "istio-proxy"), pod.addresses
    host = {"authority": CARRIED, "id": nonce}
    ways = {"upstream": f"{GATEWAY}:80", "own": f"{address}:50000", "came": f"{address}:40000"}
    yield log, to_gw(moment, **ways, **host)
    arrived = {"own": f"{GATEWAY}:60000", "dialled": f"{GATEWAY}:80", "came": f"{address}:50000"}
    yield GATEWAY_LOG, at_gw(moment, cluster=f"outbound|80||{CARRIED}", **arrived, **host)


def _ambient(pod: Pod, moment: str) -> Iterator[Written]:
    for port in (40001, 40002):
        said = {
            "src.addr": f"{pod.addresses[0]}:{port}", "src.workload": pod.ref.name, "src.namespace": pod.ref.namespace,
            "dst.addr": "203.0.113.9:80", "dst.service": STRAIGHT, "direction": "outbound", "bytes_sent": 10,
            "bytes_recv": 20, "duration": "5ms",
        }  # fmt: skip
        words = " ".join(f'{key}="{value}"' if "." in key else f"{key}={value}" for key, value in said.items())
        yield ZTUNNEL, f"2026-11-07T{moment}000Z\tinfo\taccess\tconnection complete\t{words}"


def write_window(mesh: Mesh, folder: Path, every: int) -> int:
    """The logs and the snapshot of a window; the number of logs."""
    logs: defaultdict[LogSource, list[str]] = defaultdict(list)
    for log, text in lines_of(mesh.pods, every):
        logs[log].append(text)
    for log, texts in logs.items():
        file = folder / f"{log}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{text}\n" for text in texts))
    save_snapshot(mesh.to_json(), folder / "mesh.json")
    return len(logs)


def write_run(mesh: Mesh, folder: Path, count: int) -> None:
    """A saved run of as many probes, each from a pod of its own; every second one is in the logs."""
    senders = [each for each in mesh.pods if each.mode is DataplaneMode.SIDECAR and each.ref.namespace != "egress"]
    probes, lines = [], []
    for number, pod in enumerate(senders[:: max(1, len(senders) // count)][:count]):
        moment, address = DAY + timedelta(seconds=number), pod.addresses[0]
        nonce = f"{number:016x}"
        own, vip = f"{address}:40000", "240.240.0.1:80"
        result = CurlResult(0, http_code=200, local_address=own, remote_address=vip, connected=True)
        target = Target(host=CARRIED, port=80, scheme=Scheme.HTTP, path="/")
        sent = {"started": moment, "ended": moment + timedelta(seconds=1)}
        probes.append(Probe(nonce, target, pod.ref, "app", **sent, result=result))
        if number % 2 == 0:
            lines += list(carried(pod, f"{moment:%H:%M:%S}.000", nonce))
    numbers: defaultdict[LogSource, int] = defaultdict(int)
    told = []
    for log, text in lines:
        numbers[log] += 1
        told.append(LogLine(log, numbers[log], text))
    sources = {each.source for each in told} | {
        LogSource(each.source.namespace, each.source.name, "istio-proxy") for each in probes
    }
    save(Capture(mesh.to_json(), None, tuple(probes), tuple(told), sources=tuple(sorted(sources))), folder)


def measured(*arguments: str) -> str:
    """A command, its JSON to nowhere: seconds, processor time, memory. RuntimeError if it judged nothing."""
    started = time.monotonic()
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen([sys.executable, "-m", "egressaudit", *arguments, "-o", "json"], stdout=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode in (1, 2):
        raise RuntimeError(f"it ended with {process.returncode}")
    seconds, processor = time.monotonic() - started, usage.ru_utime + usage.ru_stime
    return f"{seconds:.1f} s ({processor:.1f} s of the processor), {usage.ru_maxrss * 1024 / 1e6:.0f} MB"


def main() -> int:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=5300)
    parser.add_argument("--every", type=int, default=1, help="one pod in so many sends something wrong")
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="keep the evidence in this folder, which must be new")
    options = parser.parse_args()
    mesh = mesh_of(Size(options.pods, 1000, 300))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        window, run = folder / "window", folder / "run"
        window.mkdir(parents=True)
        print(f"{options.pods} pods, {write_window(mesh, window, options.every)} logs")
        write_run(mesh, run, options.probes)
        for _ in range(options.rounds):
            print("audit:", measured("audit", "-q", str(window), "--since", "2026-11-07T13:00:00Z"))
            print("verify --replay:", measured("verify", "--replay", str(run)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
