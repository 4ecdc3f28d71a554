"""What the values of a column must be, checked and converted for all lines of a block at once.

Each function says which lines it takes: what it does not take is not wrong, but left to the careful lane.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa

from egressaudit.columnar.words import Bools, Ints, Text, digit, digit_pairs, fits, mask, number, pair, unword

_DASH = ord("-")
_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_DATE, _CLOCK = mask("0000-00-"), mask("00T00:00")
_MILLI, _MICRO, _MICRO_END = mask(":00.000Z"), mask(":00.0000"), mask("00Z\0\0\0\0\0")
_SEPARATORS = np.uint64(0x00FFFF00FFFFFFFF)
"""Of a word `2024-11-` all but the two dashes."""


def times(text: Text, starts: Ints, lengths: Ints, digits: int) -> tuple[Ints, Bools]:
    """Microseconds since 1970 of times as `2024-11-07T14:35:52.428Z`, with 3 or 6 digits behind the point."""
    day, clock, second = text.words[starts], text.words[starts + 8], text.words[starts + 16]
    good = (lengths == 21 + digits) & fits(day, _DATE) & fits(clock, _CLOCK)
    pairs = digit_pairs(second)
    fraction = pair(pairs, 4) * 10_000
    if digits == 3:
        good &= fits(second, _MILLI)
        fraction += digit(second, 6) * 1000
    else:
        end = text.words[starts + 24] & np.uint64(0xFFFFFF)
        good &= fits(second, _MICRO) & fits(end, _MICRO_END)
        fraction += pair(pairs, 6) * 100 + pair(digit_pairs(end), 0)
    seconds = pair(pairs, 1)
    pairs = digit_pairs(clock)
    hours, minutes = pair(pairs, 3), pair(pairs, 6)
    good &= (hours < 24) & (minutes < 60) & (seconds < 60)
    # The day of the month goes where the dashes were: each distinct day is one number.
    key = (day & _SEPARATORS & np.uint64(0x00FFFFFFFFFFFFFF)) | ((clock & np.uint64(0xFF)) << np.uint64(32))
    key |= (clock & np.uint64(0xFF00)) << np.uint64(48)
    days, real = _distinct(key, _days)
    return ((days * _DAY + (hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction), good & real


def _days(written: bytes) -> int | None:
    """Days since 1970 of `2024` + day's first digit + `11` + day's second digit, None where there is no such day."""
    try:
        return date(int(written[:4]), int(written[5:7]), int(written[4:5] + written[7:8])).toordinal() - _EPOCH
    except ValueError:
        return None


def _distinct(keys: np.ndarray, convert: Callable[[bytes], int | None]) -> tuple[Ints, Bools]:
    encoded = pa.array(keys).dictionary_encode()
    converted = [convert(unword(each)) for each in encoded.dictionary.to_pylist()]
    which = encoded.indices.to_numpy(zero_copy_only=False)
    values = np.array([0 if each is None else each for each in converted], dtype=np.int64)
    return values[which], np.array([each is not None for each in converted], dtype=np.bool_)[which]


def dashes(text: Text, starts: Ints, lengths: Ints) -> Bools:
    """Where the value is `-`, which is how Envoy writes that there is none."""
    found: Bools = lengths == 1
    found[found] = text.bytes[starts[found]] == _DASH
    return found


def numbers(text: Text, starts: Ints, lengths: Ints) -> tuple[Ints, Bools, Bools]:
    """Whole numbers of up to 16 digits or `-`: the values, where they are `-`, and which lines are taken."""
    values, good = number(text, starts, lengths)
    absent = dashes(text, starts, lengths)
    return values, absent, good | absent


def short_words(text: Text, starts: Ints, lengths: Ints, terminal: str) -> tuple[pa.Array, Bools]:
    """Texts of up to eight bytes that a pattern takes, None for `-`, and which lines are taken."""
    encoded = pa.array(text.first(starts, lengths)).dictionary_encode()
    written = [unword(each).decode("ascii", "replace") for each in encoded.dictionary.to_pylist()]
    pattern = re.compile(terminal)
    which = encoded.indices.to_numpy(zero_copy_only=False)
    good = np.array([pattern.fullmatch(each) is not None for each in written], dtype=np.bool_)[which]
    values = pa.array([None if each == "-" else each for each in written], pa.string()).take(encoded.indices)
    return values, good & (lengths <= 8)
