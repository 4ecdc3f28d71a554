"""Text of many lines at once: eight bytes of each line are one number, and arithmetic on these reads them all.

A word is eight bytes from any place, the first one in its lowest byte. Padding behind the text lets a word begin at
its last byte.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

PADDING = 64
"""Bytes that must follow a text."""

_U = np.uint64
_FIRST = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype=_U)
"""For each number of bytes the word that has them all set."""
_ZEROS = _U(0x3030303030303030)
_NIBBLES = _U(0xF0F0F0F0F0F0F0F0)
_SIXES = _U(0x0606060606060606)


class Text:
    """Bytes, and the word that begins at each of them: `length` bytes of `data`, with at least PADDING behind them."""

    __slots__ = ("bytes", "data", "length", "words")

    def __init__(self, data: bytes | bytearray, length: int) -> None:
        assert len(data) - length >= PADDING
        self.data = data
        self.length = length
        self.bytes: Bytes = np.frombuffer(data, dtype=np.uint8)
        self.words: Words = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))

    def first(self, starts: Ints, lengths: Ints) -> Words:
        """The first bytes of each text, up to eight of them, the others zero."""
        words: Words = self.words[starts] & _FIRST[np.minimum(lengths, 8)]
        return words

    def are(self, starts: Ints, expected: bytes) -> Bools:
        """Whether these bytes stand at each place."""
        if len(expected) == 1:
            single: Bools = self.bytes[starts] == expected[0]
            return single
        # Texts of whole words that begin at each byte: numpy copies those that are asked for. To compare their words is
        # several times as fast as to compare their bytes.
        count = (len(expected) + 7) // 8
        words = self._from(starts, 8 * count).view("<u8").reshape(*starts.shape, count)
        result: Bools = (words[..., -1] & _FIRST[len(expected) - 8 * (count - 1)]) == word(expected[8 * (count - 1) :])
        for n in range(count - 1):
            result &= words[..., n] == word(expected[8 * n : 8 * (n + 1)])
        return result

    def are_these(self, starts: Ints, expected: Sequence[bytes]) -> Bools:
        """Whether at the places in each row these texts stand, in their order."""
        width = (max(map(len, expected)) + 7) // 8 * 8
        padded = b"".join(each.ljust(width, b"\0") for each in expected)
        masks = b"".join((b"\xff" * len(each)).ljust(width, b"\0") for each in expected)
        words = self._from(starts, width).view("<u8")
        words &= np.frombuffer(masks, dtype="<u8")
        result: Bools = (words == np.frombuffer(padded, dtype="<u8")).all(axis=1)
        return result

    def _from(self, starts: Ints, width: int) -> np.ndarray:
        """So many bytes from each place."""
        every = np.ndarray((len(self.data) - width + 1,), dtype=f"V{width}", buffer=self.data, strides=(1,))
        return every[starts]


def word(text: bytes) -> np.uint64:
    """The word of a text of up to eight bytes."""
    return _U(int.from_bytes(text, "little"))


def unword(value: int) -> bytes:
    """The text of a word."""
    return value.to_bytes(8, "little").rstrip(b"\0")


def mask(shape: str) -> tuple[np.uint64, np.uint64, np.uint64]:
    """For a shape like `0000-00-`: which bits are fixed, what they are, and which bytes are digits."""
    fixed = bytes(0 if each == "0" else 255 for each in shape)
    value = bytes(0 if each == "0" else ord(each) for each in shape)
    digits = bytes(255 if each == "0" else 0 for each in shape)
    return word(fixed), word(value), word(digits)


def fits(words: Words, shape: tuple[np.uint64, np.uint64, np.uint64]) -> Bools:
    """Whether each word has the shape."""
    fixed, value, digits = shape
    tens = (words ^ _ZEROS) & digits
    result: Bools = ((words & fixed) == value) & (((tens | (tens + _SIXES)) & _NIBBLES & digits) == 0)
    return result


def digit(words: Words, at: int) -> Ints:
    """The digit at a byte of each word."""
    result: Ints = ((words >> _U(8 * at)) & _U(15)).view(np.int64)
    return result


def digit_pairs(words: Words) -> Words:
    """At each byte the number of the two digits that begin there: no sum of these is over 255."""
    digits = words & ~_NIBBLES
    pairs: Words = digits * _U(10) + (digits >> _U(8))
    return pairs


def pair(pairs: Words, at: int) -> Ints:
    """The number of two digits at a byte of each word."""
    result: Ints = ((pairs >> _U(8 * at)) & _U(255)).view(np.int64)
    return result


def number(text: Text, starts: Ints, lengths: Ints) -> tuple[Ints, Bools]:
    """Numbers of 1 to 16 ASCII digits, and whether each is one."""
    values, good = _up_to_eight(text, starts, np.minimum(lengths, 8))
    long = lengths > 8
    if long.any():
        more = lengths[long] - 8
        low, well = _up_to_eight(text, starts[long] + 8, np.minimum(more, 8))
        values[long] = values[long] * _POWERS[np.minimum(more, 8)] + low
        good[long] &= well & (more <= 8)
    return values, good & (lengths > 0)


_POWERS = np.array([10**n for n in range(9)], dtype=np.int64)


def _up_to_eight(text: Text, starts: Ints, lengths: Ints) -> tuple[Ints, Bools]:
    # The digits go to the high end, with zeros before them; then neighbours are joined, twice and four times as wide
    # (the usual SWAR parse, https://johnnylee-sde.github.io/Fast-numeric-string-to-int/).
    gap = ((8 - lengths) * 8).astype(_U)
    empty = lengths == 0
    if empty.any():
        gap = np.where(empty, _U(0), gap)
    words = text.words[starts] << gap
    digits = words ^ (_ZEROS & (~_U(0) << gap))
    good: Bools = ((digits | (digits + _SIXES)) & _NIBBLES) == 0
    digits = ((digits * _U(2561)) >> _U(8)) & _U(0x00FF00FF00FF00FF)
    digits = ((digits * _U(6553601)) >> _U(16)) & _U(0x0000FFFF0000FFFF)
    digits = (digits * _U(42949672960001)) >> _U(32)
    return digits.astype(np.int64), good
