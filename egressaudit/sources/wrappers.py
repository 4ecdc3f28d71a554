"""What log pipelines put in front of a proxy's lines, or around them, and how it is taken off again.

A wrapper comes before the first character that the proxy wrote, so no text of a sender can pass for one: every access
line begins with a time or a brace, whoever sent the request. A log has one wrapper, detected from its first lines; a
line without it is read unchanged.

In: `2026-11-23T08:04:44.258000000Z stdout F [2026-...`. Out: `[2026-...`, of stdout, a whole line.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from egressaudit.model.lines import LOG_LEVELS

_NAME = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_BEGINS = rf"(?:\[[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]|\{{\"|{_TIME}[\t ])"
"""How the lines of proxies and agents begin."""
_LEVEL = rf"(?:{'|'.join(LOG_LEVELS)})[ \t]"
"""The second word of the agent's and ztunnel's lines: with it the time before it is their own, and no wrapper."""


class Wrapper(StrEnum):
    """What is around the lines of a log."""

    NONE = "none"
    CRI = "CRI"
    DOCKER = "Docker JSON"
    TIMESTAMPS = "kubectl --timestamps"
    PREFIX = "kubectl --prefix"
    STERN = "stern"
    STERN_NAMESPACES = "stern of several namespaces"


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """What the proxy wrote, and what the wrapper adds.

    `partial` is True for a part of a line whose end is still to come; `stream` is what it came from.
    """

    text: str
    namespace: str = ""
    pod: str = ""
    container: str = ""
    stream: str = ""
    partial: bool = False
    fault: str = ""


# kubernetes/cri-api, docs of the log format: the tag may be followed by more, separated by ":".
_CRI = re.compile(rf"{_TIME} (?P<stream>stdout|stderr) (?P<tag>[FP])(?::[^ ]*)? ")
_STAMPED = re.compile(rf"{_TIME} ")
_PREFIXED = re.compile(rf"\[pod/(?P<pod>{_NAME})/(?P<container>{_NAME})\] ")
_STERN = re.compile(rf"(?P<pod>{_NAME}) (?P<container>{_NAME}) ")
_STERN_NAMESPACES = re.compile(rf"(?P<namespace>{_NAME}) (?P<pod>{_NAME}) (?P<container>{_NAME}) ")
# kubectl and stern can put both: the name first, then the time.
_STAMPED_TOO = re.compile(rf"{_TIME} (?={_BEGINS})")

_OWN_TIME = re.compile(rf"[ \t]*{_LEVEL}")

_STARTS = {
    Wrapper.TIMESTAMPS: _STAMPED,
    Wrapper.PREFIX: _PREFIXED,
    Wrapper.STERN: _STERN,
    Wrapper.STERN_NAMESPACES: _STERN_NAMESPACES,
}

_CERTAIN: tuple[tuple[Wrapper, re.Pattern[str]], ...] = (
    (Wrapper.CRI, _CRI),
    (Wrapper.PREFIX, _PREFIXED),
    (Wrapper.TIMESTAMPS, re.compile(rf"{_TIME} {_BEGINS}")),
    (Wrapper.STERN, re.compile(rf"{_NAME} {_NAME} {_BEGINS}")),
    (Wrapper.STERN_NAMESPACES, re.compile(rf"{_NAME} {_NAME} {_NAME} {_BEGINS}")),
    (Wrapper.NONE, re.compile(rf"{_TIME}[ \t]+{_LEVEL}")),
)
"""What shows a wrapper beyond doubt, likeliest first. A line that shows none does not count."""

_ENVOYS_TIME = re.compile(r"\[[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
"""Starts of lines that never belong to a wrapper."""

_DOCKER_KEYS = {"log", "stream", "time"}
_DOCKER_MORE = {"attrs"}
"""Docker's json-file driver: labels and environment come as `attrs` (moby daemon/logger/jsonfilelog/jsonlog)."""


def shown_by(text: str) -> Wrapper | None:
    """The wrapper that a line clearly shows; None if it shows neither a wrapper nor that it has none."""
    if text.startswith("{"):
        return Wrapper.DOCKER if _docker(text) is not None else Wrapper.NONE
    if _ENVOYS_TIME.match(text):
        return Wrapper.NONE
    return next((wrapper for wrapper, pattern in _CERTAIN if pattern.match(text)), None)


def wrapper_of(first_lines: Iterable[str]) -> Wrapper:
    """The wrapper that most of a log's first lines show, if any."""
    shown = Counter(wrapper for text in first_lines if (wrapper := shown_by(text)) is not None)
    return shown.most_common(1)[0][0] if shown else Wrapper.NONE


def unwrap(text: str, wrapper: Wrapper) -> Unwrapped:
    """A line without its log's wrapper. A line with another one is not parsed: its own start is not known."""
    match wrapper:
        case Wrapper.NONE:
            taken = None
        case Wrapper.CRI:
            taken = _from_cri(text)
        case Wrapper.DOCKER:
            taken = _from_docker(text)
        case _:
            taken = _from_start(text, wrapper)
    if taken is not None:
        return taken
    other = shown_by(text)
    if other in (None, Wrapper.NONE):
        return Unwrapped(text)
    return Unwrapped(text, fault=f"the line is wrapped by {other}, unlike the first lines of its log ({wrapper})")


def _from_cri(text: str) -> Unwrapped | None:
    found = _CRI.match(text)
    if found is None:
        return None
    return Unwrapped(text[found.end() :], stream=found["stream"], partial=found["tag"] == "P")


def _from_docker(text: str) -> Unwrapped | None:
    line = _docker(text)
    if line is None:
        return None
    log = line["log"]
    whole = log.endswith("\n")
    log = log.removesuffix("\n").removesuffix("\r")
    fault = "there is a newline inside the line" if "\n" in log else ""
    return Unwrapped(log, stream=line["stream"], partial=not whole, fault=fault)


def _from_start(text: str, wrapper: Wrapper) -> Unwrapped | None:
    found = _STARTS[wrapper].match(text)
    if found is None or (wrapper is Wrapper.TIMESTAMPS and _OWN_TIME.match(text, found.end())):
        return None
    start = found.end()
    if wrapper is not Wrapper.TIMESTAMPS and (stamped := _STAMPED_TOO.match(text, start)):
        start = stamped.end()
    names = found.groupdict("")
    return Unwrapped(text[start:], names.get("namespace", ""), names.get("pod", ""), names.get("container", ""))


def _docker(text: str) -> dict[str, str] | None:
    """The parts of a line of Docker's, None for any other JSON: Envoy's own keys are never just these."""
    if '"log"' not in text:
        return None
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        return None
    line = dict(pairs)
    if len(line) != len(pairs) or not _DOCKER_KEYS <= line.keys() <= _DOCKER_KEYS | _DOCKER_MORE:
        return None
    if not all(isinstance(line[key], str) for key in _DOCKER_KEYS) or line["stream"] not in ("stdout", "stderr"):
        return None
    return {key: line[key] for key in _DOCKER_KEYS}
