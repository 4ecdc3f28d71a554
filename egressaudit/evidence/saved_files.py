"""The files of a folder of evidence: what they are called, and how one of them is written and read.

DIR/mesh.json                             the snapshot of the mesh: pods, gateways, configuration (`mesh_file`)
DIR/probes.json                           of a run of `verify`: what was sent and what was expected (`probes_file`)
DIR/policy.yaml                           of a run of `verify` with --policy: the policy, byte for byte
DIR/programmed.json                       of a run of `verify`: what proxies said they have (`programmed_file`)
DIR/bypass.json                           of `verify --bypass`: what was tried (`batteries_file`)
DIR/collection.json                       of a window: what each log covers, and what it lacks (`collection`)
DIR/<namespace>/<pod>/<container>.log     the lines, byte for byte

In: a `LogSource`, e.g. shop/cart-1/istio-proxy. Out: its file, `shop/cart-1/istio-proxy.log`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from egressaudit.errors import BadLogs, why_refused
from egressaudit.given_files import read_given

if TYPE_CHECKING:
    from egressaudit.model import LogSource

MESH = "mesh.json"
PROBES = "probes.json"
POLICY = "policy.yaml"
PROGRAMMED = "programmed.json"
BYPASS = "bypass.json"
COLLECTION = "collection.json"


def log_path(source: LogSource, *, previous: bool = False) -> str:
    """Where a log's lines are below the folder; with `previous` those of the container's run before a restart."""
    return f"{source}.previous.log" if previous else f"{source}.log"


def is_name(text: str) -> bool:
    """Whether it is a Kubernetes name (RFC 1123): nothing that could lead out of a folder."""
    return re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text) is not None


def has_names(source: LogSource) -> bool:
    """Whether all parts of a log's name are Kubernetes names: only then may a file be called after it."""
    return all(map(is_name, (source.namespace, source.pod, source.container)))


def check_new(folder: File) -> None:
    """Nothing, where a run can be saved to this folder; BadLogs if it holds something already."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise BadLogs(f"{folder} is not empty", hint="Name a new folder, so that runs do not mix.")
    except OSError as error:
        raise BadLogs(f"cannot write {folder}: {why_refused(error)}") from error


def json_text(document: Mapping[str, object]) -> str:
    """A document as its file has it: the same for equal documents."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def read_json(file: File, hint: str) -> dict[str, Any]:
    """The object in a file; BadLogs, with this hint, where there is none."""
    return json_object(read_data(file, hint), file, hint)


def read_data(file: File, hint: str) -> bytes:
    """The bytes of a file; BadLogs, with this hint, where it cannot be read."""
    try:
        return read_given(file)
    except FileNotFoundError as error:
        raise BadLogs(f"{file} is missing", hint=hint) from error
    except OSError as error:
        raise BadLogs(f"{file} cannot be read: {why_refused(error)}", hint=hint) from error


def json_object(data: bytes, file: File, hint: str) -> dict[str, Any]:
    """The object in the bytes of a file; BadLogs, with this hint, where there is none."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadLogs(f"{file} cannot be read: {_why_not(error)}", hint=hint) from error
    if not isinstance(document, dict):
        raise BadLogs(f"{file} does not hold a JSON object", hint=hint)
    return document


class WrongValue(ValueError):
    """A value of a file that is not of its kind; `str()` is that in words of our own."""


def why_incomplete(error: Exception) -> str:
    """What was wrong with a value, from what reading it raised."""
    if isinstance(error, KeyError):
        return f"{str(error.args[0])[:40]!r} is missing"
    return str(error) if isinstance(error, WrongValue) else "a value is not of its kind"


def _why_not(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON (line {error.lineno}, column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it is too large"
