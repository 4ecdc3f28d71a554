"""`--format`: the access log format of the lines, from a format string, a release's name or a file of manifests.

In: the text of the option. Out: a `FormatSet`. Example: `--format "%START_TIME% %UPSTREAM_HOST%\\n"`.
"""

from __future__ import annotations

from pathlib import Path as File
from typing import TYPE_CHECKING

from egressaudit.errors import NotFound, UsageError, why_refused
from egressaudit.given_files import read_given

if TYPE_CHECKING:
    from egressaudit.hops.dialects import FormatSet
    from egressaudit.hops.dialects.envoy.formats import EnvoyFormat

_LARGEST = 1024 * 1024
"""Bytes of a file of manifests: no single object in a cluster is larger."""
_NAMES = "Use istio-1.0 to istio-1.31, envoy, @FILE with a mesh's configuration, or the format string itself."
_SEE = "docs/formats.md says which formats are read."


def chosen_formats(text: str) -> FormatSet:
    """The formats that `--format` asks for. Raises UsageError that says what is wrong, and where."""
    from egressaudit.hops.dialects import FormatError, FormatSet, json_format, named_format, text_format

    if text.startswith("@"):
        return _of_file(File(text[1:]))
    named = named_format(text)
    if named is not None:
        return FormatSet(named)
    if "%" not in text:
        raise UsageError(f"--format {text!r} is neither a format string nor a name", hint=_NAMES)
    # As documentation prints formats: with the line end as it is written in YAML and JSON.
    format_string = text.removesuffix("\\n")
    try:
        return FormatSet(json_format(text) if _is_object(text) else text_format(format_string))
    except FormatError as error:
        raise UsageError(f"--format cannot be read at column {error.column}: {error}", hint=_SEE) from error


def _is_object(text: str) -> bool:
    import json

    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _of_file(file: File) -> FormatSet:
    from egressaudit.hops.dialects import FormatError, FormatSet, format_of
    from egressaudit.mesh import configured_formats

    try:
        configured = configured_formats(_documents(file))
    except ValueError as error:
        hint = (
            "The file may hold a MeshConfig (bare or in a ConfigMap), an Istio or IstioOperator resource or Helm "
            "values, and Telemetry resources."
        )
        raise UsageError(f"--format @{file}: {error}", hint=hint) from error
    formats: list[EnvoyFormat] = []
    for each in configured:
        try:
            formats += format_of(each)
        except FormatError as error:
            where = f"--format @{file}: {each.where} cannot be read at column {error.column}"
            raise UsageError(f"{where}: {error}", hint=_SEE) from error
    return FormatSet(tuple(formats))


def _why_not(error: OSError | UnicodeDecodeError) -> str:
    return why_refused(error) if isinstance(error, OSError) else "it is not UTF-8"


def _documents(file: File) -> list[object]:
    import yaml

    try:
        # A byte order mark would be a part of the first key.
        text = read_given(file, _LARGEST).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"--format @{file}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--format @{file} cannot be read: {_why_not(error)}") from error
    try:
        return list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise UsageError(
            f"--format @{file} is not YAML{where}", hint="Use the manifest as kubectl prints it."
        ) from error
