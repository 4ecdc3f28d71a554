"""Builds the compiled lane of `native/` with cargo, as a part of the wheel; without cargo the wheel is pure Python.

With cargo: a wheel for this platform, `cp311-abi3-...`. Without, or with EGRESSAUDIT_LANES=off: `py3-none-any`, which
reads logs line by line, with the same results. Where cargo is there and fails, so does the build.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MODULE = "egressaudit/_lanes.abi3.so"
LIBRARY = "liblanes.dylib" if platform.system() == "Darwin" else "liblanes.so"
OFF = "EGRESSAUDIT_LANES"


class Cargo(BuildHookInterface):
    """One wheel for each platform: the module keeps to Python's stable interface (abi3) from 3.11 on."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        cargo = shutil.which("cargo")
        if os.environ.get(OFF, "") == "off" or cargo is None:
            why = "there is no cargo on the PATH" if cargo is None else f"{OFF}=off"
            self.app.display_warning(
                f"egressaudit: {why}, so this is built without the compiled module: logs are read line by line, with "
                "the same results. With Rust 1.88 or later (https://rustup.rs) they are read about 30 times faster."
            )
            return
        built = self._build(cargo)
        if version == "editable":
            # The checkout itself is on the path.
            shutil.copyfile(built, Path(self.root) / MODULE)
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["force_include"][str(built)] = MODULE

    def _build(self, cargo: str) -> Path:
        native = Path(self.root) / "native"
        # A module is loaded by Python and must not bring a Python of its own.
        settings = os.environ | {"PYO3_BUILD_EXTENSION_MODULE": "1"}
        if platform.system() == "Darwin":
            settings["RUSTFLAGS"] = "-C link-arg=-undefined -C link-arg=dynamic_lookup"
        try:
            subprocess.run([cargo, "build", "--release", "--locked"], cwd=native, env=settings, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(
                f"egressaudit: {cargo} could not build native/ ({error}); what it says stands above. It needs Rust "
                f"1.88 or later: `rustup update`. Or build without the compiled module: set {OFF}=off."
            ) from error
        return Path(os.environ.get("CARGO_TARGET_DIR", native / "target")) / "release" / LIBRARY
