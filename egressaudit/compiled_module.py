"""Whether the compiled module `egressaudit._lanes` is used here (`native/`, in Rust). It is optional.

In: the environment and what is installed. Out: why it is not used, e.g. `it was not built`; then slower Python, which
is always there, does the same.
"""

from __future__ import annotations

import os
from importlib import import_module

OFF = "EGRESSAUDIT_LANES"
"""The environment variable that says `off` where the module must not be used."""


def missing() -> str:
    """Why the module is not used; '' where it is. Whoever imports from the module asks this first."""
    if os.environ.get(OFF, "") == "off":
        return f"{OFF}=off"
    try:
        import_module("egressaudit._lanes")
    except ModuleNotFoundError:
        return "it was not built"
    except ImportError:
        return "it cannot be loaded here"
    return ""
