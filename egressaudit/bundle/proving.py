"""One line of a bundle with the proof that it is a line of its log.

In: a bundle, the name of a log and a number, e.g. `shop/cart-1/istio-proxy` and 41. Out: a JSON document with the
line's bytes, the hashes that lead to the root, and the root, which the manifest has.
"""

from __future__ import annotations

import io
from pathlib import Path as File
from typing import Any

from egressaudit.bundle.archive_format import read_archive
from egressaudit.bundle.bundled_logs import MemberStream
from egressaudit.bundle.checking import CheckedBundle, checked_bundle
from egressaudit.bundle.manifest import BundledLines
from egressaudit.bundle.merkle import leaf_hash
from egressaudit.bundle.shown_proofs import ProvenLine, numbers_of, proven
from egressaudit.errors import BadLogs, NotFound


def proven_line(file: File, name: str, number: int) -> dict[str, Any]:
    """The line with its proof. NotFound if there is none; BadLogs for a bundle that was altered."""
    bundle = checked_bundle(file)
    if bundle.altered:
        raise BadLogs(f"{file}: {bundle.altered[0]}")
    log = int(name) if name.isdecimal() else next(iter(numbers_of([(name, number)], bundle.logs)), 0)
    if not 0 < log <= len(bundle.logs):
        raise NotFound(f"{file} has no log {name}", hint="`egressaudit bundle show` lists its logs.")
    found = bundle.proven.get((log, number)) or _of_log(bundle, log, number)
    if found is None:
        raise NotFound(
            f"{file} does not have line {number} of {bundle.logs[log - 1].name}",
            hint=f"The log has {bundle.logs[log - 1].lines} lines; the bundle holds {bundle.holds}.",
        )
    return {
        "log": bundle.logs[log - 1].name,
        "line": number,
        "lines": bundle.logs[log - 1].lines,
        "text": found.text.decode("latin-1"),
        "leaf": leaf_hash(number, found.text).hex(),
        "proof": [each.hex() for each in found.proof],
        "root": bundle.logs[log - 1].root,
    }


def _of_log(bundle: CheckedBundle, log: int, number: int) -> ProvenLine | None:
    if bundle.holds is not BundledLines.ALL:
        return None
    with read_archive(bundle.file) as members:
        for member in members:
            if member.name.startswith(f"logs/{log:06}/"):
                return next(proven(log, [number], io.BufferedReader(MemberStream(member))), None)
            member.skip()
    return None
