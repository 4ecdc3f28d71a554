"""The causes of one flow: every row of the catalogue held to its symptoms, and look-alikes told apart.

In: `Symptoms`. Out: `FoundCause`s, the first one first: by stage, and within a stage in the order of the tables. Those
after the first that are its look-alikes could not be told apart from it. Example: EC26, with EC27 excluded because
`there another port of the host goes to the gateway`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from egressaudit.causes import cause_rules, causes
from egressaudit.causes.cause_rule import Because, CauseRule
from egressaudit.causes.fault_codes import code_of
from egressaudit.causes.stopped_at import stopped_at
from egressaudit.causes.symptoms import Symptoms
from egressaudit.model import Cause, FoundCause, LookAlike, Stage

_ORDER = tuple(Stage)
_CONFIGURED = (Stage.KNOWN, Stage.STEERED, Stage.DELIVERED)
"""Stages in which a fault of the configuration may be what went wrong."""


def diagnose(seen: Symptoms, maybe: Iterable[Symptoms] = ()) -> tuple[FoundCause, ...]:
    """Every cause that is found, the first one first; empty if none is.

    `maybe`: the same flow as one for other hosts, where nothing tells which one it was for. Look-alikes of what is
    found that one of them shows come last, since nothing excludes them.
    """
    rules = _rules_at(seen)
    found = _found(rules, seen) or _found_otherwise(rules, seen) or _of_faults(seen)
    ordered = sorted(found, key=lambda each: _ORDER.index(each.cause.stage))
    ordered += _of_others(ordered, maybe)
    return tuple(replace(each, excluded=_excluded(each, ordered)) for each in ordered)


def _rules_at(seen: Symptoms) -> list[CauseRule]:
    stage = stopped_at(seen)
    return [each for each in cause_rules() if stage in (each.at or (each.cause.stage,))]


def _of_others(found: list[FoundCause], maybe: Iterable[Symptoms]) -> list[FoundCause]:
    """Of each look-alike the first host that shows it, and how many more do."""
    there = {each.code for each in found}
    alike = dict.fromkeys(like.code for each in found for like in each.cause.unlike if like.code not in there)
    by_code: dict[str, list[FoundCause]] = {code: [] for code in alike}
    for other in maybe:
        for each in _found([rule for rule in _rules_at(other) if rule.cause.code in alike], other):
            by_code[each.code].append(each)
    return [_as_one_of(*each) for each in by_code.values() if each]


def _as_one_of(first: FoundCause, *others: FoundCause) -> FoundCause:
    more = f", or for one of {len(others) + 1} like it" if others else ""
    return replace(first, because=(*first.because, f"no line shows whether it was for {first.host}{more}"))


def _found(rules: list[CauseRule], seen: Symptoms) -> list[FoundCause]:
    made = ((each, each.finds(seen)) for each in rules if not each.otherwise)
    return [_made(rule.cause, because, seen) for rule, because in made if because is not None]


def _found_otherwise(rules: list[CauseRule], seen: Symptoms) -> list[FoundCause]:
    """What is offered where nothing else was found."""
    weak = ((each, each.finds if each.otherwise else each.instead) for each in rules)
    made = ((rule, finds(seen)) for rule, finds in weak if finds is not None)
    return [_made(rule.cause, because, seen) for rule, because in made if because is not None]


def _of_faults(seen: Symptoms) -> list[FoundCause]:
    """Where no row finds anything: what `analyze` calls the faults of the configuration on its way."""
    known = seen.faults if stopped_at(seen) in _CONFIGURED else ()
    found = {
        cause.code: (cause, each) for each in reversed(known) if (cause := causes().get(code_of(each))) is not None
    }
    shown = reversed(found.values())
    return [_made(cause, Because((str(each),), each.objects, each.field), seen) for cause, each in shown]


def _made(cause: Cause, because: Because, seen: Symptoms) -> FoundCause:
    target = seen.target
    return FoundCause(
        cause=cause,
        because=because.facts,
        objects=because.objects,
        field=because.field,
        host=target.host,
        port=target.port or None,
        scheme=target.scheme,
        source=None if seen.source is None else seen.source.ref,
        via=seen.via,
    )


def _excluded(one: FoundCause, found: list[FoundCause]) -> tuple[LookAlike, ...]:
    """The look-alikes that were not found, with their titles to be read beside."""
    there = {each.code for each in found}
    return tuple(each for each in one.cause.unlike if each.code not in there and each.code in causes())
