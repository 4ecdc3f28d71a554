"""A fix as text: what it does, what it would do to others, and YAML that `kubectl diff -f -` takes.

In: a `Fix`. Out: YAML in which all else is comments. New objects are complete. A change of an object that is there is
the command that shows the diff; with the object itself (`whole`), it is the complete object as it would be.
Example: the fix of EC26 is one comment with `kubectl patch virtualservice.networking.istio.io/docs -n egress ...`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from egressaudit.fixes.fix import Fix
from egressaudit.fixes.patching import patched
from egressaudit.manifests import Change, Manifest, as_yaml, comment

_SERVERS = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
"""What a server writes into metadata: no part of what somebody applies."""
_LAST = "kubectl.kubernetes.io/last-applied-configuration"

Whole = Callable[[Change], Mapping[str, Any] | None]
"""The whole object that a change is of, as it is now; None if it cannot be had."""


def fix_yaml(fix: Fix, whole: Whole | None = None) -> str:
    """The fix as a stream of YAML, smallest parts first."""
    lines = [f"{fix.title}.", *(f"Others: {each}." for each in fix.affects)]
    lines += [f"{each}: remove it, {each.what} {each.applying}" for each in fix.removals]
    lines += [f"Afterwards: {each}" for each in fix.then]
    changes = [_complete(each, whole) for each in fix.changes]
    return "".join(map(comment, lines)) + as_yaml((*changes, *fix.manifests))


def _complete(change: Change, whole: Whole | None) -> Change | Manifest:
    there = None if whole is None else whole(change)
    if there is None:
        return change
    try:
        made = patched(there, change)
    except ValueError:
        # It has changed since the snapshot: the server says so to whoever runs the command.
        return change
    made.pop("status", None)
    metadata = {key: value for key, value in made.get("metadata", {}).items() if key not in _SERVERS}
    annotations = {key: value for key, value in metadata.pop("annotations", {}).items() if key != _LAST}
    if annotations:
        metadata["annotations"] = annotations
    return Manifest(made | {"metadata": metadata}, (f"{change} as it would be. {change.what}",))
