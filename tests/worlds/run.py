"""Runs the judge on a folder: the only place that knows how. By its command line's own function, in this process."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Group:
    """Flows that the judge counts together. `outcome` is '' where it does not judge them."""

    namespace: str
    workload: str
    host: str
    port: int
    path: str
    reason: str
    outcome: str
    flows: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A finding, with the lines that it shows as `(log, number)`."""

    code: str
    outcome: str
    subject: str
    message: str
    group: Group | None
    lines: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Judgement:
    """What the judge made of a folder."""

    exit_code: int
    groups: list[Group] = field(default_factory=list)
    findings: list[Said] = field(default_factory=list)
    text: str = ""
    """All that it said, for words that must be in it."""


def audit(folder: Path, *more: str) -> Judgement:
    """The audit of a window's folder, by its `policy.yaml` where there is one."""
    policy = ["--policy", str(folder / "policy.yaml")] if (folder / "policy.yaml").exists() else []
    code, text, document = _run(["audit", str(folder), *policy, *more], folder)
    judged = Judgement(code, text=text)
    for each in (document or {}).get("flows", []):
        judged.groups.append(_group(each))
    for each in (document or {}).get("findings", []):
        flow = each.get("flow")
        shown = tuple((line["source"], int(line["line"])) for line in each.get("evidence", ()))
        judged.findings.append(
            Said(
                each["code"],
                each["outcome"] or "",
                each["subject"],
                each["message"],
                _group(flow) if flow else None,
                shown,
            )
        )
    return judged


def verify(folder: Path) -> Judgement:
    """The judgement of a saved run of `verify`; each verdict is a group of one flow."""
    code, text, document = _run(["verify", "--replay", str(folder)], folder)
    judged = Judgement(code, text=text)
    for each in (document or {}).get("verdicts", []):
        judged.groups.append(_verdict(each))
    return judged


def _verdict(said: dict[str, Any]) -> Group:
    source = said["source"]
    return Group(
        source["namespace"],
        source["pod"],
        said["host"],
        said["port"],
        said["path_seen"],
        said["reason"],
        said["outcome"],
        1,
        (),
    )


def _group(said: dict[str, Any]) -> Group:
    return Group(
        said["namespace"], said["workload"], said["host"], said["port"] or 0, said["path"], said["reason"],
        said["outcome"] or "", said["flows"], tuple(said["server_names"]),
    )  # fmt: skip


def _run(arguments: list[str], folder: Path) -> tuple[int, str, dict[str, Any] | None]:
    from egressaudit.cli.commands import cli
    from egressaudit.errors import EgressAuditError

    report = folder.parent / f"{folder.name}.report.json"
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = int(
                cli.main(args=[*arguments, "-o", f"json={report}"], prog_name="egressaudit", standalone_mode=False) or 0
            )
    except EgressAuditError as error:
        return int(error.exit_code), f"{error.message} {error.hint}", None
    text = report.read_text()
    report.unlink()
    return code, said.getvalue() + text, json.loads(text)
