"""Which part of a window a copied log provably covers: what was read, compared with when its container ran. Pure.

In: e.g. a log whose first line is of 14:41, of a container that started at 14:00, for a window from 14:00 on. Out:
`ProvenSpan(14:41, 15:00, rotated=True, reason="its log begins at 14:41 ...")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from egressaudit.model import ContainerRun

START = timedelta(seconds=5)
"""How late a proxy's first line may come after its container's start.

pilot-agent and ztunnel log at once; a start is given in whole seconds; kubelets look for files to rotate every ten
seconds (KubeletConfiguration, containerLogMonitorInterval).
"""


@dataclass(frozen=True, slots=True)
class LogReading:
    """What was read of one run of a container.

    `begins` is the stamp of the first line that the node still had, None if it had none; `reached` is up to when
    all lines were read, None if nothing shows it.
    """

    begins: datetime | None
    reached: datetime | None
    started: datetime | None


@dataclass(frozen=True, slots=True)
class ProvenSpan:
    """The time in which no line is missing, None if nothing is proven; and why it does not begin earlier."""

    begin: datetime | None
    end: datetime | None
    rotated: bool = False
    reason: str = ""


def covered(reading: LogReading, since: datetime | None, run: str = "its log") -> ProvenSpan:
    """The part of the window that one run's lines cover. `since` None is from the run's own start."""
    begins, started = reading.begins, reading.started
    if begins is None:
        return ProvenSpan(None, None)
    if since is not None and begins <= since:
        return _until(since, reading)
    if started is not None and begins <= started + START:
        # The node still has the run's first line, and there was nothing to log before that.
        return _until(started if since is None else max(since, started), reading)
    if started is None:
        why = f"{run} starts at {_clock(begins)}, and the snapshot does not say when its container started"
        return _until(begins, reading, reason=why)
    return _until(
        begins,
        reading,
        rotated=True,
        reason=f"{run} starts at {_clock(begins)}: the node rotated the older lines away, and serves only the newest "
        "file",
    )


def earlier_run(run: ContainerRun, since: datetime | None) -> bool:
    """Whether a run of the container before the present one reached into the window."""
    if not run.restarts:
        return False
    if since is None or run.started is None:
        return True
    if run.started <= since:
        return False
    return run.previous_ended is None or run.previous_ended > since


def runs_lost(run: ContainerRun, since: datetime | None) -> bool:
    """Whether an even earlier run reached into the window: nodes keep only the logs of the last two runs."""
    return run.restarts > 1 and (since is None or run.previous_started is None or run.previous_started > since)


def joined(previous: ProvenSpan, present: ProvenSpan, since: datetime | None) -> ProvenSpan:
    """Both runs together if the current one is complete from its start; else the current one alone.

    Between two runs the proxy did not exist, so there is nothing to cover.
    """
    if previous.begin is None or present.begin is None or present.reason:
        return present
    begin = previous.begin if since is None else max(since, previous.begin)
    return ProvenSpan(begin, present.end, rotated=previous.rotated or present.rotated)


def _until(begin: datetime, reading: LogReading, *, rotated: bool = False, reason: str = "") -> ProvenSpan:
    if reading.reached is None or reading.reached < begin:
        return ProvenSpan(None, None, rotated, reason)
    return ProvenSpan(begin, reading.reached, rotated, reason)


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
