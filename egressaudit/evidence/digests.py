"""Digests of evidence: SHA-256 of a file, and of several files together.

In: names and SHA-256 of files. Out: one SHA-256 for all, which anybody can check without us: it is that of the list
which `sha256sum` prints for these files, sorted by name:

    cd evidence && find . -name '*.log' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def sha256(data: bytes) -> str:
    """The SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_of_files(files: Iterable[tuple[str, str]]) -> str:
    """The SHA-256 of the list of these files, each a name and the SHA-256 of its bytes; '' if there is none."""
    listed = sorted((_bytes(name), digest) for name, digest in files)
    return sha256(b"".join(_line(name, digest) for name, digest in listed)) if listed else ""


def _line(name: bytes, digest: str) -> bytes:
    """A line as GNU sha256sum writes it: a name that would break it is escaped, and a backslash in front says so."""
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return b"%s%s  %s\n" % (b"\\" if escaped != name else b"", digest.encode(), escaped)


def _bytes(name: str) -> bytes:
    """A name as the file system has it."""
    return name.encode("utf-8", "surrogateescape")
