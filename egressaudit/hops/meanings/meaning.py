"""One word that a proxy writes, and what it means.

In: a value, e.g. `rbac_access_denied_matched_policy[none]`. Out: the row of the table that it begins with.
Example: `meaning_of("no_healthy_upstream", CODE_DETAILS).says` is "no endpoint of the cluster was healthy".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Proves(StrEnum):
    """What a word alone proves about what was sent on. The fate of a line depends on its sockets too."""

    NOTHING_SENT = "the proxy sent nothing on"
    NOT_CONNECTED = "the last attempt made no connection that carried the request"
    CONNECTED = "a connection to the upstream was made"
    ENDING = "how it ended, not whether it was sent on"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row."""

    word: str
    """The value, or how it begins."""
    says: str
    """What happened, as the rest of a sentence."""
    proves: Proves
    source: str
    """Where the fact is from: repository, file, and the name in it."""
    name: str = ""
    """The long name, for words that are short forms."""


def meaning_of(value: str, table: Iterable[Meaning]) -> Meaning | None:
    """The row whose word is the longest beginning of the value; None if no row is one."""
    found = [each for each in table if value.startswith(each.word)]
    return max(found, key=lambda each: len(each.word), default=None)
