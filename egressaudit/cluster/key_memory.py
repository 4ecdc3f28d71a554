"""Keys that a kubeconfig has inline: in memory, and never in a file that a killed run would leave behind.

In: what the official client would write to TMPDIR (kubernetes/config/kube_config.py, _create_temp_file_with_content):
certificates and keys, since OpenSSL reads files alone. Out: a path of this process's own memory, /proc/self/fd/7.
Example: after `kill -9` at any time TMPDIR is as it was before.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from kubernetes.config import kube_config

_TO_DISK = kube_config._create_temp_file_with_content  # noqa: SLF001  the one seam that the client has
_DESCRIPTORS = Path("/proc/self/fd")


def keep_keys_in_memory() -> bool:
    """From now on the client puts them there. No if the system has no such files (macOS), where it writes as before."""
    if not (hasattr(os, "memfd_create") and _DESCRIPTORS.is_dir()):
        return False
    kube_config._create_temp_file_with_content = _in_memory  # noqa: SLF001
    return True


def _in_memory(content: str | bytes, temp_file_path: str | None = None, force_recreate: bool = False) -> str:  # noqa: ARG001, FBT001, FBT002  the client's signature
    return _file(content.encode() if isinstance(content, str) else content)


@cache
def _file(content: bytes) -> str:
    """It stays open as long as the process lives: the client reads it again for each connection."""
    number = os.memfd_create("egressaudit")
    with open(number, "wb", closefd=False) as stream:
        stream.write(content)
    return str(_DESCRIPTORS / str(number))
