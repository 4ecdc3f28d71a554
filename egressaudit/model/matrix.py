"""What a run of `verify` was asked: hosts and sources, and what became of each pair.

Example: a `MatrixCell` for http://docs.redhat.com/ from curl/curl, and its `MatrixRow` with one verdict, PASS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from egressaudit.model.probes import Target
from egressaudit.model.proxies import ObjectRef
from egressaudit.model.verdicts import Outcome, Verdict

_WORST_FIRST = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.PASS)


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One host from one source: what was asked. A cell is probed, or `reason` says why it was not."""

    host: str
    """As it was asked for: `docs.redhat.com`, or what no request can go to, such as `*.redhat.com`."""
    source: str
    """`namespace/workload`, the same in every run; '' where no source is known."""
    target: Target | None = None
    pod: ObjectRef | None = None
    rule: str = ""
    """The policy's rule that asks for it, '' without one."""
    nonce: str = ""
    """Of its first probe; '' if nothing was sent."""
    reason: str = ""
    """Why it, or a redirect of it, was not probed, one sentence; '' if all was."""
    counts: bool = True
    """Whether the run is inconclusive if it was not probed. No for what can never be probed, such as a wildcard."""

    @property
    def asked(self) -> str:
        """What was asked for as a person reads it: `http://docs.redhat.com/`, or the host that cannot be probed."""
        return self.host if self.target is None else str(self.target)


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A cell with its verdicts: on its first probe, then on each redirect."""

    cell: MatrixCell
    verdicts: tuple[Verdict, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """The worst of what counts: of its verdicts, and of what could not be sent; None if nothing does.

        A violation that the policy excuses is the outcome only where all else passes.
        """
        counted = self._worst(excused=False)
        return counted if counted in (Outcome.FAIL, Outcome.INCONCLUSIVE) else self._worst(excused=True)

    def _worst(self, *, excused: bool) -> Outcome | None:
        found = {verdict.outcome for verdict in self.verdicts if excused or verdict.waived is None}
        if self.unsent:
            found.add(Outcome.INCONCLUSIVE)
        return next((each for each in _WORST_FIRST if each in found), None)

    @property
    def unsent(self) -> bool:
        """Whether it or one of its redirects should have been probed, and was not: it has a reason, or no verdict."""
        return self.cell.counts and (bool(self.cell.reason) or not self.verdicts)

    @property
    def decisive(self) -> Verdict | None:
        """The first verdict with that outcome that counts; None if it was not probed."""
        excused = self.waived
        found = (v for v in self.verdicts if v.outcome is self.outcome and (v.waived is not None) is excused)
        return next(found, None)

    @property
    def waived(self) -> bool:
        """Whether it is a violation, the policy excuses each of its violations, and all else passes."""
        return self.outcome is Outcome.FAIL and self._worst(excused=False) is not Outcome.FAIL


def matrix_of(cells: Sequence[MatrixCell], verdicts: Sequence[Verdict]) -> tuple[MatrixRow, ...]:
    """A row for each cell, in the order of the cells. Without cells, each verdict that follows no redirect has one."""
    followers = {v.flow.probe.redirected_from: v for v in verdicts if v.flow.probe.redirected_from}
    first = {v.flow.probe.nonce: v for v in verdicts}
    found = cells or [_cell(v) for v in verdicts if v.flow.probe.redirected_from is None]
    return tuple(MatrixRow(cell, tuple(_chain(first.get(cell.nonce), followers))) for cell in found)


def _cell(verdict: Verdict) -> MatrixCell:
    probe = verdict.flow.probe
    return MatrixCell(probe.target.host, str(probe.source), probe.target, probe.source, nonce=probe.nonce)


def _chain(verdict: Verdict | None, followers: Mapping[str, Verdict]) -> Iterable[Verdict]:
    seen: set[str] = set()
    while verdict is not None and verdict.flow.probe.nonce not in seen:
        yield verdict
        seen.add(verdict.flow.probe.nonce)
        verdict = followers.get(verdict.flow.probe.nonce)
