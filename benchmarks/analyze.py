"""The analysis of a large mesh: its seconds and its memory.

    python benchmarks/analyze.py [--pods 5000] [--entries 1000] [--services 300] [--rounds 3] [--keep FOLDER]

The mesh has 100 namespaces: a third have a Sidecar, some have Telemetry or a DestinationRule of their own, a fifth are
in ambient mode. Two egress gateways carry the hosts that VirtualServices name, a waypoint carries others, most hosts
have no declared way. One VirtualService in ten has a fault. It is drawn from a seed: the same call writes the same
snapshot. The command runs in a process of its own, as JSON to a file and as text, and its peak memory is taken. Aims:
10 seconds and 500 MB.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.mesh import READ, deployed, egress_gateway, entry, obj, pod, route, sidecar

from egressaudit.evidence.mesh_file import save_snapshot
from egressaudit.mesh import Mesh

NAMESPACES = 100
CONFIG = """
accessLogFile: /dev/stdout
outboundTrafficPolicy: {mode: ALLOW_ANY}
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is in the mesh."""

    pods: int
    entries: int
    services: int
    """VirtualServices."""


def mesh_of(size: Size, seed: int = 1) -> Mesh:
    """A mesh of this size."""
    rng = random.Random(seed)
    objects = [*_basis(), *_pods(size.pods), *_hosts(size, rng)]
    for second, each in enumerate(objects):
        # As a server has it. Without, what the order of two rules decides has to be worked out either way.
        made = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=second)
        each["metadata"]["creationTimestamp"] = f"{made:%Y-%m-%dT%H:%M:%SZ}"
    return Mesh.of(objects, READ)


def _basis() -> Iterator[dict[str, Any]]:
    yield obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": CONFIG})
    for number in range(NAMESPACES):
        labels = {"istio.io/dataplane-mode": "ambient"} if number % 5 == 4 else {"istio-injection": "enabled"}
        yield obj("Namespace", f"ns-{number}", "v1", labels=labels)
        if number % 3 == 0:
            hosts = ["./*", "egress/*", "istio-system/*", "shared/*"]
            yield obj("Sidecar", f"ns-{number}/default", spec={"egress": [{"hosts": hosts}]})
        if number % 20 == 7:
            off = {"accessLogging": [{"disabled": number % 40 == 7}]}
            yield obj("Telemetry", f"ns-{number}/own", "telemetry.istio.io/v1", spec=off)
        if number % 10 == 1:
            yield obj("DestinationRule", f"ns-{number}/own", spec={"host": "cart", "subsets": [{"name": "v1"}]})
    for number, name in enumerate(("gw", "other")):
        *proxies, service = egress_gateway(name, f"10.8.0.{number}", f"10.96.0.{number}")
        service["spec"]["ports"] = [{"port": 80, "targetPort": 80}, {"port": 443, "targetPort": 443}]
        yield from (*proxies, service)
        servers = [
            {"port": {"number": port, "name": f"p{port}", "protocol": protocol}, "hosts": ["*"]}
            for port, protocol in ((80, "HTTP"), (443, "TLS"))
        ]
        yield obj("Gateway", f"egress/{name}", spec={"selector": {"istio": name}, "servers": servers})
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE", "allowedRoutes": {"namespaces": {"from": "All"}}}
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    yield obj("Gateway", "egress/waypoint", "gateway.networking.k8s.io/v1", spec=spec)
    marks = {
        "gateway.networking.k8s.io/gateway-name": "waypoint",
        "gateway.istio.io/managed": "istio.io-mesh-controller",
    }
    yield from deployed("egress/waypoint", "10.8.0.9", labels=marks)
    yield obj("DaemonSet", "istio-system/ztunnel", "apps/v1", spec={"template": {}})
    owner = {"owner": "DaemonSet/ztunnel", "labels": {"app": "ztunnel"}}
    yield pod("istio-system/ztunnel-1", "10.8.0.10", "istio-proxy", **owner)


def _pods(count: int) -> Iterator[dict[str, Any]]:
    """Workloads of four pods, spread over the namespaces."""
    for number in range(count):
        workload, ordinal = divmod(number, 4)
        place, name = workload % NAMESPACES, f"w{workload // NAMESPACES}-{ordinal}"
        address = f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}"
        made = sidecar(f"ns-{place}/{name}", address, labels={"app": f"w{workload // NAMESPACES}"})
        if place % 5 == 4:
            made["metadata"]["annotations"] = {"ambient.istio.io/redirection": "enabled"}
            made["spec"]["containers"] = made["spec"]["containers"][:1]
        yield made


def _hosts(size: Size, rng: random.Random) -> Iterator[dict[str, Any]]:
    """ServiceEntries, of which the first have a VirtualService."""
    for number in range(size.entries):
        host, place = f"h{number}.example.com", rng.randrange(NAMESPACES)
        tls = number % 2 == 1
        labels = {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "egress"}
        asking = {"labels": labels} if number >= size.services and number % 7 == 0 else {}
        only = {"exportTo": [".", "egress"]} if number % 11 == 3 else {}
        port, protocol = (443, "TLS") if tls else (80, "HTTP")
        yield entry(f"ns-{place}/h{number}", host, port=port, protocol=protocol, **asking, **only)
        if number < size.services:
            rule = route(f"egress/h{number}", host, port=port, kind="tls" if tls else "http")
            if number % 10 == 0:
                rule["spec"]["gateways"] = ["egress/gw"]
            elif number % 10 == 5:
                rule["spec"]["exportTo"] = [f"ns-{place}"]
            yield rule


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command."""

    seconds: float
    processor: float
    """Seconds of processor time."""
    memory: int
    """Most bytes that the process had resident."""


def measured(snapshot: Path, output: str) -> Run:
    """Run the command on a snapshot, its report to nowhere. RuntimeError if it says that nothing was analyzed."""
    command = [sys.executable, "-m", "egressaudit", "analyze", "-q", "--mesh", str(snapshot), "-o", output]
    started = time.monotonic()
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen(command, stdout=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode in (1, 2):
        raise RuntimeError(f"it ended with {process.returncode}")
    seconds = time.monotonic() - started
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def main() -> int:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--entries", type=int, default=1000, help="ServiceEntries")
    parser.add_argument("--services", type=int, default=300, help="VirtualServices")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="keep the snapshot in this folder")
    options = parser.parse_args()
    size = Size(options.pods, options.entries, options.services)
    with tempfile.TemporaryDirectory() as temporary:
        snapshot = (options.keep or Path(temporary)) / "mesh.json"
        save_snapshot(mesh_of(size).to_json(), snapshot)
        print(f"{size}, {snapshot.stat().st_size / 1e6:.1f} MB")
        for output in ("json", "text"):
            runs = [measured(snapshot, output) for _ in range(options.rounds)]
            times = ", ".join(f"{each.seconds:.1f} ({each.processor:.1f})" for each in runs)
            print(f"{output}: {times} s (of the processor); {max(each.memory for each in runs) / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
