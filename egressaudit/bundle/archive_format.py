"""The bundle as a file: a tar archive, compressed with Zstandard, of which every byte is fixed by its members.

In: members with their bytes. Out: the file; and from a file, its members again, one after the other. A header that is
not the one we write for that name and size is refused, so a bundle holds no link, no device and no name that leads
anywhere; nothing is unpacked to disk.
Example: `report.json` of 812 bytes is a header of 512 bytes, the report, and zeros up to the next multiple of 512.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as File
from typing import BinaryIO

from egressaudit.errors import BadLogs, OutputFailed, why_refused
from egressaudit.given_files import is_pipe, open_given
from egressaudit.sources.streams import Stream, filling

_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1024 * 1024
_LEVEL = 6
"""Of the compression. docs/bundle.md has what others cost."""
_RATIO, _SPARE = 2000, 64 * 1024 * 1024
"""How much a bundle may hold for each of its bytes, and how much without asking. Hashes do not compress, and there are
four bytes of them for each line, so that no bundle of ours comes near."""
LARGEST = 256 * 1024 * 1024
"""Bytes of a member that is read as a whole: all but logs and the hashes of their lines."""
_KINDS = {
    **dict.fromkeys((tarfile.SYMTYPE, tarfile.LNKTYPE), "a link"),
    **dict.fromkeys((tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE), "a device or a pipe"),
    tarfile.DIRTYPE: "a folder",
}
_PART = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
NAME = re.compile(
    r"manifest\.json|signature\.json|SHA256SUMS|collection\.json|mesh\.json|policy\.yaml|report\.json|"
    rf"lines\.jsonl|leaves/[0-9]{{6}}|logs/[0-9]{{6}}/(?:log|{_PART}/{_PART}/{_PART})\.log"
)
"""The names that a member can have."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member to be written: `data` has `size` bytes."""

    name: str
    size: int
    data: Iterable[bytes | memoryview]
    is_whole: bool = False
    """Whether readers take it as a whole."""


def whole(name: str, data: bytes) -> Member:
    """A member whose bytes are here."""
    return Member(name, len(data), (data,), is_whole=not name.startswith("leaves/"))


def write_archive(out: BinaryIO, members: Iterable[Member]) -> None:
    """Write the archive; the same members give the same bytes. OSError; OutputFailed if one is not of its size."""
    import zstandard

    begun, total = out.tell() if out.seekable() else 0, 2 * _BLOCK
    packer = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with packer.stream_writer(out, closefd=False) as stream:
        for member in members:
            if member.is_whole and member.size > LARGEST:
                raise OutputFailed(f"{member.name} is too large for a bundle: it has {member.size} bytes")
            stream.write(_header(member.name, member.size))
            written = 0
            for piece in member.data:
                written += len(piece)
                stream.write(piece)
            if written != member.size:
                raise OutputFailed(f"{member.name} changed while it was written to the bundle")
            stream.write(bytes(-written % _BLOCK))
            total += written
        stream.write(bytes(2 * _BLOCK))
    if out.seekable() and total > _RATIO * (out.tell() - begun) + _SPARE:
        raise OutputFailed("the bundle would hold more than anybody unpacks: its logs repeat one very long line")


def _header(name: str, size: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header.tobuf(tarfile.GNU_FORMAT)


class ReadMember:
    """A member while it is read: its name, its size, and once its bytes, which must be taken before the next member."""

    def __init__(self, name: str, size: int, archive: _Archive) -> None:
        self.name = name
        self.size = size
        self._archive = archive
        self._left = size

    def pieces(self) -> Iterator[bytes]:
        """The bytes, in pieces. BadLogs where the file breaks."""
        while self._left:
            piece = self._archive.take(min(self._left, _CHUNK), self.name)
            self._left -= len(piece)
            yield piece
        padding = -self.size % _BLOCK
        if self._archive.exactly(padding, self.name) != bytes(padding):
            raise BadLogs(f"{self._archive.file}: {self.name} is not followed by zeros")

    def skip(self) -> None:
        """Go to the next member. BadLogs as above."""
        for _ in self.pieces():
            pass

    def whole(self, most: int) -> bytes:
        """All bytes; BadLogs if there are more than `most`."""
        if self.size > most:
            raise BadLogs(f"{self._archive.file}: {self.name} is larger than {most // 1024**2} MiB")
        return b"".join(self.pieces())


@contextmanager
def read_archive(file: File) -> Iterator[Iterator[ReadMember]]:
    """The members of a bundle in their order, while the file is open. BadLogs if it isn't a bundle, or is broken."""
    if is_pipe(file):
        raise BadLogs(f"{file} is a pipe; a bundle is read more than once", hint="Write it to a file first.")
    try:
        raw = open_given(file)
    except OSError as error:
        raise BadLogs(f"cannot read {file}: {why_refused(error)}") from error
    with raw:
        yield _Archive(raw, file).members()


class _Archive:
    """The bytes of a bundle, decompressed as they are asked for."""

    def __init__(self, raw: io.FileIO, file: File) -> None:
        self.file = file
        self._read = self._given = 0

        def read(size: int) -> bytes:
            data = raw.read(size)
            self._read += len(data)
            return data

        self._stream = Stream(filling(read), str(file))

    def members(self) -> Iterator[ReadMember]:
        """One after the other, up to the end of the file."""
        before = ""
        while (block := self.exactly(_BLOCK, before)) != bytes(_BLOCK):
            name, size = self._named(block, before)
            yield ReadMember(name, size, self)
            before = name
        if self.exactly(_BLOCK, before) != bytes(_BLOCK) or self._stream.buffered.read(1):
            raise BadLogs(f"{self.file}: something follows the last member, {before}")
        if self._stream.fault:
            raise BadLogs(f"{self.file} is broken behind {before}: {self._stream.fault}")

    def _named(self, block: bytes, before: str) -> tuple[str, int]:
        """The name and the size in a header, which is exactly as we write it."""
        behind = f"the header behind {before}" if before else "its first header"
        try:
            found = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.TarError, ValueError) as error:
            raise BadLogs(f"{self.file} is not an evidence bundle: {behind} is broken") from error
        if kind := _KINDS.get(found.type):
            raise BadLogs(f"{self.file}: {found.name} is {kind}, and a bundle has only files")
        if not NAME.fullmatch(found.name) or found.type != tarfile.REGTYPE:
            raise BadLogs(f"{self.file} is not an evidence bundle: no member of one is called {found.name!r}")
        if found.size < 0 or _header(found.name, found.size) != block:
            raise BadLogs(f"{self.file}: the header of {found.name} is not as egressaudit writes it")
        return found.name, found.size

    def take(self, most: int, name: str) -> bytes:
        """Some bytes; BadLogs where the file breaks or claims to hold more than it can."""
        data = self._stream.buffered.read1(most)
        self._given += len(data)
        if not data:
            where = f"in {name}" if name else "at its start"
            raise BadLogs(f"{self.file} is broken {where}: {self._stream.fault or 'it was cut off'}")
        if self._given > _RATIO * self._read + _SPARE:
            raise BadLogs(
                f"{self.file} holds more than {_RATIO} times its own size, up to {name}: no bundle of ours does"
            )
        return data

    def exactly(self, size: int, name: str) -> bytes:
        """So many bytes. BadLogs as for `take`."""
        found = bytearray()
        while len(found) < size:
            found += self.take(size - len(found), name)
        return bytes(found)
