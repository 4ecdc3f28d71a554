"""The checkout that is tested: where its files lie, and the scripts of `tools/` as modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

SAMPLES = ROOT / "sample_logs"
"""What each scenario of the lab wrote, as `verify --save-logs` and `audit --save-logs` write it."""


def load_tool(name: str) -> ModuleType:
    """The module of `tools/NAME.py`."""
    spec = importlib.util.spec_from_file_location(f"tool_{name}", ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
