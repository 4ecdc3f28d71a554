"""`programmed.json`: what proxies said about their own configuration in a run of `verify`, written and read here.

In: the `AskedProxy`s of a run. Out: a file, and the same again; whatever else the file holds is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path as File
from typing import Any

from egressaudit.errors import BadLogs
from egressaudit.evidence.saved_files import PROGRAMMED, WrongValue, json_text, read_json, why_incomplete
from egressaudit.model import (
    Act,
    AskedProxy,
    Call,
    Choice,
    ObjectRef,
    Reporter,
    RouteDestination,
    RuleRef,
    Scheme,
    Step,
    Tls,
)
from egressaudit.whole_file import replace_file

SCHEMA_VERSION = 1


def save_asked(asked: tuple[AskedProxy, ...], folder: File) -> None:
    """Write what proxies said. OSError."""
    document = {"schema_version": SCHEMA_VERSION, "proxies": [asdict(each) for each in asked]}
    replace_file(folder / PROGRAMMED, json_text(document).encode())


def load_asked(folder: File, hint: str) -> tuple[AskedProxy, ...]:
    """What proxies said, nothing if none was asked; BadLogs if the file isn't ours."""
    file = folder / PROGRAMMED
    if not file.is_file():
        return ()
    document = read_json(file, hint)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BadLogs(f"{file} has schema_version {version!r}; this version can read {SCHEMA_VERSION}")
    try:
        return tuple(_asked(each) for each in document["proxies"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadLogs(f"{file} is incomplete: {why_incomplete(error)}") from error


def _asked(row: Mapping[str, Any]) -> AskedProxy:
    return AskedProxy(
        nonce=_text(row["nonce"]),
        pod=_ref(row["pod"]),
        reporter=Reporter(row["reporter"]),
        call=_call(row["call"]),
        step=None if row["step"] is None else _step(row["step"]),
        endpoints={_text(name): _texts(found) for name, found in row["endpoints"].items()},
        refused=_texts(row["refused"]),
        error=_text(row["error"]),
    )


def _step(row: Mapping[str, Any]) -> Step:
    return Step(
        proxy=_ref(row["proxy"]),
        reporter=Reporter(row["reporter"]),
        call=_call(row["call"]),
        listener=_text(row["listener"]),
        choices=tuple(_choice(each) for each in row["choices"]),
    )


def _call(row: Mapping[str, Any]) -> Call:
    return Call(
        host=_text(row["host"]),
        port=_number(row["port"]),
        scheme=Scheme(row["scheme"]),
        tls=Tls(row["tls"]),
        sni=_text(row["sni"]),
        address=_text(row["address"]),
        path=None if row["path"] is None else _text(row["path"]),
        method=None if row["method"] is None else _text(row["method"]),
        authority=_text(row.get("authority", "")),
    )


def _choice(row: Mapping[str, Any]) -> Choice:
    rule = row["rule"]
    return Choice(
        act=Act(row["act"]),
        route=_text(row["route"]),
        rule=None if rule is None else RuleRef(_text(rule["object"]), _text(rule["field"])),
        to=tuple(_destination(each) for each in row["to"]),
        when=_texts(row["when"]),
        authority=_text(row["authority"]),
        reason=_text(row["reason"]),
    )


def _destination(row: Mapping[str, Any]) -> RouteDestination:
    return RouteDestination(
        cluster=_text(row["cluster"]),
        host=_text(row["host"]),
        port=_number(row["port"]),
        subset=_text(row["subset"]),
        weight=_number(row["weight"]),
    )


def _ref(row: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef(_text(row["namespace"]), _text(row["name"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WrongValue(f"{str(value)[:40]!r} is not text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise WrongValue(f"{str(value)[:40]!r} is not a list")
    return tuple(map(_text, value))


def _number(value: object) -> int:
    if type(value) is not int:
        raise WrongValue(f"{str(value)[:40]!r} is not a whole number")
    return value
