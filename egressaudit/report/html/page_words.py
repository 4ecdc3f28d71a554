"""Words and signs that all pages share.

In: an outcome, or the label of a sentence about causes. Out: `state_word("INCONCLUSIVE")` is `unproven`, after which
styles are named; `LABELS["not"]` is "It isn't".
"""

from __future__ import annotations

LABELS = {
    "cause": "Cause",
    "or": "Or",
    "also": "Also",
    "not": "It isn't",
    "fix": "To do",
    "at": "Look at",
    "change": "Smallest change",
    "patch": "Patch",
    "others": "For others",
    "look": "How to see it",
}
"""What `cause_words` says of a cause, as a page has it."""


def state_word(outcome: str | None) -> str:
    """How a page shows an outcome: `fail`, `unproven`, `pass`, or `none` where there is nothing to judge."""
    return {"FAIL": "fail", "INCONCLUSIVE": "unproven", "PASS": "pass"}.get(outcome or "", "none")
