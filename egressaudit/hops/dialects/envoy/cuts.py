"""How to separate the values in a line of any format, by a plan that is its own proof.

A line is literal text and values, and senders write some of the values. Three cuts find the true place of a literal,
whatever is in the values:

- from the left: Envoy guarantees that the first value never contains some character of the literal after it. So the
  first such character in the line is the literal's.
- from the right: the same from the other end.
- by count: the literals of a part contain some character a certain number of times. Values can only add to that. If the
  part of the line has exactly that number, no value contains it, and each one in the line is a literal's.

Each remaining part is cut again. A part with one value is done: the value is what is between its literals. If no cut is
possible and there are several values, nobody can say where one ends: none of them is believed (`Uncut`).

The first two cuts hold for every line that the format wrote, the third for lines that pass the count: a line is clean
if all counts are right. Time is linear in the line, because every cut looks at its part once.

In: the format `[%START_TIME%] "%REQ(:PATH)%" %UPSTREAM_HOST%` and the line `[2026-..Z] "/a"b" 192.0.2.7:443`. Out: the
time from the left, the host from the right, and the path `/a"b` between them, though it holds a quote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from egressaudit.hops.dialects.envoy.operators import Field


@dataclass(frozen=True, slots=True)
class Hole:
    """The place of a value in a format; `number` counts the values from 0."""

    number: int
    field: Field


Item = str | Hole


@dataclass(frozen=True, slots=True)
class Whole:
    """A part with at most one value, and the literals around it."""

    before: str
    hole: Hole | None
    after: str


@dataclass(frozen=True, slots=True)
class FromLeft:
    """`before`, a value, `after`, then the rest. The last character of `after` occurs first where the value ends."""

    before: str
    hole: Hole
    after: str
    rest: Plan


@dataclass(frozen=True, slots=True)
class FromRight:
    """The rest, then `before`, a value, `after`. The first character of `before` occurs last where the value begins."""

    rest: Plan
    before: str
    hole: Hole
    after: str


@dataclass(frozen=True, slots=True)
class Split:
    """Parts with one `character` between each two; in a clean line no value contains it."""

    character: str
    parts: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class Uncut:
    """Values that cannot be separated."""

    holes: tuple[Hole, ...]


Plan = Whole | FromLeft | FromRight | Split | Uncut

# The likeliest separators first. No letters or digits: almost every value has them, so no line would pass the count.
_SEPARATORS = "\"\t|;^~'`{}<>[]()\\$#!*+ ,=&?%:@/._-"


def plan_of(items: tuple[Item, ...]) -> Plan:
    """The plan that cuts a format. It contains `Uncut` where no cut is safe."""
    holes = [n for n, item in enumerate(items) if isinstance(item, Hole)]
    if len(holes) <= 1:
        return _whole(items)
    return _from_left(items, holes) or _from_right(items, holes) or _split(items) or Uncut(_holes(items))


def _whole(items: tuple[Item, ...]) -> Whole:
    hole = next((item for item in items if isinstance(item, Hole)), None)
    at = items.index(hole) if hole is not None else len(items)
    return Whole("".join(map(str, items[:at])), hole, "".join(map(str, items[at + 1 :])))


def _from_left(items: tuple[Item, ...], holes: list[int]) -> FromLeft | None:
    at = holes[0]
    hole, behind = items[at], items[at + 1]
    if not isinstance(hole, Hole) or not isinstance(behind, str):
        return None
    # A character of the literal that the value never has, and that is new in the literal: then it cannot be found too
    # early, neither in the value nor in the literal itself.
    for n, character in enumerate(behind):
        if hole.field.never_holds(character) and character not in behind[:n]:
            rest = (behind[n + 1 :], *items[at + 2 :])
            return FromLeft("".join(map(str, items[:at])), hole, behind[: n + 1], plan_of(_joined(rest)))
    return None


def _from_right(items: tuple[Item, ...], holes: list[int]) -> FromRight | None:
    at = holes[-1]
    hole, ahead = items[at], items[at - 1]
    if not isinstance(hole, Hole) or not isinstance(ahead, str):
        return None
    for n in range(len(ahead) - 1, -1, -1):
        if hole.field.never_holds(ahead[n]) and ahead[n] not in ahead[n + 1 :]:
            rest = (*items[: at - 1], ahead[:n])
            return FromRight(plan_of(_joined(rest)), ahead[n:], hole, "".join(map(str, items[at + 1 :])))
    return None


def _split(items: tuple[Item, ...]) -> Split | None:
    # Every value must ordinarily lack the character: else ordinary lines would fail the count and never be clean.
    literals = "".join(item for item in items if isinstance(item, str))
    for character in _SEPARATORS:
        if character in literals and all(_may_exclude(hole.field, character) for hole in _holes(items)):
            return Split(character, tuple(plan_of(part) for part in _parted(items, character)))
    return None


def _may_exclude(field: Field, character: str) -> bool:
    """Whether this value ordinarily lacks the character. A sender's value may have it; then that line is not clean."""
    return not field.trusted or field.seldom_holds(character)


def _parted(items: tuple[Item, ...], character: str) -> Iterator[tuple[Item, ...]]:
    part: list[Item] = []
    for item in items:
        if isinstance(item, Hole):
            part.append(item)
            continue
        first, *more = item.split(character)
        part.append(first)
        for each in more:
            yield _joined(tuple(part))
            part = [each]
    yield _joined(tuple(part))


def _joined(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items without empty literals; no two literals are neighbours."""
    return tuple(item for item in items if item != "")


def _holes(items: tuple[Item, ...]) -> tuple[Hole, ...]:
    return tuple(item for item in items if isinstance(item, Hole))


def uncut(plan: Plan) -> Iterator[tuple[Hole, ...]]:
    """The groups of values that a plan cannot separate."""
    match plan:
        case Uncut(holes):
            yield holes
        case FromLeft(rest=rest) | FromRight(rest=rest):
            yield from uncut(rest)
        case Split(parts=parts):
            for part in parts:
                yield from uncut(part)


def excluded(plan: Plan, characters: str = "") -> Iterator[tuple[int, str]]:
    """For each value, by number, the characters that it cannot have in a line that passes the plan's counts."""
    match plan:
        case Whole(hole=Hole(number)):
            yield number, characters
        case FromLeft(hole=Hole(number), rest=rest) | FromRight(hole=Hole(number), rest=rest):
            yield number, characters
            yield from excluded(rest, characters)
        case Split(character, parts):
            for part in parts:
                yield from excluded(part, characters + character)
        case Uncut(holes):
            yield from ((hole.number, characters) for hole in holes)


def from_left(plan: Plan) -> Iterator[int]:
    """The numbers of the values that cuts from the left alone find."""
    while isinstance(plan, FromLeft):
        yield plan.hole.number
        plan = plan.rest


class Mismatch(Exception):
    """Not a line of this format, whatever is in its values: `what` was expected at `at`."""

    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at = at
        self.what = what


@dataclass(slots=True)
class Cut:
    """A line that is being cut: the values found so far, by number, each with where it starts."""

    text: str
    may_be_empty: bool = False
    values: dict[int, tuple[str, int]] = field(default_factory=dict)
    miscounted: list[tuple[int, str]] = field(default_factory=list)
    """Where a count was wrong, and of what: somebody wrote the format's separators into a value."""

    def run(self, plan: Plan, start: int, end: int) -> None:
        """Find all values between two places. Raises Mismatch if no line of the format can look like this."""
        while True:
            match plan:
                case FromLeft(before, hole, after, rest):
                    start = self._from_left(before, hole, after, start, end)
                    plan = rest
                case FromRight(rest, before, hole, after):
                    end = self._from_right(before, hole, after, start, end)
                    plan = rest
                case Split(character, parts):
                    self._split(character, parts, start, end)
                    return
                case Whole(before, None, _):
                    if self.text[start:end] != before:
                        raise Mismatch(start, repr(before) if before else "the end")
                    return
                case Whole(before, Hole() as hole, after):
                    begin, stop = self._opens(before, start, end), end - len(after)
                    if stop < begin or not self.text.startswith(after, stop, end):
                        raise Mismatch(end, repr(after))
                    self._take(hole, begin, stop)
                    return
                case Uncut():
                    return

    def _from_left(self, before: str, hole: Hole, after: str, start: int, end: int) -> int:
        begin = self._opens(before, start, end)
        at = self.text.find(after[-1], begin, end)
        stop = at + 1 - len(after)
        if at < 0 or stop < begin or not self.text.startswith(after, stop, end):
            raise Mismatch(end if at < 0 else at, repr(after))
        self._take(hole, begin, stop)
        return at + 1

    def _from_right(self, before: str, hole: Hole, after: str, start: int, end: int) -> int:
        stop = end - len(after)
        if stop < start or not self.text.startswith(after, stop, end):
            raise Mismatch(end, repr(after))
        at = self.text.rfind(before[0], start, stop)
        begin = at + len(before)
        if at < 0 or begin > stop or not self.text.startswith(before, at, stop):
            raise Mismatch(stop, repr(before))
        self._take(hole, begin, stop)
        return at

    def _split(self, character: str, parts: tuple[Plan, ...], start: int, end: int) -> None:
        if (count := self.text.count(character, start, end)) != len(parts) - 1:
            self.miscounted.append((start, f"{count} of {character!r} where the format makes {len(parts) - 1}"))
            return
        for part in parts[:-1]:
            at = self.text.index(character, start, end)
            self.run(part, start, at)
            start = at + 1
        self.run(parts[-1], start, end)

    def _opens(self, before: str, start: int, end: int) -> int:
        if not self.text.startswith(before, start, end):
            raise Mismatch(start, repr(before))
        return start + len(before)

    def _take(self, hole: Hole, begin: int, stop: int) -> None:
        value = self.text[begin:stop]
        if not (hole.field.fits(value) or (self.may_be_empty and not value)):
            raise Mismatch(begin, hole.field.column)
        self.values[hole.number] = value, begin
