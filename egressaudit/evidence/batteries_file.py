"""`bypass.json`: what `verify --bypass` tried to get around the gateway, written and read here.

In: the `Battery`s of a run. Out: a file, and the same again; whatever else the file holds is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path as File
from typing import Any

from egressaudit.errors import BadLogs
from egressaudit.evidence.probes_file import probe_row, probes_of
from egressaudit.evidence.saved_files import BYPASS, WrongValue, json_text, read_json, why_incomplete
from egressaudit.model import Battery, ObjectRef, Scheme, Target, Tried
from egressaudit.whole_file import replace_file

SCHEMA_VERSION = 1


def save_batteries(batteries: tuple[Battery, ...], folder: File) -> None:
    """Write what was tried. OSError."""
    document = {"schema_version": SCHEMA_VERSION, "batteries": [_row(each) for each in batteries]}
    replace_file(folder / BYPASS, json_text(document).encode())


def load_batteries(folder: File, hint: str) -> tuple[Battery, ...]:
    """What was tried, nothing if no battery ran; BadLogs if the file isn't ours."""
    file = folder / BYPASS
    if not file.is_file():
        return ()
    document = read_json(file, hint)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BadLogs(f"{file} has schema_version {version!r}; this version can read {SCHEMA_VERSION}")
    try:
        return tuple(_battery(each) for each in document["batteries"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadLogs(f"{file} is incomplete: {why_incomplete(error)}") from error


def _row(battery: Battery) -> dict[str, object]:
    return {
        "target": asdict(battery.target),
        "source": str(battery.source),
        "control": battery.control,
        "admitted": battery.admitted,
        "tried": [asdict(each) for each in battery.tried],
        "probes": [probe_row(each) for each in battery.probes],
    }


def _battery(row: Mapping[str, Any]) -> Battery:
    namespace, slash, name = _text(row["source"]).partition("/")
    if not (namespace and slash and name):
        raise WrongValue("source is not namespace/name")
    target = row["target"]
    port = target["port"]
    if type(port) is not int or not 0 < port < 65536:
        raise WrongValue("target.port is not a port")
    return Battery(
        target=Target(_text(target["host"]), port, Scheme(_text(target["scheme"])), _text(target["path"])),
        source=ObjectRef(namespace, name),
        control=_text(row["control"]),
        admitted=_text(row["admitted"]),
        tried=tuple(Tried(**{each.name: _text(tried[each.name]) for each in fields(Tried)}) for tried in row["tried"]),
        probes=probes_of(row["probes"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{str(value)[:40]!r} is not text")
    return value
