"""The leaves of objects, and objects with another value at one of them."""

from __future__ import annotations

import copy


def leaves(value, path=()):
    """The place of every value in an object."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from leaves(each, (*path, key))


def with_leaf(objects, index, path, value):
    changed = copy.deepcopy(objects)
    if not path:
        changed[index] = value
        return changed
    inner = changed[index]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed
