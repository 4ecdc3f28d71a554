"""The figures of a comparison: cases, calls and disagreements by kind of mesh and of proxy, and the table of them.

In: cases with their disagreements. Out: `Figures`, whose `table()` is what docs/oracle.md has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from istiod.compare import calls_of
from istiod.disagreement import Disagreement
from istiod.limits import limit_of

_ROWS = ("sidecar", "router", "waypoint", "service")
_TITLES = {"sidecar": "sidecars", "router": "gateways", "waypoint": "waypoints", "service": "services in ambient"}


@dataclass(slots=True)
class Figures:
    """What was compared, and what came out."""

    cases: int = 0
    undecided: list[str] = field(default_factory=list)
    """The cases that istiod answers differently from run to run."""
    errors: Counter[str] = field(default_factory=Counter)
    configurations: Counter[str] = field(default_factory=Counter)
    """How many cases have a proxy of this kind."""
    wrong_cases: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    """Disagreements that are named limits."""
    found: list[Disagreement] = field(default_factory=list)

    def add(self, case: Mapping[str, Any], answer: Mapping[str, Any], found: list[Disagreement]) -> None:
        """One case."""
        if "error" in answer:
            self.errors[str(answer["error"]).partition(":")[0][:60]] += 1
            return
        self.cases += 1
        counts = Counter({"service": len(answer.get("services", ()))})
        for asked in case["proxies"]:
            counts[asked["kind"]] += len(asked["calls"])
        assert counts.total() == calls_of(answer)
        self.calls += counts
        self.configurations.update(kind for kind, count in counts.items() if count)
        real = [each for each in found if limit_of(each) is None]
        self.limited.update(each.kind for each in found if limit_of(each) is not None)
        self.wrong.update(each.kind for each in real)
        self.wrong_cases.update({each.kind for each in real})
        self.found += real

    def table(self) -> str:
        """As a table of Markdown."""
        head = "| kind | configurations | calls | disagreements | configurations with one, per 10,000 | named limits |"
        lines = [head, "|---|---|---|---|---|---|"]
        for kind in _ROWS:
            share = round(10_000 * self.wrong_cases[kind] / max(1, self.configurations[kind]))
            counted = (self.configurations[kind], self.calls[kind], self.wrong[kind], share, self.limited[kind])
            lines.append(f"| {_TITLES[kind]} | {' | '.join(f'{each:,}' for each in counted)} |")
        return "\n".join(lines)
