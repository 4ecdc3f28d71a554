"""A control of a compliance framework, and what of it the evidence of an audit covers.

Example: `MappedControl("SC-7(5)", ..., against=("EA104", ...), proof=(Path.BLOCKED,))` of `Framework("nist-800-53")` is
`nist-800-53/SC-7(5)` in a policy: a flow that left although nothing allows it speaks against it, and only flows that
were refused speak for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from egressaudit.model import Path


@dataclass(frozen=True, slots=True)
class MappedControl:
    """One control. It is assessed if it has an `objective`; otherwise an audit is only a part of what shows it.

    An objective can be met only where a policy decided everything: without one, nobody approved anything.
    """

    id: str
    """As the framework writes it: `SC-7(5)`, `1.3.2`."""
    title: str
    section: str
    """Its place in the framework's document."""
    covers: str
    """What of it the evidence covers, one sentence or two."""
    leaves: str
    """What of it the evidence doesn't cover."""
    codes: tuple[str, ...] = ()
    """Codes of findings that an auditor of this control should look at. Of an assessed control, each FAIL among them
    speaks against it."""
    objective: str = ""
    """What an audit decides of it, one sentence, never more than the lines can prove; '' if it decides nothing."""
    proof: tuple[Path, ...] = ()
    """The ways of which at least one must be proven by a PASS before the objective counts as met."""
    by_default: bool = False
    """Whether only flows that no rule names can prove it: a rule that blocks a host doesn't deny by default."""
    part_of: tuple[str, ...] = ()
    """The objectives of the framework's own OSCAL catalogue of which `objective` is a part."""

    @property
    def assessed(self) -> bool:
        """Whether an audit decides something of it."""
        return bool(self.objective)


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework, law or benchmark with the controls of it that egress evidence touches."""

    name: str
    """What a policy's `controls` has before the `/`: `nist-800-53`."""
    title: str
    source: str
    """The document with its version."""
    url: str
    verified: str
    """By what the ids and titles were checked."""
    remark: str
    """What an auditor must know of the whole mapping."""
    controls: tuple[MappedControl, ...]

    def key(self, control: MappedControl) -> str:
        """How a policy names the control: `nist-800-53/SC-7(5)`."""
        return f"{self.name}/{control.id}"
