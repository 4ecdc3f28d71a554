"""Several access log formats at once, where it is not known which of them wrote a line.

In: a line, and the formats in use. Out: only values that are true whichever format wrote it. A line is clean if at
least one format reads it as clean, and every other format that can have written it also does, with the same trusted
values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from egressaudit.hops.dialects.envoy.custom_json import CustomJson
from egressaudit.hops.dialects.envoy.custom_text import CustomText, FormatError, FormatProblem
from egressaudit.hops.dialects.envoy.cuts import Item
from egressaudit.hops.dialects.envoy.default_text import ISTIO, OLDER, TEXTS, EnvoyText, is_default_format, read_clean
from egressaudit.hops.dialects.envoy.forged import STARTS_LIKE_ACCESS, recover
from egressaudit.hops.dialects.envoy.operators import KNOWN_COLUMNS, Field
from egressaudit.hops.dialects.envoy.torn import torn_pieces_show
from egressaudit.hops.dialects.json_lines import read_envoy_json
from egressaudit.hops.dialects.other import read_other
from egressaudit.hops.dialects.result import AccessFields, Broken, LineResult, Other
from egressaudit.model import LogFormat

__all__ = ["EnvoyFormat", "FormatError", "FormatSet", "format_of", "json_format", "named_format", "text_format"]

PROVING_COLUMNS = (
    "start_time",
    "protocol",
    "response_code",
    "response_flags",
    "response_code_details",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
)
"""The columns that show where a request went. A format that lacks one of them proves nothing in an audit."""


class EnvoyFormat(Protocol):
    """One access log format."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """What its operators write."""

    @property
    def problems(self) -> tuple[FormatProblem, ...]:
        """Why no line of it is clean."""

    def read(self, text: str) -> LineResult:
        """The fields of a line; Other or Broken if it cannot have written it."""


class DefaultText:
    """One of the default text formats: `default_text` reads clean lines, `forged` recovers fields of the others."""

    problems: tuple[FormatProblem, ...] = ()

    def __init__(self, text: EnvoyText) -> None:
        self._text = text
        self.by_string = CustomText(text.format_string)
        self.fields = tuple(each for each in self.by_string.fields if each.column in KNOWN_COLUMNS)

    def read(self, text: str) -> LineResult:
        """The fields of a line of this format."""
        if STARTS_LIKE_ACCESS.match(text) is None or self._cannot_end_so(text):
            return Broken(f"not {self._text.what}: it does not begin and end as one", 1)
        try:
            return self._text.fast(text) or recover(text) or self._text.careful(text)
        except ValueError as error:
            return Broken(f"start_time: {error}", 2)

    def _cannot_end_so(self, text: str) -> bool:
        # Since Istio 1.3 the line ends with the route name, which a sender cannot control. Before, it ended with the
        # SNI, which a sender can.
        return self._text in (ISTIO, OLDER[0], OLDER[1]) and '"' in text[text.rfind(" ") :]


class DefaultJson:
    """Istio's default JSON format."""

    problems: tuple[FormatProblem, ...] = ()

    def __init__(self) -> None:
        self.fields = CustomText(ISTIO.format_string).fields

    @staticmethod
    def read(text: str) -> LineResult:
        """The fields of a line of this format."""
        return read_envoy_json(text) if text.startswith("{") else Broken("not a JSON object", 1)


class Unreadable:
    """A format that cannot be read, for the reason `why`: its lines are unparsed."""

    problems: tuple[FormatProblem, ...] = ()
    fields: tuple[Field, ...] = ()

    def __init__(self, why: str) -> None:
        self._why = why

    def read(self, _: str) -> LineResult:
        """Broken."""
        return Broken(self._why, 1)


def format_of(configured: LogFormat) -> tuple[EnvoyFormat, ...]:
    """The format that a mesh's configuration asks for. Raises FormatError."""
    if configured.labels is not None:
        return json_format(configured.labels, omit_empty=configured.omit_empty)
    return text_format(configured.text or "", omit_empty=configured.omit_empty)


def text_format(format_string: str, *, omit_empty: bool = False) -> tuple[EnvoyFormat, ...]:
    """The text format of a format string; '' is Istio's default. Raises FormatError."""
    if not format_string.strip():
        format_string = ISTIO.format_string
    if is_default_format(format_string) and not omit_empty:
        raw = format_string.removesuffix("\n").replace("%UPSTREAM_CLUSTER_RAW%", "%UPSTREAM_CLUSTER%")
        return (DefaultText(next(each for each in TEXTS if each.format_string == raw)),)
    return (CustomText(format_string, may_be_empty=omit_empty),)


def json_format(labels: Mapping[str, object] | str, *, omit_empty: bool = False) -> tuple[EnvoyFormat, ...]:
    """The JSON format of an object of format strings, or of its text; empty is Istio's default. Raises FormatError."""
    if isinstance(labels, str):
        try:
            labels = json.loads(labels or "{}")
        except (ValueError, RecursionError) as error:
            raise FormatError("it is not a JSON object", getattr(error, "colno", 1)) from error
        if not isinstance(labels, Mapping):
            raise FormatError("it is JSON, but no object")
    # The reader of Istio's default format copes with omitted values.
    return (CustomJson(labels, may_be_empty=omit_empty),) if labels else (DefaultJson(),)


_RELEASE = re.compile(r"istio-1\.([0-9]{1,2})(?:\.[0-9x]+)?")
_NEWEST = 31


def named_format(name: str) -> tuple[EnvoyFormat, ...] | None:
    """The default formats of `envoy` or of an Istio release, e.g. `istio-1.9`; None for any other name."""
    if name == "envoy":
        return (DefaultText(OLDER[-1]),)
    found = _RELEASE.fullmatch(name)
    if found is None or int(found[1]) > _NEWEST:
        return None
    minor = int(found[1])
    # istio/istio pilot/pkg/model/telemetry_logging.go and its forerunners, at the tags of each release.
    by_release = {0: OLDER[4], 1: OLDER[3], 2: OLDER[2], **dict.fromkeys(range(3, 8), OLDER[1]), 8: OLDER[0]}
    return (DefaultText(by_release.get(minor, ISTIO)), DefaultJson())


def lacking(each: EnvoyFormat) -> tuple[str, ...]:
    """The columns of `PROVING_COLUMNS` that a custom format lacks. The judge knows what the defaults lack."""
    if isinstance(each, DefaultText | DefaultJson):
        return ()
    columns = {field.column for field in each.fields}
    return tuple(column for column in PROVING_COLUMNS if column not in columns)


@dataclass(frozen=True)
class FormatSet:
    """The formats that the access lines of a log may have.

    `wary`: a line is not clean if it would be clean in a default format with other values: the configuration may have
    been different when it was written.
    """

    formats: tuple[EnvoyFormat, ...]
    wary: bool = False

    @property
    def columns(self) -> dict[str, str]:
        """The columns beyond `columns.HOP_COLUMNS` and their type: text, number or time."""
        return {
            field.column: field.dtype
            for each in self.formats
            for field in each.fields
            if field.column not in KNOWN_COLUMNS
        }

    @cached_property
    def problems(self) -> tuple[FormatProblem, ...]:
        """Why the lines of some of the formats are not clean."""
        own = [problem for each in self.formats for problem in each.problems]
        return tuple(dict.fromkeys([*own, *_across(self.formats)]))

    @property
    def tears_lines(self) -> bool:
        """Whether lines of a custom text format may contain newlines: then any line may be a piece of one."""
        return any(isinstance(each, CustomText) and each.writes_line_ends for each in self.formats)

    @cached_property
    def begins_apart(self) -> bool:
        """Whether no access line can begin like output of several lines, or like slog's and klog's lines.

        If one can, then pieces of a torn line, or a line that its own format rejects, could pass for such output.
        """
        return all(
            isinstance(each, DefaultText | DefaultJson | CustomJson)
            or (isinstance(each, CustomText) and each.items and _begins_apart(each.items[0]))
            for each in self.formats
        )

    def read(self, text: str) -> LineResult:
        """What a line says."""
        readings = [each.read(text) for each in self.formats]
        possible = [
            (each, reading)
            for each, reading in zip(self.formats, readings, strict=True)
            if isinstance(reading, AccessFields)
        ]
        if not possible:
            return _application(text, wary=not self.begins_apart) or max(
                (each for each in readings if isinstance(each, Broken)), key=lambda broken: broken.column
            )
        dialect = possible[0][1].dialect
        if self._torn:
            return AccessFields(dialect, clean=False, fields={})
        if all(reading.clean for _, reading in possible):
            agreed = _agreed(possible, _as_default(text) if self.wary else None)
            if agreed is not None:
                return AccessFields(dialect, clean=True, fields=agreed)
        return AccessFields(dialect, clean=False, fields=_certain(possible))

    @cached_property
    def _torn(self) -> bool:
        return bool(_across(self.formats))


_APART = re.compile(r"[^0-9A-Za-z\s#\]}-]")


def _begins_apart(item: Item) -> bool:
    return isinstance(item, str) and _APART.match(item) is not None


def _application(text: str, *, wary: bool) -> Other | None:
    if not text.startswith("{"):
        return read_other(text, wary=wary)
    reading = read_envoy_json(text)
    return reading if isinstance(reading, Other) else None


def _across(formats: Sequence[EnvoyFormat]) -> tuple[FormatProblem, ...]:
    """Formats whose torn lines have pieces that may look like lines in another format in use."""
    texts = [text for each in formats if (text := _by_string(each)) is not None]
    return tuple(
        FormatProblem(
            next(field.column for field in written.fields if field.breaks),
            "it may hold line ends, and a piece of the line would look like a line in another format",
        )
        for written in texts
        for read in texts
        if read is not written and not torn_pieces_show(written.items, read.items, read.kept_out)
    )


def _by_string(each: EnvoyFormat) -> CustomText | None:
    if isinstance(each, DefaultText):
        return each.by_string
    return each if isinstance(each, CustomText) else None


def _as_default(text: str) -> AccessFields | None:
    """The line as a clean line of a default format; None if it is not one."""
    reading = read_envoy_json(text) if text.startswith("{") else read_clean(text)
    return reading if isinstance(reading, AccessFields) and reading.clean else None


def _agreed(
    possible: Sequence[tuple[EnvoyFormat, AccessFields]], default: AccessFields | None
) -> Mapping[str, object] | None:
    """The fields of a line that is clean in every format it may be of; None if these contradict each other."""
    (_, first), *rest = possible
    others = [reading for _, reading in rest]
    if default is not None and default.dialect not in {reading.dialect for _, reading in possible}:
        others.append(default)
    trusted = {field.column for each, _ in possible for field in each.fields if field.trusted}
    for other in others:
        shared = trusted & first.fields.keys() & other.fields.keys()
        if any(first.fields[column] != other.fields[column] for column in shared):
            return None
    return {
        column: value
        for column, value in first.fields.items()
        if all(other.fields.get(column) == value for other in others) or (default in others and column not in trusted)
    }


def _certain(possible: Sequence[tuple[EnvoyFormat, AccessFields]]) -> Mapping[str, object]:
    """The fields that are trusted in every format that can have written the line, and equal in all of them."""
    (_, first), *others = possible
    trusted = set.intersection(*({field.column for field in each.fields if field.trusted} for each, _ in possible))
    return {
        column: value
        for column, value in first.fields.items()
        if column in trusted and value is not None and all(other.fields.get(column) == value for _, other in others)
    }
