"""`--redact` and `--redact-key`: what the reports of a command do not show.

In: what click has read. Out: a `Redaction`. Example: `--redact hosts,addresses` gives these levels and `queries`, which
is always redacted; `--redact none` shows everything.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from egressaudit.cli.options import together
from egressaudit.errors import UsageError, why_refused
from egressaudit.given_files import read_given

if TYPE_CHECKING:
    from egressaudit.report.redaction import Redaction

_Command = TypeVar("_Command", bound=Callable[..., object])

_LEVELS = ("queries", "addresses", "identities", "hosts")
_NONE = "none"
_LEAST_KEY = 16
_MOST_KEY = 64 * 1024
_KEY_HINT = "Make one that only you can read: (umask 077; head -c 32 /dev/urandom > FILE)"


class RedactChoice(Protocol):
    """The options of `redact_options`."""

    @property
    def redact(self) -> tuple[tuple[str, ...], ...]:
        """The levels of each `--redact`."""

    @property
    def redact_key(self) -> File | None:
        """The file of `--redact-key`."""


class Levels(click.ParamType[tuple[str, ...]]):
    """`hosts`, or several: `hosts,addresses`."""

    name = "levels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Each of them; fails on any other word."""
        if isinstance(value, tuple):
            return value
        words = tuple(filter(None, (each.strip() for each in value.split(","))))
        odd = next((each for each in words if each not in (*_LEVELS, _NONE)), None)
        if odd is not None or not words:
            self.fail(f"{odd or value!r} is not {', '.join(_LEVELS)} or {_NONE}", param, ctx)
        return words


def redact_options(command: _Command) -> _Command:
    """`--redact`, several times, and `--redact-key`."""
    return together(
        command,
        click.option(
            "--redact",
            metavar="WHAT",
            multiple=True,
            type=Levels(),
            help="Also redact addresses, identities or hosts in reports, with pseudonyms; a list, or repeated. Query "
            "strings, credentials and tokens always are, except with: --redact none.",
        ),
        click.option(
            "--redact-key",
            metavar="FILE",
            type=click.Path(path_type=File, dir_okay=False),
            help="Key of the pseudonyms: with the same key, reports have the same ones. Default: new in each run.",
        ),
    )


def redaction_of(options: RedactChoice) -> Redaction:
    """What is redacted. UsageError for `none` with others, for a key without a use, and for a bad key."""
    from egressaudit.report.redaction import NOTHING, Level, Redaction

    named = {each for levels in options.redact for each in levels}
    if _NONE in named and len(named) > 1:
        raise UsageError("--redact none cannot be combined with other levels", hint="Leave out none or the others.")
    pseudonyms = named - {_NONE, Level.QUERIES}
    if options.redact_key is not None and not pseudonyms:
        raise UsageError(
            "--redact-key is of no use without pseudonyms",
            hint="Add --redact addresses, identities or hosts, or leave it out.",
        )
    if _NONE in named:
        return NOTHING
    levels = frozenset({Level.QUERIES, *map(Level, named)})
    return Redaction(levels) if options.redact_key is None else Redaction(levels, _key(options.redact_key))


def check_publishable(redaction: Redaction, *, publish: bool) -> None:
    """UsageError if the report is to be published in namespaces whose names it does not show."""
    from egressaudit.report.redaction import Level

    if publish and Level.IDENTITIES in redaction.levels:
        raise UsageError(
            "--publish does not go with --redact identities",
            hint="The objects are published in the namespaces that they are about. Leave one of them out.",
        )


def _key(file: File) -> bytes:
    try:
        key = read_given(file, _MOST_KEY).strip()
    except FileNotFoundError as error:
        raise UsageError(f"--redact-key {file} does not exist", hint=_KEY_HINT) from error
    except OSError as error:
        raise UsageError(f"cannot read --redact-key {file}: {why_refused(error)}") from error
    if len(key) < _LEAST_KEY:
        raise UsageError(f"--redact-key {file} has fewer than {_LEAST_KEY} bytes", hint=_KEY_HINT)
    return key
