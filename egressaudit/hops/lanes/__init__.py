"""The lanes: each turns blocks of lines into columns, and leaves what it is not sure of to the line parser.

    compiled   whole blocks to Arrow arrays, by a module in Rust that may not be there (`native/`)
    plain      takes nothing; only says where the lines lie

What a lane leaves is read line by line (`line_parser`) by the dialects: each has a grammar and a pattern derived from
it. The grammar defines what a line means. Tests hold the lanes to it line for line, so the choice of lane changes only
how long reading takes.

To add one: a module here with a class that does what `Lane` says, and its line in `LANES`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from typing import Protocol

from egressaudit.compiled_module import missing
from egressaudit.hops.lanes.arrow_schema import ARROW_SCHEMA, CLUSTER_PARTS, constant, number_array, schema_of
from egressaudit.hops.lanes.block import Block, Taken
from egressaudit.hops.lanes.fingerprint import HOP_SCHEMA, FingerprintedLog, Fingerprints, HopFingerprints
from egressaudit.model import Reporter

__all__ = [
    "ARROW_SCHEMA",
    "CLUSTER_PARTS",
    "HOP_SCHEMA",
    "LANES",
    "Block",
    "FingerprintedLog",
    "Fingerprints",
    "HopFingerprints",
    "Lane",
    "Taken",
    "constant",
    "lane",
    "number_array",
    "schema_of",
]

LANES: Mapping[str, str] = {
    "compiled": "egressaudit.hops.lanes.compiled:CompiledLane",
    "plain": "egressaudit.hops.lanes.plain:PlainLane",
}
"""The lanes for blocks, the fastest first: `module:class`, imported when asked for. The first that is there reads."""


class Lane(Protocol):
    """Reads blocks of whole lines. It has no state: each run has its own `Fingerprints`."""

    def read_block(
        self,
        data: bytes | bytearray,
        length: int,
        barred: Collection[int],
        reporter: Reporter | None,
        columns: frozenset[str],
        log: FingerprintedLog | None = None,
        /,
    ) -> Block:
        """The first `length` bytes as whole lines, `sources.blocks.PADDING` bytes behind them, and what is taken.

        `barred` are lines (from 0) that must not be parsed; `reporter` is None if nothing but the lines tells it.
        Taken are these columns of `columns.HOP_COLUMNS`, with a `log` also those of `HOP_SCHEMA` for clean lines.
        Worker threads call this.
        """

    def fingerprints(self) -> Fingerprints:
        """Numbers for the signatures and senders of a new run."""


def lane() -> Lane:
    """The lane that reads here."""
    not_there = "compiled" if missing() else None
    return _loaded(next(place for name, place in LANES.items() if name != not_there))


@cache
def _loaded(place: str) -> Lane:
    module, made = place.split(":")
    loaded: Lane = getattr(import_module(module), made)()
    return loaded
