"""JSON documents with one value replaced, to show that no reader trusts the type of anything.

In: a document, a place and a value. Out: the document with that value there.
Example: `changed({"a": [1, 2]}, [0, 1], "x")` is `{"a": [1, "x"]}`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}))
PATHS = st.lists(st.integers(0, 40), min_size=1, max_size=14)
"""Places: at each level the number of the key or entry, counted round."""


def changed(document: Any, path: list[int], leaf: Any) -> Any:
    """The document with the value at a place replaced, whatever is there."""
    if not path or not isinstance(document, dict | list) or not document:
        return leaf
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = keys[path[0] % len(keys)]
    copy: Any = dict(document) if isinstance(document, dict) else list(document)
    copy[key] = changed(document[key], path[1:], leaf)
    return copy
