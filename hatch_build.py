"""Builds the fast lanes of `native/` with cargo, as a part of the wheel."""

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


class Cargo(BuildHookInterface):
    """One wheel for each platform: the module keeps to Python's stable interface (abi3) from 3.11 on."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        cargo = shutil.which("cargo")
        if cargo is None:
            raise SystemExit(
                "egressaudit's fast lanes (native/) are written in Rust, and there is no `cargo` on the PATH. "
                "Install Rust 1.88 or later (https://rustup.rs), or install egressaudit from a wheel for your platform."
            )
        native = Path(self.root) / "native"
        # A module is loaded by Python and must not bring a Python of its own.
        settings = os.environ | {"PYO3_BUILD_EXTENSION_MODULE": "1"}
        if platform.system() == "Darwin":
            settings["RUSTFLAGS"] = "-C link-arg=-undefined -C link-arg=dynamic_lookup"
        subprocess.run([cargo, "build", "--release", "--locked"], cwd=native, env=settings, check=True)
        built = Path(os.environ.get("CARGO_TARGET_DIR", native / "target")) / "release" / LIBRARY
        if version == "editable":
            # The checkout itself is on the path.
            shutil.copyfile(built, Path(self.root) / MODULE)
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"cp311-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        build_data["force_include"][str(built)] = MODULE
