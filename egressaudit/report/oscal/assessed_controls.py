"""Which controls an OSCAL result reviews, what is decided of each, and how that came out.

In: an `AuditReport`. Out: control selections, local objectives, and a `Decided` for each control that is assessed. A
control is `satisfied` only where nothing speaks against its objective, nothing is left open, and a flow proves it:
INCONCLUSIVE is never satisfied, and neither is a violation that a waiver excuses.

Example: with one EA101, `nist-800-53/SC-7` is not satisfied, with the reason `fail`; with a log that was not read it is
not satisfied either, with the reason `other`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from egressaudit.findings.frameworks import framework, mapped
from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl
from egressaudit.model import AuditReport, Finding, Judged, Outcome, Severity
from egressaudit.policy.rules import DEFAULT
from egressaudit.report.oscal.oscal_parts import NIST, RMF, Json, filled, marked, prop, props, token
from egressaudit.report.wording import counted, coverage_words

ALWAYS = "nist-800-53"
"""The framework whose controls are always reviewed; those of others are where a rule names them."""
_OUTSIDE = "EA306"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A control that is reviewed: mapped, or named by a rule and not known here."""

    named: str
    """As a policy names it."""
    framework: Framework | None
    control: MappedControl | None

    @property
    def control_id(self) -> str:
        """Its token: `sc-7.5` as NIST's catalogue has it, `pci-dss-v4-1.3.2` for frameworks without a catalogue."""
        if self.framework is None or self.control is None:
            return token(self.named)
        if self.framework.name == ALWAYS:
            return token(self.control.id.lower().replace("(", ".").replace(")", ""))
        return token(f"{self.framework.name}-{self.control.id}")

    @property
    def objective_id(self) -> str:
        """The token of our own objective of it."""
        return f"egressaudit-{self.control_id}"


@dataclass(frozen=True, slots=True)
class Decided:
    """What came out for one control that is assessed."""

    reviewed: Reviewed
    control: MappedControl
    satisfied: bool
    reason: str
    """`pass`, `fail` or, as OSCAL has it for what is neither, `other`."""
    why: str
    against: tuple[Finding, ...] = ()
    """The findings that speak against it, waived ones too."""


@dataclass(frozen=True)
class Assessment:
    """The controls of one report."""

    report: AuditReport

    @cached_property
    def reviewed(self) -> tuple[Reviewed, ...]:
        """NIST's that are assessed, and those that rules name, each once."""
        nist = framework(ALWAYS)
        found = {nist.key(each): Reviewed(nist.key(each), nist, each) for each in nist.controls if each.assessed}
        for named in sorted(self._named):
            found.setdefault(named, Reviewed(named, *(mapped(named) or (None, None))))
        return tuple(found.values())

    @cached_property
    def decided(self) -> tuple[Decided, ...]:
        """What came out for those that are assessed."""
        return tuple(
            self._decide(each, each.control)
            for each in self.reviewed
            if each.control is not None and each.control.assessed
        )

    def selections(self) -> list[Json]:
        """The control selections, one for each framework."""
        by: defaultdict[str, list[Reviewed]] = defaultdict(list)
        for each in self.reviewed:
            by["" if each.framework is None else each.framework.name].append(each)
        return [_selection(members) for members in by.values()]

    def objectives(self) -> list[Json]:
        """Our own objectives: what is decided of a control is less than the control asks."""
        return [_objective(each.reviewed, each.control) for each in self.decided]

    def _decide(self, reviewed: Reviewed, control: MappedControl) -> Decided:
        failed = [each for each in self.report.findings if each.outcome is Outcome.FAIL and each.code in control.codes]
        counting = [each for each in failed if each.waived is None]
        if counting:
            why = f"{counted(len(counting), 'violation')} in the window"
            return Decided(reviewed, control, False, "fail", why, tuple(failed))
        if failed:
            why = f"{counted(len(failed), 'violation')} in the window, excused by waivers of the policy"
            return Decided(reviewed, control, False, "other", why, tuple(failed))
        if why := self._open(reviewed, control):
            return Decided(reviewed, control, False, "other", why)
        coverage = self.report.coverage
        others = len(coverage.left_out)
        part = f"; {counted(others, 'workload')} not audited" if others else ""
        return Decided(reviewed, control, True, "pass", f"met in the window; {coverage_words(coverage)}{part}")

    def _open(self, reviewed: Reviewed, control: MappedControl) -> str:
        """What leaves the objective open; '' if nothing does."""
        report, coverage = self.report, self.report.coverage
        outside = [each for each in report.findings if each.code == _OUTSIDE and each.severity is not Severity.INFO]
        proven = any(
            each.outcome is Outcome.PASS
            and each.group.path in control.proof
            and self._bears_on(each, reviewed, control)
            for each in report.judged
        )
        by_mesh = any(each.outcome is not None and not each.decision.rule for each in report.judged)
        ways = " or ".join(path.value for path in control.proof)
        checks = (
            (report.outcome is not Outcome.PASS, f"the report as a whole is {report.outcome.value}"),
            (bool(outside), f"{counted(len(outside), 'blind spot')} outside capture"),
            (coverage.expected == 0, coverage_words(coverage)),
            (coverage.read < coverage.expected, f"{coverage.read} of {coverage.expected} expected logs read"),
            (not report.policy, "no policy says what is approved"),
            (by_mesh, "the mesh configuration decided some flows, not a rule of the policy"),
            (not proven, f"no flow of it that is {ways} was proven"),
        )
        return next((why for applies, why in checks if applies), "")

    def _bears_on(self, judged: Judged, reviewed: Reviewed, control: MappedControl) -> bool:
        """Whether these flows can prove it: where rules name it, only theirs can, and those of the policy's default."""
        if control.by_default:
            return judged.decision.rule == DEFAULT
        if reviewed.named not in self._named:
            return True
        return judged.decision.rule == DEFAULT or reviewed.named in _keys(judged.decision.controls)

    @cached_property
    def _named(self) -> frozenset[str]:
        """What rules name, as far as they decided something."""
        named = {each.decision.controls for each in self.report.judged}
        named |= {each.controls for each in self.report.findings}
        return frozenset(key for controls in named for key in _keys(controls))


@cache
def _keys(controls: tuple[str, ...]) -> frozenset[str]:
    """What a rule names, in the frameworks' own spelling where they are mapped."""
    return frozenset(named if (of := mapped(named)) is None else of[0].key(of[1]) for named in controls)


def _selection(members: list[Reviewed]) -> Json:
    of = members[0].framework
    return filled(
        {
            "description": of.source
            if of
            else "Controls that only rules of the policy name: no framework here maps them.",
            "props": props([("framework", of.name if of else "")]),
            "links": [{"href": of.url, "rel": "reference"}] if of else [],
            "include-controls": [{"control-id": each.control_id} for each in members],
            "remarks": "\n".join(f"- {each}" for each in _remarks(members)),
        }
    )


def _remarks(members: list[Reviewed]) -> Iterator[str]:
    of = members[0].framework
    if of is not None:
        yield of.remark
    for each in members:
        if each.control is None:
            yield f"{marked(each.named)}: named by a rule; nothing here maps it, so no finding is made."
        elif each.control.assessed:
            yield f"{each.named}: not covered: {each.control.leaves}"
        else:
            yield f"{each.named}: supported, not assessed, so no finding is made. {each.control.covers}"


def _objective(reviewed: Reviewed, control: MappedControl) -> Json:
    """A local objective with its method, as OSCAL wants them: the objective names its method."""
    method = f"{reviewed.objective_id}-method"
    looked = "Access logs of the mesh's proxies, the snapshot of its objects, and the egress policy."
    return {
        "control-id": reviewed.control_id,
        "description": f"What an egress audit decides of {reviewed.named}. It leaves open: {control.leaves}",
        "parts": [
            {
                "id": reviewed.objective_id,
                "name": "assessment-objective",
                "props": [
                    prop("method-id", method, ns=NIST),
                    *props(("part-of", each) for each in control.part_of),
                ],
                "prose": control.objective,
            },
            {
                "id": method,
                "name": "assessment-method",
                "props": [prop("method", "EXAMINE", ns=RMF)],
                "parts": [{"name": "assessment-objects", "prose": looked}],
            },
        ],
    }
