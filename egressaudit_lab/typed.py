"""Read YAML into dataclasses, with an error that names the place where it does not fit.

In: `{pods: [{name: 3}]}`. Out: the dataclass, or an error that names `pods[0].name`.
"""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from egressaudit.errors import LabError

_Made = TypeVar("_Made")


def read(wanted: type[_Made], data: Any, where: str) -> _Made:
    """`data` as the dataclass `wanted`; LabError for a missing, unknown or mistyped key.

    Field types may be str, int, float, bool, Literal, dataclasses, `tuple[X, ...]`, `dict[str, X]` and `X | None`.
    """
    hints = get_type_hints(wanted)
    _must_be(dict, data, where)
    known = {each.name: each for each in fields(wanted)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            raise LabError(f"{where}: unknown key {key!r}", hint=f"Known here: {', '.join(known)}.")
    for name, each in known.items():
        if name not in data and each.default is MISSING and each.default_factory is MISSING:
            raise LabError(f"{where}: {name!r} is missing")
    return wanted(**{key: _value(hints[key], value, f"{where}.{key}") for key, value in data.items()})


def _value(wanted: Any, data: Any, where: str) -> Any:
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        others = [each for each in inner if each is not type(None)]
        return None if data is None else _value(others[0], data, where)
    if origin is Literal:
        if data not in inner:
            raise LabError(f"{where}: {data!r} is none of {', '.join(map(str, inner))}")
        return data
    if origin is tuple:
        _must_be(list, data, where)
        return tuple(_value(inner[0], each, f"{where}[{n}]") for n, each in enumerate(data))
    if origin is dict:
        _must_be(dict, data, where)
        return {str(key): _value(inner[1], each, f"{where}.{key}") for key, each in data.items()}
    if is_dataclass(wanted):
        return read(wanted, data, where)  # type: ignore[arg-type]
    return _plain(wanted, data, where)


def _plain(wanted: Any, data: Any, where: str) -> Any:
    # A bool is an int to Python, not to whoever writes `port: true`.
    fits = isinstance(data, wanted) and isinstance(data, bool) == (wanted is bool)
    if wanted is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not fits:
        raise LabError(f"{where}: expected {wanted.__name__}, got {_kind(data)}")
    return data


def _must_be(wanted: type, data: Any, where: str) -> None:
    if not isinstance(data, wanted):
        raise LabError(f"{where}: expected {'a list' if wanted is list else 'a table'}, got {_kind(data)}")


def _kind(data: Any) -> str:
    return {dict: "a table", list: "a list", type(None): "nothing"}.get(type(data), f"{type(data).__name__} {data!r}")
