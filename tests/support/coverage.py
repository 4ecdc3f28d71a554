"""Small folders for the tests of coverage, each with one thing wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.model import AuditReport, Outcome
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings

DAY = datetime(2026, 11, 7, tzinfo=UTC)


READ = [each.name for each in RESOURCES if each.only is None]


def at(clock: str) -> datetime:
    hours, minutes = clock.split(":")[:2]
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


LINE = (
    '[2026-11-07T{clock}Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 46 {duration} 18 "-" "curl/8" "r" '
    '"docs.redhat.com" "10.0.0.2:8080" inbound|8080|| 127.0.0.6:40000 10.0.0.2:8080 10.0.0.1:3333 - -'
)


def found(report: AuditReport, code: str) -> list[tuple[str, Outcome | None]]:
    return [(each.message, each.outcome) for each in report.findings if each.code == code]


def plain(tmp_path: Path, files: Mapping[str, Iterable[str]], run: Mapping[str, Any] | None = None) -> AuditReport:
    """One sidecar with an outbound line at each of these times (`HH:MM:SS`), by file name; the window is 14 to 15."""
    folder = tmp_path / "shop" / "shop-1"
    folder.mkdir(parents=True)
    for name, clocks in files.items():
        line = LINE.replace("inbound|8080||", "outbound|8080||a.shop.svc.cluster.local")
        (folder / name).write_text("".join(line.format(clock=f"{each}.000", duration=0) + "\n" for each in clocks))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "shop", "name": "shop-1", "annotations": {"sidecar.istio.io/status": "{}"}},
        "spec": {"containers": [{"name": "app"}, {"name": "istio-proxy"}]},
        "status": {"podIPs": [{"ip": "10.0.0.2"}], "containerStatuses": [{"name": "istio-proxy", **(run or {})}]},
    }
    settings = AuditSettings(start=at("14:00"), end=at("15:00"))
    return audit_window((str(tmp_path),), Mesh.of([pod], READ), settings)
