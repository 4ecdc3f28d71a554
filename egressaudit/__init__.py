"""Prove which way a request left an Istio mesh, from the proxies' own access logs.

`read_hops(paths, *, reporter=None)` gives the hops of any proxy logs as a pandas DataFrame (docs/hops.md).
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "read_hops"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """`read_hops`, imported when it is first asked for: pandas takes longer to import than all else together."""
    if name == "read_hops":
        return import_module("egressaudit.hops.rows").read_hops
    raise AttributeError(f"module 'egressaudit' has no attribute {name!r}")
