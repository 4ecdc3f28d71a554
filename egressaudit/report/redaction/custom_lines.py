"""Lines of access log formats that a mesh defines itself: the values of `%REQ(AUTHORIZATION)%` and the like go.

In: the formats, and a raw line. Out: the line with `REDACTED` where such a value stands. Where it stands is certain
only in a line that is clean; any other line that may be of such a format is withheld as a whole. Its place in the log
stays, so whoever may read the log finds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from egressaudit.hops.dialects import FormatError, read_envoy, read_ztunnel
from egressaudit.hops.dialects.envoy.custom_text import CustomText, checked_format
from egressaudit.hops.dialects.envoy.format_string import Operator
from egressaudit.hops.dialects.envoy.operators import field_of
from egressaudit.hops.dialects.result import AccessFields, Other
from egressaudit.model import LogFormat
from egressaudit.report.redaction.secret_text import REDACTED, is_secret_name

WITHHELD = "(line withheld: its log format writes secrets, and it is not certain where they are in it)"


@dataclass(frozen=True, slots=True)
class CustomLines:
    """The custom formats of a mesh that write secrets."""

    texts: tuple[CustomText, ...] = ()
    """The text formats of which some column is secret."""
    keys: frozenset[str] = frozenset()
    """The keys of JSON lines that hold secrets, whatever they are called."""

    @classmethod
    def of(cls, formats: tuple[LogFormat, ...]) -> CustomLines:
        """Those of a mesh's formats. One that cannot be read has no lines that are clean."""
        texts, keys = [], set[str]()
        for each in formats:
            if each.labels is not None:
                keys.update(_secret_keys(_labels(each.labels), ""))
            elif each.text and _has_secret(each.text):
                texts.append(CustomText(each.text, may_be_empty=each.omit_empty))
        return cls(tuple(texts), frozenset(keys))

    def redacted(self, text: str) -> str:
        """The line without the values of secret operators."""
        if not self.texts or text == WITHHELD:
            return text
        for each in self.texts:
            if (places := each.places(text)) is not None:
                return _without(text, [span for column, span in places.items() if is_secret_name(column)])
        return text if text.startswith("{") or _is_known(text) else WITHHELD


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in sorted(spans, reverse=True):
        if text[start:end] not in ("-", ""):
            text = f"{text[:start]}{REDACTED}{text[end:]}"
    return text


def _is_known(text: str) -> bool:
    """Whether a line is one that no custom format makes: of a default format, a ztunnel's, or no access line."""
    reading = read_envoy(text)
    if isinstance(reading, AccessFields):
        return reading.clean
    return isinstance(reading, Other) or isinstance(read_ztunnel(text), AccessFields)


def _labels(labels: Mapping[str, object] | str) -> object:
    if not isinstance(labels, str):
        return labels
    try:
        return json.loads(labels or "{}")
    except (ValueError, RecursionError):
        return {}


def _secret_keys(value: object, key: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _secret_keys(each, str(name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _secret_keys(each, key)
    elif isinstance(value, str) and _has_secret(value):
        yield key


def _has_secret(format_string: str) -> bool:
    try:
        parts = checked_format(format_string)
    except FormatError:
        return False
    return any(isinstance(each, Operator) and is_secret_name(field_of(each).column) for each in parts)
