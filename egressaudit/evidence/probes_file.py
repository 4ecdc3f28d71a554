"""`probes.json`, the one place where it is written and read: what a run of `verify` sent and what it expected.

In: the probes of a run. Out: a file, and the same probes again; whatever else the file holds is an error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path as File
from typing import Any

from egressaudit.addresses import ip_of
from egressaudit.errors import BadLogs
from egressaudit.evidence.saved_files import (
    BYPASS,
    POLICY,
    PROBES,
    PROGRAMMED,
    WrongValue,
    json_text,
    read_json,
    why_incomplete,
)
from egressaudit.model import Capture, CurlResult, LogSource, MatrixCell, ObjectRef, Probe, Scheme, Target
from egressaudit.whole_file import replace_file

SCHEMA_VERSION = 1
EXTRA_FILES = frozenset({POLICY, PROGRAMMED, BYPASS})
"""The files that not every run has."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What `probes.json` holds; the fields are those of `Capture`."""

    expect: str | None
    probes: tuple[Probe, ...]
    notes: tuple[str, ...]
    before: Mapping[LogSource, int]
    saved: Mapping[LogSource, int] | None
    """How many lines of each log were saved, None in a folder that no `verify --save-logs` of this version wrote."""
    cells: tuple[MatrixCell, ...]
    files: tuple[str, ...]
    """Which other files the run wrote that not every run writes; none where the folder does not say."""
    digests: Mapping[str, str] | None
    """SHA-256 of each other file of the folder, by name; None in a folder of an older version."""


def save_probes(capture: Capture, folder: File, digests: Mapping[str, str]) -> None:
    """Write what a run sent and expected, and which files it saved: the last file of the folder. OSError."""
    replace_file(folder / PROBES, json_text({**_document(capture), "sha256": digests}).encode())


def load_probes(folder: File, hint: str) -> Sent:
    """What a run sent and expected; BadLogs, if the file cannot be read with this hint."""
    file = folder / PROBES
    document = read_json(file, hint)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BadLogs(f"{file} has schema_version {version!r}; this version can read {SCHEMA_VERSION}")
    try:
        return Sent(
            probes=probes_of(document["probes"]),
            notes=tuple(str(note) for note in document["notes"]),
            expect=None if document["expect"] is None else _text(document, "expect"),
            before=_counts(document["lines_before"]),
            saved=None if document.get("lines_saved") is None else _counts(document["lines_saved"]),
            # A run of an earlier version asked for one host from one source.
            cells=_cells(document),
            files=_files(document.get("files", ())),
            digests=None if document.get("sha256") is None else _digests(document["sha256"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadLogs(f"{file} is incomplete: {why_incomplete(error)}") from error


def _document(capture: Capture) -> dict[str, object]:
    return {
        "schema_version": SCHEMA_VERSION,
        "expect": capture.expect,
        "notes": list(capture.notes),
        "asked": [_of_cell(cell) for cell in capture.cells],
        "lines_before": {str(source): count for source, count in sorted(capture.before.items())},
        "lines_saved": _saved(capture),
        "files": sorted(extra_files(capture)),
        "probes": [probe_row(each) for each in capture.probes],
    }


def extra_files(capture: Capture) -> frozenset[str]:
    """The files that a run has beside those of every run. Without one of them it would be judged as another run."""
    parts = {POLICY: capture.policy, PROGRAMMED: capture.asked, BYPASS: capture.batteries}
    return frozenset(name for name, part in parts.items() if part)


def probe_row(probe: Probe) -> dict[str, object]:
    """A probe as the file has it."""
    times = {"started": probe.started.isoformat(), "ended": probe.ended.isoformat()}
    return asdict(probe) | {"source": str(probe.source)} | times


def _saved(capture: Capture) -> dict[str, int]:
    counted = Counter(line.source for line in capture.lines)
    return {str(source): counted[source] for source in sorted({*capture.sources, *counted})}


def _counts(document: Mapping[str, object]) -> dict[LogSource, int]:
    return {_source(name): _count(count) for name, count in document.items()}


def _source(name: str) -> LogSource:
    namespace, pod, container = name.split("/")
    return LogSource(namespace, pod, container)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise WrongValue("it holds something other than counts of lines")
    return value


def probes_of(documents: list[Mapping[str, Any]]) -> tuple[Probe, ...]:
    """The probes of their rows. KeyError, TypeError or ValueError if they are none of ours."""
    probes = tuple(_probe(each) for each in documents)
    if len({probe.nonce for probe in probes}) < len(probes):
        raise WrongValue("two probes have the same nonce")
    return probes


def _digests(document: Mapping[str, object]) -> dict[str, str]:
    found = {name: digest.lower() for name, digest in document.items() if isinstance(digest, str)}
    if len(found) < len(document) or not all(re.fullmatch("[0-9a-f]{64}", each) for each in found.values()):
        raise WrongValue("sha256 holds something other than checksums")
    return found


def _files(names: object) -> tuple[str, ...]:
    if not isinstance(names, list | tuple) or not set(map(str, names)) <= EXTRA_FILES:
        raise WrongValue("it names files that no run writes")
    return tuple(names)


def _cells(document: Mapping[str, Any]) -> tuple[MatrixCell, ...]:
    """What was asked. A probe that is not there would leave its cell without a verdict, and the run a PASS."""
    cells = tuple(_cell(each) for each in document.get("asked", ()))
    sent = {each["nonce"] for each in document["probes"]}
    if any(cell.nonce and cell.nonce not in sent for cell in cells):
        raise WrongValue("a probe that was asked for is missing")
    return cells


def _of_cell(cell: MatrixCell) -> dict[str, object]:
    return {**asdict(cell), "pod": None if cell.pod is None else str(cell.pod)}


def _cell(document: Mapping[str, Any]) -> MatrixCell:
    if type(document["counts"]) is not bool:
        raise WrongValue("asked.counts is not true or false")
    target, pod, nonce = document["target"], document["pod"], _text(document, "nonce")
    return MatrixCell(
        host=_text(document, "host"),
        source=_text(document, "source"),
        target=None if target is None else _target(target),
        pod=None if pod is None else _ref(_text(document, "pod")),
        rule=_text(document, "rule"),
        nonce=_nonce(nonce) if nonce else "",
        reason=_text(document, "reason"),
        counts=document["counts"],
    )


def _ref(text: str) -> ObjectRef:
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name):
        raise WrongValue("source is not namespace/name")
    return ObjectRef(namespace, name)


def _target(target: Mapping[str, Any]) -> Target:
    port = target["port"]
    if type(port) is not int or not 0 < port < 65536:
        raise WrongValue("target.port is not a port")
    host, scheme, path = (_text(target, key) for key in ("host", "scheme", "path"))
    return Target(host=host, port=port, scheme=Scheme(scheme), path=path)


def _probe(document: Mapping[str, Any]) -> Probe:
    result = document["result"]
    started, ended = _time(document, "started"), _time(document, "ended")
    return Probe(
        nonce=_nonce(document["nonce"]),
        target=_target(document["target"]),
        source=_ref(_text(document, "source")),
        container=_text(document, "container"),
        started=started,
        ended=ended,
        result=CurlResult(**{name: _of_curl(result, name, kind) for name, kind in _CURL.items()}),
        redirected_from=None if document["redirected_from"] is None else _nonce(document["redirected_from"]),
    )


_CURL: Mapping[str, type] = {
    "exit_code": int,
    "http_code": int,
    "local_address": str,
    "remote_address": str,
    "connected": bool,
    "redirect_url": str,
    "error": str,
}


def _of_curl(result: Mapping[str, Any], name: str, kind: type) -> Any:
    value: Any = result[name]
    # Not isinstance: true is no exit code.
    if value is not None and type(value) is not kind:
        raise WrongValue(f"result.{name} is {str(value)[:40]!r}")
    if isinstance(value, str) and name.endswith("_address") and ip_of(value) is None:
        raise WrongValue(f"result.{name} is not an address with a port: {value[:80]!r}")
    return value


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise WrongValue(f"{key} is {str(value)[:40]!r}, not text")
    return value


def _time(document: Mapping[str, Any], key: str) -> datetime:
    moment = datetime.fromisoformat(_text(document, key))
    if moment.utcoffset() is None or not 2000 <= moment.year < 3000:
        raise WrongValue(f"{key} is not a time of a run, or has no time zone")
    return moment


def _nonce(value: object) -> str:
    """An empty nonce would be found in every line."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{16,}", value):
        raise WrongValue(f"nonce {value!r}")
    return value
