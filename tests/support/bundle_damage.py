"""Single bits of a bundle, flipped: in a member, anywhere in the archive, or in the compressed file.

In: a bundle, and random numbers. Out: for each flip what should have been said and was not, '' if all was right.
Example: a bit of line 3 of a log is flipped; the check must name that log and that line.
"""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import zstandard

from egressaudit.bundle.checking import checked_bundle
from egressaudit.errors import BadLogs
from support.bundles import Members, compressed, members_of, packed, unpacked


class Damage:
    """A bundle, and a file for its damaged copies."""

    def __init__(self, bundle: Path, scratch: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self._scratch = scratch
        self._members = members_of(bundle)
        self._archive = unpacked(bundle)
        self._file = bundle.read_bytes()

    def in_a_member(self) -> str:
        """Flip a bit of a member's content: the member must be named, and of a log the line."""
        number = self._random.randrange(len(self._members))
        name, data = self._members[number]
        if not data:
            return ""
        at, changed = self._flipped(data)
        members: Members = [*self._members[:number], (name, changed), *self._members[number + 1 :]]
        said = _said(packed(self._scratch, members))
        line = data.count(b"\n", 0, at) + 1
        wanted = f"line {line} was changed", f"the first that differs is {line}"
        if any(name in each and (not name.startswith("logs/") or each.endswith(wanted)) for each in said):
            return ""
        return f"byte {at} of {name} (line {line}): {said}"

    def any_member(self) -> Path:
        """A copy with one flipped bit in a member's content."""
        filled = [number for number, (_, data) in enumerate(self._members) if data]
        number = self._random.choice(filled)
        name, data = self._members[number]
        _, changed = self._flipped(data)
        return packed(self._scratch, [*self._members[:number], (name, changed), *self._members[number + 1 :]])

    def in_the_archive(self) -> str:
        """Flip any bit of the archive, of headers too: something must be said."""
        at, changed = self._flipped(self._archive)
        said = _said(compressed(self._scratch, changed))
        return "" if said else f"byte {at} of the archive: nothing was said"

    def in_the_file(self) -> str:
        """Flip a bit of the compressed file: something must be said, or the content is the same."""
        at, changed = self._flipped(self._file)
        self._scratch.write_bytes(changed)
        if _said(self._scratch) or _content(changed) == self._archive:
            return ""
        return f"byte {at} of the file: nothing was said"

    def _flipped(self, data: bytes) -> tuple[int, bytes]:
        at, bit = self._random.randrange(len(data)), self._random.randrange(8)
        return at, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def _said(file: Path) -> list[str]:
    """What the check says is wrong."""
    try:
        return checked_bundle(file).altered
    except BadLogs as error:
        return [error.message]


def _content(data: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().stream_reader(BytesIO(data), read_across_frames=True).read()
    except zstandard.ZstdError:
        return b""
