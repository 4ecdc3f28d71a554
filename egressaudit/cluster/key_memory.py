"""Keys that a kubeconfig has inline: in memory, and never in a file that a killed run would leave behind.

In: a certificate or a key; OpenSSL reads files alone. Out: a path of this process's own memory, /proc/self/fd/7.
Example: after `kill -9` at any time TMPDIR is as it was before.
"""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")


@cache
def path_of(content: bytes) -> str:
    """A path that holds this content as long as the process lives: it is read again for each connection.

    Where the system has no such memory (macOS), it is a file that only we can read, until the program ends.
    """
    if not hasattr(os, "memfd_create") or not _DESCRIPTORS.is_dir():
        return _on_disk(content)
    number = os.memfd_create("egressaudit")
    os.fchmod(number, 0o600)
    with open(number, "wb", closefd=False) as stream:
        stream.write(content)
    return str(_DESCRIPTORS / str(number))


def _on_disk(content: bytes) -> str:
    import atexit
    import tempfile

    handle, name = tempfile.mkstemp(prefix="egressaudit-")
    atexit.register(_remove, name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return name


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        Path(name).unlink()
