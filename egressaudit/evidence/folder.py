"""Save what a run collected, and read it back: a folder that `verify --replay` judges exactly as the live run did.

DIR/mesh.json                             the mesh snapshot: pods, gateways, configuration
DIR/probes.json                           what was sent, what curl said, what was expected
DIR/<namespace>/<pod>/<container>.log     the lines, byte for byte
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path as File
from typing import Any

from egressaudit.addresses import ip_of
from egressaudit.errors import BadLogs
from egressaudit.model import Capture, CurlResult, LogLine, LogSource, ObjectRef, Probe, Scheme, Target

SCHEMA_VERSION = 1

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""Kubernetes names (RFC 1123): nothing that could lead out of the folder."""


def save(capture: Capture, folder: File) -> None:
    """Write a capture to a new or empty folder; BadLogs where it holds something already or cannot be written."""
    check_new(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / "mesh.json", capture.mesh)
        _write_json(folder / "probes.json", _probes_document(capture))
        by_source: defaultdict[LogSource, list[str]] = defaultdict(list)
        for source in capture.sources:
            by_source[source] = []
        for line in capture.lines:
            by_source[line.source].append(line.text)
        for source, texts in by_source.items():
            file = folder / _checked(source.namespace) / _checked(source.pod) / f"{_checked(source.container)}.log"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes("".join(f"{text}\n" for text in texts).encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise BadLogs(f"cannot write {folder}: {error.strerror or error}") from error


def check_new(folder: File) -> None:
    """Nothing, where a run can be saved to this folder; BadLogs where it holds something already."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise BadLogs(f"{folder} is not empty", hint="Name a new folder, so that runs do not mix.")
    except OSError as error:
        raise BadLogs(f"cannot write {folder}: {error.strerror or error}") from error


def load(folder: File) -> Capture:
    """Read a saved capture; BadLogs where a file is missing, broken or not ours."""
    if not folder.is_dir():
        raise BadLogs(f"{folder} is not a folder", hint="--replay takes what `verify --save-logs DIR` wrote.")
    document = _read_json(folder / "probes.json")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BadLogs(f"{folder / 'probes.json'} has schema_version {version!r}; this version reads {SCHEMA_VERSION}")
    try:
        probes = _probes(document["probes"])
        notes = tuple(str(note) for note in document["notes"])
        expect = None if document["expect"] is None else _text(document, "expect")
        before = {_source(name): _count(count) for name, count in document["lines_before"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadLogs(f"{folder / 'probes.json'} is not complete: {error!r}") from error
    files = dict(_log_files(folder))
    return Capture(
        mesh=_read_json(folder / "mesh.json"),
        expect=expect,
        probes=probes,
        lines=tuple(line for source in sorted(files) for line in _lines(source, files[source])),
        notes=notes,
        sources=tuple(sorted(files)),
        before=before,
    )


def _source(name: str) -> LogSource:
    namespace, pod, container = name.split("/")
    return LogSource(namespace, pod, container)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("lines_before holds something else than counts")
    return value


def _log_files(folder: File) -> Iterator[tuple[LogSource, File]]:
    for file in sorted(folder.glob("*/*/*.log")):
        if file.is_file() and not file.is_symlink():
            yield LogSource(file.parent.parent.name, file.parent.name, file.stem), file


def _lines(source: LogSource, file: File) -> Iterator[LogLine]:
    try:
        text = file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise BadLogs(f"cannot read {file}: {error.strerror or error}") from error
    # Only "\n" ends a line: str.splitlines would also split at characters that a workload may send.
    parts = text.split("\n")
    if parts.pop() != "":
        # A cut line can look whole: a sender may have placed an imitation where it was cut.
        raise BadLogs(f"{file} does not end with a line end: it was cut", hint="Remove its last, incomplete line.")
    for number, part in enumerate(parts, start=1):
        yield LogLine(source=source, number=number, text=part)


def _probes_document(capture: Capture) -> dict[str, object]:
    probes = []
    for probe in capture.probes:
        document = asdict(probe)
        document["source"] = str(probe.source)
        document["started"], document["ended"] = probe.started.isoformat(), probe.ended.isoformat()
        probes.append(document)
    return {
        "schema_version": SCHEMA_VERSION,
        "expect": capture.expect,
        "notes": list(capture.notes),
        "lines_before": {str(source): count for source, count in sorted(capture.before.items())},
        "probes": probes,
    }


def _probes(documents: list[Mapping[str, Any]]) -> tuple[Probe, ...]:
    probes = tuple(_probe(each) for each in documents)
    if len({probe.nonce for probe in probes}) < len(probes):
        raise ValueError("two probes have the same nonce")
    return probes


def _probe(document: Mapping[str, Any]) -> Probe:
    namespace, slash, name = _text(document, "source").partition("/")
    if not (namespace and slash and name):
        raise ValueError("source is no namespace/name")
    target, result = document["target"], document["result"]
    port = target["port"]
    if type(port) is not int or not 0 < port < 65536:
        raise ValueError("target.port is no port")
    started, ended = _time(document, "started"), _time(document, "ended")
    return Probe(
        nonce=_nonce(document["nonce"]),
        target=Target(
            host=_text(target, "host"), port=port, scheme=Scheme(_text(target, "scheme")), path=_text(target, "path")
        ),
        source=ObjectRef(namespace, name),
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
        raise ValueError(f"result.{name} is {str(value)[:40]!r}")
    if isinstance(value, str) and name.endswith("_address") and ip_of(value) is None:
        raise ValueError(f"result.{name} is no address with a port: {value[:80]!r}")
    return value


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is {str(value)[:40]!r}, not text")
    return value


def _time(document: Mapping[str, Any], key: str) -> datetime:
    moment = datetime.fromisoformat(_text(document, key))
    if moment.utcoffset() is None or not 2000 <= moment.year < 3000:
        raise ValueError(f"{key} is no time of a run, or does not say its time zone")
    return moment


def _nonce(value: object) -> str:
    """An empty nonce would be found in every line."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{16,}", value):
        raise ValueError(f"nonce {value!r}")
    return value


def _write_json(file: File, document: object) -> None:
    file.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read_json(file: File) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadLogs(
            f"{file} is missing", hint="--replay takes what `verify --save-logs DIR` wrote, the whole folder."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadLogs(f"{file} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise BadLogs(f"{file} does not hold a JSON object")
    return document


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadLogs(f"{name!r} is not a Kubernetes name; nothing was written for it")
    return name
