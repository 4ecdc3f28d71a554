"""Names of namespaces and workloads in a policy: exact, or with `*` and `?`.

In: patterns, and a name. Out: how specifically one of them matches the name; None if none does.
Example: `Globs.workloads(["cart"]).rank("Deployment/cart")` is `EXACT`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property

STAR, GLOB, EXACT = 0, 1, 2
"""How specific a pattern is; larger is more specific."""

_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")
_SHORT = {"deploy": "Deployment", "sts": "StatefulSet", "ds": "DaemonSet", "rs": "ReplicaSet", "cj": "CronJob"}
_NAME = re.compile(r"[a-z0-9*?]([a-z0-9.*?-]*[a-z0-9*?])?")
_KIND = re.compile(r"[A-Z*?][A-Za-z0-9*?]*")


def checked_namespace(text: str) -> str:
    """The text where it can be a namespace or a glob of namespaces; ValueError says why it cannot."""
    if "/" in text:
        raise ValueError("is not a namespace; put workloads under `workloads`")
    return _checked_name(text, "namespace")


def checked_workload(text: str) -> str:
    """The text where it is `name` or `Kind/name`, globs allowed; ValueError says why it is not."""
    kind, slash, name = text.rpartition("/")
    if slash and not _KIND.fullmatch(kind):
        known = _SHORT.get(kind.lower()) or next((each for each in _KINDS if each.lower() == kind.lower()), "")
        hint = f"; write {known}/{name}" if known else f"; use {', '.join(_KINDS)}"
        raise ValueError(f"has an unknown kind{hint}")
    _checked_name(name, "workload")
    return text


def _checked_name(text: str, what: str) -> str:
    if any(each in text for each in "[]{}!"):
        raise ValueError("has an unsupported pattern; only * and ? are allowed")
    if not _NAME.fullmatch(text) or len(text) > 253:
        raise ValueError(f"is not a {what}: use lower-case letters, digits, `-` and `.`, with * and ? as globs")
    return text


@dataclass(frozen=True)
class Globs:
    """Several patterns of which one must match."""

    patterns: tuple[str, ...]

    @classmethod
    def namespaces(cls, patterns: Iterable[str]) -> Globs:
        """Patterns of namespaces."""
        return cls(tuple(sorted({_simple(each) for each in patterns})))

    @classmethod
    def workloads(cls, patterns: Iterable[str]) -> Globs:
        """Patterns of `Kind/name`; one without a kind takes any."""
        full = (each if "/" in each or _simple(each) == "*" else f"*/{each}" for each in patterns)
        return cls(tuple(sorted({"*" if each == "*/*" else each for each in map(_simple, full)})))

    def rank(self, text: str) -> int | None:
        """How specifically one of them matches, None if none does."""
        # `*/cart` is the workload cart of any kind; a namespace has no kind, and its name is the whole text.
        if text in self._exact or f"*/{text.rpartition('/')[2]}" in self._exact:
            return EXACT
        if any(glob.match(text) for glob in self._globs):
            return GLOB
        return self.certain

    @cached_property
    def finest(self) -> int:
        """How specific the most specific of them is."""
        return max(rank_of(each) for each in self.patterns)

    @cached_property
    def certain(self) -> int | None:
        """The rank at which they take whatever comes, None if they do not."""
        return STAR if "*" in self.patterns else None

    @cached_property
    def keys(self) -> frozenset[str]:
        """What two must have in common to meet: the exact names, without kinds; `*`; `?` where there is a glob."""
        names = {each.rpartition("/")[2] for each in self._exact}
        return frozenset(names | ({"?"} if self._globs else set()) | ({"*"} if self.certain is not None else set()))

    def meets(self, other: Globs) -> bool:
        """Whether some text is matched by both equally specifically."""
        if self.keys.isdisjoint(other.keys):
            return False
        return any(
            rank_of(mine) == rank_of(theirs) and _overlap_by_parts(mine, theirs)
            for mine in self.patterns
            for theirs in other.patterns
        )

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(each for each in self.patterns if rank_of(each) == EXACT)

    @cached_property
    def _globs(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(translate(each)) for each in self.patterns if rank_of(each) == GLOB)


def rank_of(pattern: str) -> int:
    """How specific a pattern is; a name without a kind (`*/cart`) is as exact as one with."""
    if pattern == "*":
        return STAR
    return GLOB if set(pattern.removeprefix("*/")) & {"*", "?"} else EXACT


def overlap(one: str, other: str) -> bool:
    """Whether some text is matched by both patterns."""
    # Positions in `other` that can be reached by some text which `one` matches up to where we are.
    reached = _past_stars(other, {0})
    for character in one:
        if character == "*":
            low = min(reached)
            reached = set(range(low, len(other) + 1))
        else:
            taken = {
                at if other[at] == "*" else at + 1
                for at in reached
                if at < len(other) and (other[at] in ("*", "?", character) or character == "?")
            }
            reached = _past_stars(other, taken)
        if not reached:
            return False
    return len(other) in reached


def _overlap_by_parts(one: str, other: str) -> bool:
    """The same for `Kind/name`: what is matched has one slash, so a star never reaches across it."""
    mine, theirs = one.split("/"), other.split("/")
    if len(mine) != len(theirs):
        return overlap(one, other)
    return all(overlap(a, b) for a, b in zip(mine, theirs, strict=True))


def _past_stars(pattern: str, positions: set[int]) -> set[int]:
    """The positions, and those behind the stars that stand at them: a star may match nothing."""
    found = set(positions)
    for at in positions:
        behind = at
        while behind < len(pattern) and pattern[behind] == "*":
            behind += 1
            found.add(behind)
    return found


def _simple(pattern: str) -> str:
    return re.sub(r"\*+", "*", pattern)
