"""Bytes from files and pipes: decompressed by their first bytes, in bounded memory, with every break recorded.

In: `app.log.gz`. Out: `Stream` with the decompressed bytes; `fault` says why it broke, if it did.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from egressaudit.errors import BadLogs, NotRead, why_refused

if TYPE_CHECKING:
    import zstandard
    from _typeshed import WriteableBuffer

_CHUNK = 256 * 1024
# zstd packs 128 KiB into 4 bytes at best (RFC 8878, RLE blocks), so a step of input gives 8 MiB at most.
_ZSTD_STEP = 256
# The limit of zstd's own command line (zstd.1, --memory).
_ZSTD_WINDOW = 128 * 1024 * 1024

_NEAR = 4096
_ENDLESS = 256 * 1024 * 1024
"""Bytes without a newline after which a log is none: /dev/zero, a core file, a few bytes of gzip."""
_HEAD = 512
"""How many first bytes show a format: a tar archive's first header has so many."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_NOT_READ = {b"PK\x03\x04": "zip", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2", b"7z\xbc\xaf": "7z"}


Fill = Callable[[memoryview], int]
"""Fills a buffer from its start, and returns how far; 0 at the end."""


def filling(read: Callable[[int], bytes]) -> Fill:
    """One that reads new bytes each time."""

    def fill(buffer: memoryview) -> int:
        # Small pieces: allocating memory for larger ones costs more than reading them.
        data = read(min(len(buffer), _CHUNK))
        buffer[: len(data)] = data
        return len(data)

    return fill


class Guarded(io.RawIOBase):
    """A stream that ends where it breaks and keeps the reason in `fault`, so what was read before is not lost."""

    def __init__(self, fill: Fill) -> None:
        super().__init__()
        self._fill = fill
        self.fault = ""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The number of bytes read into the buffer; 0 at the end, and from the first break on."""
        if self.fault:
            return 0
        try:
            return self._fill(memoryview(buffer))
        except (EOFError, OSError, zlib.error, tarfile.TarError) as error:
            self.fault = _why_broken(error)
            return 0


def _why_broken(error: Exception) -> str:
    """In words of our own: what libraries say may quote what is in the file."""
    if isinstance(error, EOFError):
        return "it was cut off: the compressed data has no end"
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return "the compressed data is damaged here, or something else follows it"
    if isinstance(error, tarfile.TarError):
        return "the archive is damaged here, or was cut off"
    return why_refused(error) if isinstance(error, OSError) else "it cannot be read further"


Watch = Callable[[memoryview], None]
"""Called with the bytes as they are read, in order, each once. They don't change while it keeps them."""


class Stream:
    """A file's decompressed bytes, buffered; `head` shows its start, which is still to be read.

    With `unpacked` the bytes are what they are, whatever they begin with.
    """

    def __init__(self, fill: Fill, name: str, *, unpacked: bool = False) -> None:
        self._guards: list[Guarded] = []
        self.buffered = self._layer(fill)
        self.head = self._peek()
        self._unpacked = unpacked
        if unpacked:
            return
        if self.head.startswith(_GZIP):
            unzipped = gzip.GzipFile(fileobj=self.buffered, mode="rb")
            self._unwrap(filling(unzipped.read1))
        elif self.head.startswith(_ZSTD):
            self._unwrap(filling(_Unzstd(self.buffered).read))
        kind = next((kind for magic, kind in _NOT_READ.items() if self.head.startswith(magic)), None)
        if kind is not None:
            raise BadLogs(
                f"{name} is a {kind} file, which is not supported", hint="Unpack it, or repack it as .tar.gz."
            )

    @property
    def is_tar(self) -> bool:
        """Whether it begins as a tar archive does (POSIX and GNU alike)."""
        return self.head[257:262] == b"ustar"

    @property
    def fault(self) -> str:
        """Why it broke, '' if it did not (so far): the innermost cause."""
        return next((guard.fault for guard in self._guards if guard.fault), self._again.fault)

    def _unwrap(self, fill: Fill) -> None:
        self.buffered = self._layer(fill)
        self.head = self._peek()

    def _layer(self, fill: Fill) -> io.BufferedReader:
        guard = Guarded(fill)
        self._guards.append(guard)
        return io.BufferedReader(guard, _CHUNK)

    def _peek(self) -> bytes:
        """The first bytes, which a pipe may give one by one, put back in front of the rest."""
        head = self.buffered.read(_HEAD)
        self._again = _Again(head, self.buffered)
        self.buffered = io.BufferedReader(self._again, _CHUNK)
        return head

    def of_lines(self) -> None:
        """From now on it is a log, which ends where a line has no end; what is unpacked ended there before."""
        self._again.unended = None if self._unpacked else 0

    def watched(self, watch: Watch) -> None:
        """From now on, which is before anything of it is read, show each byte to `watch` too."""
        self._again.watch = watch


class _Again(io.RawIOBase):
    """A stream's beginning, which was read, and then its rest."""

    def __init__(self, head: bytes, rest: io.BufferedReader) -> None:
        super().__init__()
        self._head = io.BytesIO(head)
        self._rest = rest
        self.watch: Watch | None = None
        self.unended: int | None = None
        """How many bytes came since the last newline; None in what has no lines."""
        self.fault = ""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The number of bytes read into the buffer; 0 at the end."""
        if self.fault:
            return 0
        count = self._head.readinto(buffer) or self._rest.readinto1(buffer)
        if self.unended is not None:
            self._look_for_end(memoryview(buffer)[:count])
        if self.watch is not None and count:
            # The buffer is filled again.
            self.watch(memoryview(bytes(memoryview(buffer)[:count])))
        return count

    def _look_for_end(self, data: memoryview) -> None:
        # Most pieces have one near their start: so little is copied.
        ended = b"\n" in bytes(data[:_NEAR]) or b"\n" in bytes(data)
        self.unended = 0 if ended else (self.unended or 0) + len(data)
        if self.unended > _ENDLESS:
            self.fault = f"a line has no end within {_ENDLESS // 1024**2} MiB"


class _Unzstd:
    """Zstandard frames, one after the other; EOFError if the last one is cut.

    Not zstandard's own stream reader: that accepts a cut frame as a whole one.
    """

    def __init__(self, stream: BinaryIO) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._new = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._stream = stream
        self._input = b""
        self._output = io.BytesIO()

    def read(self, size: int) -> bytes:
        """Up to so many bytes, b'' at the end."""
        while not (data := self._output.read(size)):
            step = self._input or self._stream.read(_ZSTD_STEP)
            if not step:
                if self._frame is not None:
                    raise EOFError
                return b""
            self._frame = self._frame or self._new()
            try:
                self._output = io.BytesIO(self._frame.decompress(step))
            except self._error as error:
                raise NotRead("the compressed data is damaged here, or something else follows it") from error
            self._input = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        return data
