"""Logs at volume: hops as Arrow tables, and the account of each log at its end.

In: `Sources`. Out: log after log `HopTable`s (e.g. 100 000 rows each), a `NotParsed` for each line not understood, and
a `TimedLogEnd` with the counts.

Blocks of lines go through a lane (`lanes`) on worker threads: compiled code leaves the interpreter free. What the lane
does not take, the line parser reads here, in the order of the lines. Tests hold every lane to the line parser.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np
import pyarrow as pa

from egressaudit.hops.account import LogAccount, TimedLogEnd
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects import FormatSet
from egressaudit.hops.lanes import (
    ARROW_SCHEMA,
    HOP_SCHEMA,
    Block,
    FingerprintedLog,
    Taken,
    constant,
    lane,
    number_array,
    schema_of,
)
from egressaudit.hops.lanes.unseen_lines import TextLines
from egressaudit.hops.line_parser import LineParser
from egressaudit.hops.rows import NotParsed, parsed_line, row_values
from egressaudit.model import Hop, LogSource, Unparsed
from egressaudit.sources import BLOCK, LineBlock, Log, Origin, SourceLine, Sources, plain_line

__all__ = ["ARROW_SCHEMA", "HopTable", "NotParsed", "TimedLogEnd", "hop_tables", "table_schema"]

_WORKERS = 2
_AHEAD = 8 * _WORKERS
"""Blocks that are read before the first of them is asked for: this bounds the memory."""

_LARGEST = 31 * 1024 * 1024
"""Just below the size from which glibc always gives freed memory back (DEFAULT_MMAP_THRESHOLD_MAX)."""

_LINES_AT_ONCE = 20_000
"""So many lines are read one by one before their table is made."""

_ROWS = 100_000
"""A table has about so many rows: a block's few thousand are not worth a consumer's work for each table."""


@dataclass(frozen=True, slots=True)
class HopTable:
    """Hops of one log, clean or not, with the columns that were asked for, typed as in `ARROW_SCHEMA`."""

    origin: Origin
    table: pa.Table


def hop_tables(
    sources: Sources,
    columns: Sequence[str] | None = None,
    *,
    formats: FormatSet | None = None,
    in_order: bool = False,
    block_size: int = BLOCK,
    fingerprinted: Callable[[Origin], FingerprintedLog | None] | None = None,
) -> Iterator[HopTable | NotParsed | TimedLogEnd]:
    """Everything that the logs hold: tables of these columns (default all), lines not parsed, and each log's account.

    Rows are in the order of their lines if `in_order`, else nearly; each log's tables come before its TimedLogEnd. With
    `formats` Envoy's access lines are in these alone, and the line parser reads all. Text that is not UTF-8 has
    its odd bytes escaped, `\\udcff`, for Arrow's text cannot hold them.

    `fingerprinted` is asked once for each log, before it is read. With it, the tables also have the columns of
    `HOP_SCHEMA`; these are null where it gave None, and for lines that are not clean.
    """
    _keep_memory()
    schema = table_schema(columns, formats)
    if fingerprinted is not None:
        schema = pa.schema([*schema, *HOP_SCHEMA])
    bulk = _Bulk(schema, formats, fingerprinted, in_order=in_order)
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="lane") as pool:
        try:
            for log in sources.logs(block_size):
                yield from bulk.log(log, pool)
        finally:
            pool.shutdown(cancel_futures=True)


def _keep_memory() -> None:
    """Make glibc keep the memory of one block for the next: it adapts to the largest piece that was ever freed.

    Otherwise it returns all memory to the kernel after each block and takes it back page by page (glibc
    malloc/malloc.c, "dynamic mmap threshold").
    """
    np.empty(_LARGEST, dtype=np.uint8)


def table_schema(columns: Sequence[str] | None = None, formats: FormatSet | None = None) -> pa.Schema:
    """The schema of the tables that `hop_tables` gives for these columns and formats."""
    custom = {} if formats is None else formats.columns
    return schema_of(tuple(columns or (*HOP_COLUMNS, *custom)), custom)


class _Bulk:
    """All logs of one run: they share a parser, as rotated logs of one container must."""

    def __init__(
        self,
        schema: pa.Schema,
        formats: FormatSet | None,
        fingerprinted: Callable[[Origin], FingerprintedLog | None] | None,
        *,
        in_order: bool,
    ) -> None:
        self._schema = schema
        self._fingerprinted = fingerprinted
        self._columns = tuple(schema.names)
        self._fields = tuple(zip(schema.names, schema.types, strict=True))
        self._wanted = frozenset(schema.names)
        self._formats = formats
        self._parser = LineParser(formats)
        self._lane = lane()
        self._in_order = in_order
        self._empty = pa.Table.from_arrays([constant(None, 0, kind) for kind in schema.types], schema=schema)

    def log(self, log: Log, pool: ThreadPoolExecutor) -> Iterator[HopTable | NotParsed | TimedLogEnd]:
        """One log."""
        account = LogAccount(log.origin, None if self._fingerprinted is None else self._fingerprinted(log.origin))
        waiting: list[pa.Table] = []
        rows = 0
        for piece in self._pieces(log, account, pool):
            yield from piece.unparsed
            if piece.table.num_rows:
                waiting.append(piece.table)
                rows += piece.table.num_rows
            if rows >= _ROWS:
                yield HopTable(log.origin, pa.concat_tables(waiting))
                waiting, rows = [], 0
        if waiting:
            yield HopTable(log.origin, pa.concat_tables(waiting))
        log.ended(account.read)
        yield account.counted()

    def _pieces(self, log: Log, account: LogAccount, pool: ThreadPoolExecutor) -> Iterator[_Piece]:
        if log.blocks is None or self._formats is not None:
            lines = log.lines if log.blocks is None else _lines_of(log)
            assert lines is not None
            for some in _some(lines):
                yield self._by_line(some, account)
            return
        first = tuple(islice(log.blocks, 2))
        if len(first) == 1:
            # Most logs of a large mesh are one block, and handing it to a thread takes longer than reading it.
            yield self._merged(log.origin, first[0], self._in_blocks(first[0], account), account)
            return
        ahead: deque[tuple[LineBlock, Future[Block]]] = deque()
        for block in chain(first, log.blocks):
            ahead.append((block, pool.submit(self._in_blocks, block, account)))
            if len(ahead) > _AHEAD:
                yield self._merged(log.origin, *_done(*ahead.popleft()), account)
        for waiting in ahead:
            yield self._merged(log.origin, *_done(*waiting), account)

    def _in_blocks(self, block: LineBlock, account: LogAccount) -> Block:
        reporter, log = account.origin.reporter, account.fingerprinted
        return self._lane.read_block(block.data, block.length, block.faults, reporter, self._wanted, log)

    def _merged(self, origin: Origin, block: LineBlock, lines: Block, account: LogAccount) -> _Piece:
        """What the lane made of a block, and of the rest the line parser."""
        taken = lines.taken
        source = origin.source or LogSource("", "", "")
        numbers = np.arange(len(lines)) + account.read + 1 if block.numbers is None else block.numbers
        if not self._parser.believes_all(source):
            # An earlier text line in this log was torn. What follows may be its tail rather than a line of its own;
            # only the line parser tracks that.
            taken = [each for each in taken if each.text]
        rest = np.ones(len(lines), dtype=np.bool_)
        for each in (lines.others, *(each.lines for each in taken)):
            rest[each] = False
        texts = TextLines(origin, block, lines, numbers, taken)
        left = np.flatnonzero(rest)
        piece = self._by_line(self._rest(origin, block, lines, numbers, left, texts), account)
        texts.tell(self._parser, len(lines) - 1)
        tables = [self._table(origin, numbers, each) for each in taken]
        account.took(taken, len(lines.others))
        table = pa.concat_tables([*tables, piece.table])
        if self._in_order and len(tables) + bool(piece.table.num_rows) > 1:
            # Sort by the places kept beside the table, because `line` need not be one of its columns.
            places = np.concatenate([*(each.lines for each in taken), left[piece.places]])
            table = table.take(pa.array(np.argsort(places, kind="stable")))
        return _Piece(table, piece.places, piece.unparsed)

    def _rest(
        self, origin: Origin, block: LineBlock, lines: Block, numbers: np.ndarray, rest: np.ndarray, texts: TextLines
    ) -> Iterator[SourceLine]:
        """The lines that no lane took, for the line parser, which is told of those between them that matter to it."""
        was_wrapped = block.numbers is not None
        # Plain integers: taking numbers from a numpy array one by one is slow.
        places = (each[rest].tolist() for each in (numbers, lines.starts, lines.ends))
        for n, number, start, end in zip(rest.tolist(), *places, strict=True):
            texts.tell(self._parser, n - 1)
            text = block.text(n, start, end)
            yield plain_line(origin, number, text, block.faults.get(n, ""), was_wrapped=was_wrapped)

    def _by_line(self, lines: Iterable[SourceLine], account: LogAccount) -> _Piece:
        columns: dict[str, list[object]] = {column: [] for column in self._columns}
        clean: list[dict[str, object] | None] = []
        places: list[int] = []
        unparsed: list[NotParsed] = []
        for place, line in enumerate(lines):
            parsed = parsed_line(self._parser, line, self._formats)
            account.parsed(parsed)
            match parsed:
                case Hop():
                    row = row_values(parsed, line)
                    for column, values in columns.items():
                        values.append(row.get(column))
                    clean.append(row if parsed.clean else None)
                    places.append(place)
                case Unparsed():
                    unparsed.append(NotParsed(account.origin, parsed))
        table = self._table_of(columns, clean, account.fingerprinted)
        return _Piece(table, np.array(places, dtype=np.int64), unparsed)

    def _table_of(
        self,
        columns: Mapping[str, list[object]],
        clean: Sequence[Mapping[str, object] | None],
        log: FingerprintedLog | None,
    ) -> pa.Table:
        """Rows of the line parser; `clean` are those that are clean, None for each other."""
        if not clean:
            return self._empty
        hops = {} if log is None else log.hops(clean)
        arrays = [hops[each] if each in hops else _array(columns[each], kind) for each, kind in self._fields]
        return pa.Table.from_arrays(arrays, schema=self._schema)

    def _table(self, origin: Origin, numbers: np.ndarray, taken: Taken) -> pa.Table:
        count = len(taken.lines)
        reporter = origin.reporter or taken.reporter
        known: dict[str, object] = {
            "source": origin.name.encode("utf-8", "backslashreplace").decode(),
            "reporter": None if reporter is None else reporter.value,
            "dialect": taken.dialect,
            "clean": taken.clean,
        }
        arrays = []
        for field in self._schema:
            array = taken.columns.get(field.name)
            if field.name == "line":
                array = number_array(numbers[taken.lines], field.type)
            elif array is None:
                array = constant(known.get(field.name), count, field.type)
            arrays.append(array)
        return pa.Table.from_arrays(arrays, schema=self._schema)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A table, `places` of its rows among the lines that were given, and what could not be parsed."""

    table: pa.Table
    places: np.ndarray
    unparsed: list[NotParsed]


def _done(block: LineBlock, read: Future[Block]) -> tuple[LineBlock, Block]:
    return block, read.result()


def _lines_of(log: Log) -> Iterator[SourceLine]:
    number = 0
    for block in log.blocks or ():
        numbers = count(number + 1) if block.numbers is None else block.numbers.tolist()
        for number, (text, fault) in zip(numbers, block.lines(), strict=False):
            yield plain_line(log.origin, number, text, fault, was_wrapped=block.numbers is not None)


def _some(lines: Iterator[SourceLine]) -> Iterator[list[SourceLine]]:
    some: list[SourceLine] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line.line.text)
        if len(some) == _LINES_AT_ONCE or size > BLOCK:
            yield some
            some, size = [], 0
    yield some


def _array(values: list[object], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array(
            [each.encode("utf-8", "backslashreplace").decode() if isinstance(each, str) else each for each in values],
            kind,
        )
