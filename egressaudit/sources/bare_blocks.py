"""Blocks of lines without what CRI or `kubectl --timestamps` puts before each: many lines at once.

A line is taken so only where each byte before its own first one stands as the usual writers put it. Every other line,
and each that may end a line which came in parts, goes through `Unwrapping`, as do all lines of a log read one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from egressaudit.sources.blocks import PADDING, LineBlock
from egressaudit.sources.unwrapping import Numbered, Unwrapping
from egressaudit.sources.wrappers import Wrapper

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

IN_BLOCKS = (Wrapper.CRI, Wrapper.TIMESTAMPS)
"""The wrappers that are taken off so: they say nothing of whose line it is."""

_LINES = 50_000
"""So many lines are unwrapped at once: several times as many as a block has of any proxy."""

_SECONDS = b"0000-00-00T00:00:00"
_SIGNED = (b"+00:00", b"-00:00")
_ZERO = np.arange(256, dtype=np.uint8)
_ZERO[ord("0") : ord("9") + 1] = ord("0")
"""Each byte, and `0` for any digit: so a text becomes its shape."""

_STREAMS = (b" stdout F ", b" stderr F ")
_BEGINS = np.isin(np.arange(256), np.frombuffer(b"[{0123456789", dtype=np.uint8))
"""How a proxy's lines begin. Behind a time a word may be the agent's level, and then the time is its own."""


@dataclass(frozen=True, slots=True)
class _Fitting:
    """Which lines of a block begin as the usual writers put it, and how many bytes are not theirs.

    `streams` says about each stream which lines come from it; there is none where lines do not come in parts.
    """

    fits: Bools
    before: Ints
    streams: tuple[Bools, ...]


def bare_blocks(blocks: Iterable[LineBlock], wrapper: Wrapper) -> Iterator[LineBlock]:
    """The blocks of one log without this wrapper, one of IN_BLOCKS; each has a line, and says its lines' numbers."""
    unwrapping, read = Unwrapping(wrapper), 0
    for block in chain.from_iterable(map(_of_few_lines, blocks)):
        own = np.frombuffer(block.data, dtype=np.uint8)
        ends = np.flatnonzero(own[: block.length] == ord("\n"))
        starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])
        fitting = _fitting(block, own, starts, wrapper)
        single = _singly(fitting, waiting=unwrapping.waiting)
        others: list[tuple[int, Numbered]] = []
        for n in np.flatnonzero(single).tolist():
            text = block.text(n, int(starts[n]), int(ends[n]))
            if (line := unwrapping.line(read + n + 1, text, block.faults.get(n, ""))) is not None:
                others.append((n, line))
        bare = _put_together(block, starts, fitting, np.flatnonzero(~single), others, read)
        if bare.length:
            yield bare
        read += len(ends)
    if left := list(unwrapping.end()):
        none, nothing = _ints(()), LineBlock(bytes(PADDING), 0, {})
        yield _put_together(nothing, none, _Fitting(none == 0, none, ()), none, list(enumerate(left)), read)


def _of_few_lines(block: LineBlock) -> Iterator[LineBlock]:
    """The block, in several where it has very many lines: what is kept of each line is more than an empty one."""
    if block.data.count(b"\n", 0, block.length) <= _LINES:
        yield block
        return
    ends = np.flatnonzero(np.frombuffer(block.data, dtype=np.uint8, count=block.length) == ord("\n"))
    start = 0
    for first in range(0, len(ends), _LINES):
        end = int(ends[first : first + _LINES][-1]) + 1
        faults = {n - first: fault for n, fault in block.faults.items() if first <= n < first + _LINES}
        yield LineBlock(block.data[start:end] + bytes(PADDING), end - start, faults)
        start = end


def _fitting(block: LineBlock, own: Bytes, starts: Ints, wrapper: Wrapper) -> _Fitting:
    fits, at = _times(block.data, own, starts)
    fits[list(block.faults)] = False
    if wrapper is Wrapper.CRI:
        found = _windows(block.data, at, len(_STREAMS[0]))
        streams = tuple(fits & (found == stream) for stream in _STREAMS)
        return _Fitting(np.logical_or.reduce(streams), at + len(_STREAMS[0]) - starts, streams)
    fits &= (own[at] == ord(" ")) & _BEGINS[own[at + 1]]
    return _Fitting(fits, at + 1 - starts, ())


def _times(data: bytes | bytearray, own: Bytes, starts: Ints) -> tuple[Bools, Ints]:
    """Which lines begin with a time of RFC 3339, and where each of these ends; at most 36 bytes from where it starts.

    Of 0 to 9 digits behind the second, for Go's RFC3339Nano leaves out zeros at the end (containerd); Z or an offset,
    which CRI-O writes (containers/conmon src/ctr_logging.c, set_k8s_timestamp).
    """
    good: Bools = _shapes(data, starts, len(_SECONDS)) == _SECONDS
    at = starts + len(_SECONDS)
    dot = own[at] == ord(".")
    digits = _shapes(data, at + 1, 10).view(np.uint8).reshape(len(at), 10) == ord("0")
    count = np.logical_and.accumulate(digits, axis=1).sum(axis=1)
    good &= ~dot | ((count >= 1) & (count <= 9))
    at += np.where(dot, 1 + count, 0)
    utc = own[at] == ord("Z")
    if not utc.all():
        zones = _shapes(data, at, len(_SIGNED[0]))
        good &= utc | (zones == _SIGNED[0]) | (zones == _SIGNED[1])
    at += np.where(utc, 1, len(_SIGNED[0]))
    return good, at


def _windows(data: bytes | bytearray, starts: Ints, size: int) -> npt.NDArray[np.bytes_]:
    """The bytes at each place, so many."""
    every: npt.NDArray[np.bytes_] = np.ndarray((len(data) - size + 1,), dtype=f"S{size}", buffer=data, strides=(1,))
    return every[starts]


def _shapes(data: bytes | bytearray, starts: Ints, size: int) -> npt.NDArray[np.bytes_]:
    """The same, with a `0` for each digit."""
    return _ZERO[_windows(data, starts, size).view(np.uint8)].view(f"S{size}")


def _singly(fitting: _Fitting, *, waiting: bool) -> Bools:
    """Which lines are to be unwrapped one by one: those that do not fit, and each that may end one of these.

    A part waits for the next whole line of its stream and for no other. So the first of each stream behind a line
    that does not fit is enough, and the block's first, where parts are `waiting` from the blocks before.
    """
    single = ~fitting.fits
    odd = np.flatnonzero(single)
    if waiting:
        odd = np.concatenate([np.full(1, -1, dtype=np.int64), odd])
    if len(odd):
        for stream in fitting.streams:
            at = np.flatnonzero(stream)
            behind = np.searchsorted(at, odd)
            single[at[behind[behind < len(at)]]] = True
    return single


def _put_together(
    block: LineBlock, starts: Ints, fitting: _Fitting, whole: Ints, others: list[tuple[int, Numbered]], read: int
) -> LineBlock:
    """The lines `whole`, which fit, and between them the others at their places; `read` lines are before the block."""
    count, texts = len(starts), [_bytes(line) for _, line in others]
    # Pieces that lie one behind the other: of each line its wrapper and the rest, then the other lines, then padding.
    data = b"".join([block.data[: block.length], *texts, bytes(PADDING)]) if texts else block.data
    edges = np.empty(2 * count + len(texts) + 2, dtype=np.int64)
    edges[: 2 * count : 2] = starts
    edges[1 : 2 * count : 2] = starts + np.where(fitting.fits, fitting.before, 0)
    edges[2 * count :] = block.length + np.cumsum([0, *map(len, texts), PADDING])
    pieces = np.concatenate([2 * whole + 1, 2 * count + np.arange(len(texts))])
    numbers = np.concatenate([read + 1 + whole, _ints(line.number for _, line in others)])
    faults = {}
    if others:
        order = np.argsort(np.concatenate([whole, _ints(n for n, _ in others)]))
        pieces, numbers = pieces[order], numbers[order]
        places = np.argsort(order)[len(whole) :].tolist()
        faults = {place: line.fault for place, (_, line) in zip(places, others, strict=True) if line.fault}
    length = int((edges[pieces + 1] - edges[pieces]).sum())
    # Arrow copies pieces faster than numpy drops bytes by a mask.
    every = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(edges) - 1, [None, pa.py_buffer(edges), pa.py_buffer(data)]
    )
    chosen = every.take(pa.array(np.append(pieces, len(edges) - 2)))
    return LineBlock(chosen.buffers()[2].slice(0, length + PADDING).to_pybytes(), length, faults, numbers)


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int64)


def _bytes(line: Numbered) -> bytes:
    r"""The line with its newline; `LineBlock.text` takes one `\r` from a line without a fault."""
    end = b"\r\n" if line.line.text.endswith("\r") and not line.fault else b"\n"
    return line.line.text.encode("utf-8", "surrogateescape") + end
