"""Everything that one run of `verify` collected, before any judging.

Example: a `Capture` with one probe, the lines of two logs, and the snapshot as `mesh.json` has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from egressaudit.model.asked_proxies import AskedProxy
from egressaudit.model.battery import Battery
from egressaudit.model.lines import LogLine, LogSource
from egressaudit.model.matrix import MatrixCell
from egressaudit.model.probes import Probe


@dataclass(frozen=True, slots=True)
class Capture:
    """Everything that one run collected, before any judging: what `--save-logs` writes and `--replay` reads.

    `mesh` is the snapshot in its saved form (`mesh.json`); `expect` the text of `--expect`, None if the mesh
    configuration decides.
    """

    mesh: Mapping[str, object]
    expect: str | None
    probes: tuple[Probe, ...]
    lines: tuple[LogLine, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[LogSource, ...] = ()
    """The logs that were followed, whether or not a line came."""
    before: Mapping[LogSource, int] = field(default_factory=dict)
    """How many lines of each log had come before the first probe was sent."""
    asked: tuple[AskedProxy, ...] = ()
    """The proxies that were asked for their own configuration."""
    cells: tuple[MatrixCell, ...] = ()
    """What was asked for: each host from each source, with those that were not probed."""
    policy: bytes = b""
    """The policy that decides what is expected, as its file has it; empty without one."""
    batteries: tuple[Battery, ...] = ()
    """What was tried to get around the gateway (`--bypass`); their probes are not among `probes`."""
    digests: Mapping[str, str] = field(default_factory=dict, compare=False)
    """SHA-256 of each file that it was read from, by its name in the folder; empty for a live run."""
