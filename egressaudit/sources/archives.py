"""The members of a tar archive, read in place: nothing is unpacked to disk, so a member's name cannot do harm.

In: the bytes of `must-gather.tar.gz`. Out: `("shop/cart-1/istio-proxy.log", bytes)`, one after the other.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from egressaudit.errors import BadLogs

# tarfile reads these headers whole, whatever size they claim. Names and attributes are a few KiB.
_MAX_EXTENDED = 1024 * 1024
_HINT = "The logs before the damage were read."
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _CutOff(Exception):
    """The archive breaks here. Not an error of tarfile's: it takes those for the end of the archive."""


class _Header(tarfile.TarInfo):
    """A member's header. Anything else, except the archive's end mark, breaks the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """The header in this block."""
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # nor this
            raise
        except tarfile.HeaderError as error:
            raise _CutOff("its end marker is missing" if not buf else "a header is broken") from error
        if header.type in _EXTENDED and header.size > _MAX_EXTENDED:
            raise _CutOff(f"a header claims to be {header.size} bytes long")
        return header


def members(stream: BinaryIO, name: str, skipped: Counter[str]) -> Iterator[tuple[str, BinaryIO]]:
    """The path and the bytes of each regular file, in the archive's order, each to be read before the next.

    Links, devices, sparse files and names that lead out of the archive are counted in `skipped`. Raises BadLogs where
    the archive breaks.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header, errorlevel=1) as archive:
            while (member := archive.next()) is not None:
                # tarfile remembers every header; we never look back, so forget them.
                archive.members.clear()  # type: ignore[attr-defined]  # typeshed does not know it
                if reason := _not_read(member):
                    skipped[reason] += reason != "folders"
                elif (data := archive.extractfile(member)) is not None:
                    yield member.name.lstrip("/"), data  # type: ignore[misc]  # it reads as a BinaryIO does
    except _CutOff as error:
        raise BadLogs(f"{name} is broken: {error}", hint=_HINT) from error
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise BadLogs(
            f"{name} is broken: it is damaged here, or was cut off", hint="The logs before the damage were read."
        ) from error


def _not_read(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "folders"
    if member.issym() or member.islnk():
        return "links"
    if member.issparse():
        return "sparse files"
    if not member.isreg():
        return "devices and other special files"
    if ".." in member.name.split("/") or "\0" in member.name:
        return "names that lead out of the archive"
    return ""
