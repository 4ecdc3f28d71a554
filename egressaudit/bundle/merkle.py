r"""A Merkle tree over the lines of a log, as RFC 9162 (2.1) builds it: one hash for the log, a small proof for a line.

    leaf  SHA-256(0x00, the line's number from 1 as 8 bytes, the line's bytes with its newline)
    node  SHA-256(0x01, left, right)

The bytes of all leaves, one after the other, are the log. A leaf has its number so that lines which are alike have
hashes that are not.

In: the bytes of a log, in pieces. Out: its root; for some of its lines, their proofs.
Example: a log with the one line `a\n` has the root SHA-256(0x00, 0x00…01, `a\n`), and the proof of that line is empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from egressaudit.compiled_module import missing

HASH = 32
"""Bytes of a hash."""
_GROUP = 1024
"""Leaves that are hashed to one node at once; a power of two, so that such a node is one of the tree."""
_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(number: int, line: bytes) -> bytes:
    """The hash of a line, which is numbered from 1; `line` has its newline, unless the log ends without one."""
    return hashlib.sha256(_LEAF + number.to_bytes(8, "big") + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbours."""
    return hashlib.sha256(_NODE + left + right).digest()


def leaf_hashes(lines: bytes, first: int) -> bytes:
    """The hashes of whole lines, one after the other; the first one has the number `first`."""
    if not missing():
        from egressaudit import _lanes

        return _lanes.leaf_hashes(lines, first)
    return b"".join(leaf_hash(number, line) for number, line in enumerate(_split(lines), start=first))


def root_of(leaves: bytes) -> bytes:
    """The root over leaves' hashes, one after the other."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if not missing():
        from egressaudit import _lanes

        return _lanes.root_of(leaves)
    level = [leaves[at : at + HASH] for at in range(0, len(leaves), HASH)]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [*map(node_hash, level[::2], level[1::2]), *odd]
    return level[0]


def _split(lines: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(lines):
        end = lines.find(b"\n", start) + 1 or len(lines)
        yield lines[start:end]
        start = end


@dataclass(slots=True)
class _Subtree:
    """A node with how many leaves it has, and those of them whose proofs are wanted (from 0)."""

    root: bytes
    leaves: int
    wanted: list[int] = field(default_factory=list)


class LogTree:
    """The tree over a log that is given in pieces; it keeps one hash for each level, and what is asked for.

    `proofs` has the hashes that lead from each wanted line (from 1) to the root, once `end` was called.
    """

    def __init__(self, wanted: Iterable[int] = ()) -> None:
        self.lines = self.size = 0
        self.proofs: dict[int, list[bytes]] = {number: [] for number in sorted(wanted)}
        self._open: hashlib._Hash | None = None
        self._half = b""
        self._leaves = b""
        self._stack: list[_Subtree] = []

    def add(self, data: bytes | memoryview) -> bytes:
        """Take the next bytes; the hashes of the lines that end in them."""
        data = bytes(data)
        self.size += len(data)
        start, hashes = 0, b""
        if self._open is not None:
            start = data.find(b"\n") + 1
            self._open.update(data[:start] if start else data)
            if not start:
                return b""
            hashes = self._closed()
        end = data.rfind(b"\n") + 1
        if end > start:
            whole = leaf_hashes(data[start:end], self.lines + 1)
            self._put(whole)
            hashes += whole
        if end < len(data):
            # A line may have no end, so its bytes are not kept.
            self._open = hashlib.sha256(_LEAF + (self.lines + 1).to_bytes(8, "big") + data[end:])
        return hashes

    def end(self) -> bytes:
        """The hash of a last line without a newline, b'' if every line has one. Nothing can be added after it."""
        hashes = self._closed()
        if self._leaves:
            self._push(self._leaves)
            self._leaves = b""
        while len(self._stack) > 1:
            self._join()
        return hashes

    @property
    def root(self) -> bytes:
        """The root, once `end` was called."""
        return self._stack[0].root if self._stack else root_of(b"")

    def _closed(self) -> bytes:
        """The hash of the line that was open, b'' if none was."""
        if self._open is None:
            return b""
        leaf, self._open = self._open.digest(), None
        self._put(leaf)
        return leaf

    def add_leaves(self, hashes: bytes) -> None:
        """Take hashes of whole lines instead of their bytes; a hash may come in pieces."""
        self._half += hashes
        whole = len(self._half) // HASH * HASH
        self._put(self._half[:whole])
        self._half = self._half[whole:]

    def _put(self, hashes: bytes) -> None:
        self.lines += len(hashes) // HASH
        self._leaves += hashes
        whole = len(self._leaves) // (_GROUP * HASH) * (_GROUP * HASH)
        for at in range(0, whole, _GROUP * HASH):
            self._push(self._leaves[at : at + _GROUP * HASH])
        self._leaves = self._leaves[whole:]

    def _push(self, leaves: bytes) -> None:
        """Put the tree over the next leaves beside those before; trees of one size become one."""
        first, count = sum(each.leaves for each in self._stack), len(leaves) // HASH
        wanted = [number for number in self.proofs if first < number <= first + count]
        for number in wanted:
            self.proofs[number] += path(leaves, number - first - 1)
        self._stack.append(_Subtree(root_of(leaves), count, wanted))
        while len(self._stack) > 1 and self._stack[-2].leaves == self._stack[-1].leaves:
            self._join()

    def _join(self) -> None:
        right, left = self._stack.pop(), self._stack.pop()
        for number in left.wanted:
            self.proofs[number].append(right.root)
        for number in right.wanted:
            self.proofs[number].append(left.root)
        joined = _Subtree(node_hash(left.root, right.root), left.leaves + right.leaves, left.wanted + right.wanted)
        self._stack.append(joined)


def path(leaves: bytes, index: int) -> list[bytes]:
    """The hashes that lead from a leaf (from 0) to the root over these leaves, the nearest first (RFC 9162 2.1.3.1)."""
    count = len(leaves) // HASH
    if count == 1:
        return []
    half = HASH * (1 << (count - 1).bit_length() - 1)
    if index * HASH < half:
        return [*path(leaves[:half], index), root_of(leaves[half:])]
    return [*path(leaves[half:], index - half // HASH), root_of(leaves[:half])]


def root_by(leaf: bytes, number: int, lines: int, proof: Iterable[bytes]) -> bytes | None:
    """The root that a proof gives for a line of a log with `lines` lines (RFC 9162 2.1.3.2); None if it can't be."""
    if not 0 < number <= lines:
        return None
    at, last, found = number - 1, lines - 1, leaf
    for other in proof:
        if last == 0:
            return None
        if at % 2 or at == last:
            found = node_hash(other, found)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None
