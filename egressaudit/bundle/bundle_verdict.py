"""What all checks of a bundle come to.

Example: nothing was altered, the signature is that of the named key, and judged again it is the same report: PROVEN.
What the report itself says is another matter: a bundle may prove that traffic escaped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from egressaudit.bundle.checking import CheckedBundle


class BundleStanding(StrEnum):
    """What a bundle is worth as proof of its report."""

    PROVEN = "proven"
    """Nothing was altered, and its evidence gives its report."""
    NOT_PROVEN = "not-proven"
    """Nothing is known to be wrong, but not everything could be checked."""
    ALTERED = "altered"
    """Something in it is not what was written, signed or judged."""


class Signed(StrEnum):
    """What is known of a bundle's signature."""

    VALID = "valid"
    """The key that was named made it."""
    WRONG = "wrong"
    """Another key made it, or it is of another manifest."""
    NOT_CHECKED = "not-checked"
    """It is there, and no key was named."""
    OF_ALTERED = "of-altered"
    """It is there, but it or the manifest was altered, so that there is nothing to check."""
    MISSING = "missing"


class Rejudged(StrEnum):
    """What came of judging a bundle again."""

    SAME = "same"
    """The same report, byte for byte."""
    DIFFERENT = "different"
    OTHER_VERSION = "other-version"
    """Another report, but another version of egressaudit made the bundle."""
    NOT_POSSIBLE = "not-possible"
    """The bundle does not have all lines."""
    NOT_DONE = "not-done"
    """It was altered, so there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class RejudgedBundle:
    """What came of it, and for a report that is another, the first line of JSON that differs: there, and now."""

    result: Rejudged
    said: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """A bundle after all checks."""

    bundle: CheckedBundle
    signed: Signed
    key_named: bool
    judged: RejudgedBundle
    altered: tuple[str, ...] = field(default=())
    """What is not as it was written, a sentence for each."""

    @property
    def standing(self) -> BundleStanding:
        """Whatever was not checked is not proven."""
        if self.altered or self.signed is Signed.WRONG or self.judged.result is Rejudged.DIFFERENT:
            return BundleStanding.ALTERED
        unsigned = self.key_named and self.signed is not Signed.VALID
        return (
            BundleStanding.NOT_PROVEN if unsigned or self.judged.result is not Rejudged.SAME else BundleStanding.PROVEN
        )
