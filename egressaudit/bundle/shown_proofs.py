r"""`lines.jsonl`: the lines that a report shows, each with its bytes and the proof that it is a line of its log.

In: a report's `Evidence`, and the bytes of a log. Out: rows, e.g.
`{"log": 1, "line": 41, "text": "[2026-...\n", "proof": ["9f2c..."]}`; and from a row, whether it leads to the root.
`text` has a character for each byte (ISO 8859-1), so that any bytes are JSON and an ordinary line is readable.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from egressaudit.bundle.manifest import BundledLog
from egressaudit.bundle.merkle import LogTree, leaf_hash, root_by
from egressaudit.model import AuditReport, Evidence

_CHUNK = 1024 * 1024
_MOST_LINES = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class ProvenLine:
    """A line with its proof; `log` is the number of its log in the manifest, from 1."""

    log: int
    line: int
    text: bytes
    proof: tuple[bytes, ...]

    def to_json(self, *, with_text: bool = True) -> bytes:
        """Its row."""
        row: dict[str, object] = {"log": self.log, "line": self.line}
        if with_text:
            row["text"] = self.text.decode("latin-1")
        row["proof"] = [each.hex() for each in self.proof]
        return json.dumps(row, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def parse(cls, row: bytes) -> ProvenLine:
        """The line of a row. ValueError, KeyError or TypeError if it isn't a row."""
        saved: Any = json.loads(row)
        found = cls(
            log=int(saved["log"]),
            line=int(saved["line"]),
            text=str(saved["text"]).encode("latin-1"),
            proof=tuple(bytes.fromhex(each) for each in saved["proof"]),
        )
        if found.to_json() != row:
            raise ValueError("not as it is written")
        return found

    def leads_to(self, log: BundledLog) -> bool:
        """Whether it is that line of this log."""
        if not 0 < self.line <= min(log.lines, _MOST_LINES):
            return False
        found = root_by(leaf_hash(self.line, self.text), self.line, log.lines, self.proof)
        return found is not None and found.hex() == log.root


def shown(report: AuditReport) -> Iterator[Evidence]:
    """Every line that a report shows, some more than once."""
    for each in report.findings:
        yield from each.evidence
        if each.judged is not None:
            yield from each.judged.group.evidence
    for judged in report.judged:
        yield from judged.group.evidence


def numbers_of(evidence: Iterable[tuple[str, int]], logs: Iterable[BundledLog]) -> dict[int, set[int]]:
    """Which lines of each log (from 1) are shown, by the names that reports use.

    A line of a file that has several pods' is called after its own pod, with `@PATH` behind it.
    """
    by_name: dict[str, int] = {}
    for number, log in enumerate(logs, start=1):
        by_name.setdefault(log.name, number)
        by_name.setdefault(log.path, number)
    found: defaultdict[int, set[int]] = defaultdict(set)
    for name, line in evidence:
        log_number = by_name.get(name) or by_name.get(name.partition("@")[2])
        if log_number is not None:
            found[log_number].add(line)
    return dict(found)


def proven(log: int, wanted: Iterable[int], stream: BinaryIO) -> Iterator[ProvenLine]:
    """These lines of a log, in their order; a number that it does not have is left out."""
    tree = LogTree(wanted)
    texts = dict(_texts(stream, tree))
    for number, text in sorted(texts.items()):
        yield ProvenLine(log, number, text, tuple(tree.proofs[number]))


def _texts(stream: BinaryIO, tree: LogTree) -> Iterator[tuple[int, bytes]]:
    """The wanted lines of a stream, all of which goes into the tree."""
    begun, before = list[bytes](), 0
    while data := stream.read(_CHUNK):
        tree.add(data)
        first, newline, rest = data.partition(b"\n")
        begun.append(first)
        if not newline:
            continue
        *lines, last = [b"".join(begun), *rest.split(b"\n")]
        begun = [last]
        for number in tree.proofs:
            if before < number <= before + len(lines):
                yield number, lines[number - before - 1] + b"\n"
        before += len(lines)
    if (last := b"".join(begun)) and before + 1 in tree.proofs:
        yield before + 1, last
    tree.end()
