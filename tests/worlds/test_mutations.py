"""The list of mutations is true of the code as it is, so that `tools/mutations.py` measures what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

import egressaudit
from worlds.mutations import MUTATIONS, Mutation

PACKAGE = Path(egressaudit.__file__).parent


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_its_old_text_is_there_once(mutation: Mutation) -> None:
    text = (PACKAGE / mutation.file).read_text()
    assert text.count(mutation.old) == 1
    changed = text.replace(mutation.old, mutation.new)
    if mutation.file.endswith(".py"):
        compile(changed, mutation.file, "exec")


def test_no_two_are_the_same() -> None:
    assert len({(each.file, each.old, each.new) for each in MUTATIONS}) == len(MUTATIONS)
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS)
