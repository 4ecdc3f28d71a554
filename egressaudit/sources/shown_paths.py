"""How a report names files: by where they are in what was named, and not by where that lies on this machine.

In: the paths of a command line, e.g. `/data/evidence`. Out: for `/data/evidence/shop/cart-1/istio-proxy.log` the name
`shop/cart-1/istio-proxy.log`. So two audits of one folder say the same, wherever they run and wherever the folder lies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path


class ShownPaths:
    """Names relative to the folder that has everything that was named; if only a folder was named, to that folder."""

    def __init__(self, named: Sequence[str]) -> None:
        self._real = {path: _real(Path(path)) for path in named}
        common = Path(os.path.commonpath(self._real.values())) if self._real else Path()
        self._base = common if common.is_dir() else common.parent

    def within(self, named: str) -> Callable[[str], str]:
        """A function that names what was found at one of these paths."""
        start = self._real[named].relative_to(self._base)

        def shown(found: str) -> str:
            return (start / Path(found).relative_to(named)).as_posix()

        return shown


def _real(path: Path) -> Path:
    """A path whose folder is the real one, so that two files have one name only if they are one file.

    A link keeps the name that a person gave it.
    """
    return path.resolve() if path.name in ("", "..") else path.parent.resolve() / path.name


def as_named(_named: str) -> Callable[[str], str]:
    """Files under the paths by which they were named."""
    return str
