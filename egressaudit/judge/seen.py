"""The way that one probe took, and who is who on it.

In: nothing; `probe_path` and its helpers fill it. Out: e.g. `Seen(Path.VIA_GATEWAY, "it left through ...")`.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.model import ObjectRef, Path


@dataclass(frozen=True, slots=True)
class Seen:
    """A path, and whether it is proven that it left (`certain`); `final` and `soon` as in `Verdict`."""

    path: Path
    reason: str
    certain: bool = True
    final: bool = True
    soon: bool = False
    through: tuple[ObjectRef, ...] = ()
    """The gateway and waypoint pods whose own lines are in the chain."""
    advice: tuple[str, ...] = ()
    word: str = ""
    """The reason in one word, as `FlowGroup.reason`."""
