"""Folders of logs that a test may damage: a copy of what a scenario of the lab wrote, and files of a few lines.

`SampleFolder(tmp_path, "istio-apis")` is such a copy; `.gateway` is its gateway's log, `.audit()` the report on it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from egressaudit.mesh import Mesh
from egressaudit.model import AuditReport
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from support.tools import SAMPLES


class SampleFolder:
    """A copy of a scenario's logs, an audit of it, and what a test may do to it."""

    def __init__(self, to: Path, scenario: str) -> None:
        self.path = Path(shutil.copytree(SAMPLES / scenario, to / scenario))

    def log(self, namespace: str) -> Path:
        """The log of the one proxy of a namespace."""
        (log,) = (self.path / namespace).glob("*/istio-proxy.log")
        return log

    @property
    def gateway(self) -> Path:
        return self.log("egress-gateway")

    @property
    def sidecar(self) -> Path:
        return self.log("curl")

    def change_each(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the objects of the snapshot."""

        def of_all(document: dict[str, Any]) -> None:
            for each in document["objects"]:
                change(each)

        in_json(self.path, "mesh.json", of_all)

    def audit(self, **settings: Any) -> AuditReport:
        """The report on all of it, without what `collection.json` says."""
        return audit_window((str(self.path),), mesh_of(self.path), AuditSettings(**settings))


def mesh_of(folder: Path) -> Mesh:
    """The snapshot of a folder."""
    return Mesh.from_json(json.loads((folder / "mesh.json").read_text("utf-8")))


def in_json(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change a JSON document of a folder."""
    document = json.loads((folder / name).read_text("utf-8"))
    change(document)
    (folder / name).write_text(json.dumps(document), "utf-8")


def gateway_log(folder: Path) -> Path:
    """The log of the gateway of Istio's APIs, where a namespace has other proxies too."""
    return next((folder / "egress-gateway").glob("egressgateway-*/istio-proxy.log"))


def written(file: Path, *lines: str) -> Path:
    """A file of these lines; its folders are made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return file
