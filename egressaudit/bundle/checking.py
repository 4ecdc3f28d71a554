"""Whether a bundle holds what its manifest says, to the line.

In: a file. Out: a `CheckedBundle`, with a sentence for each thing that was altered, e.g. `logs/000001/shop/cart-1/
istio-proxy.log is not what was audited: line 41 was changed`. BadLogs is raised for what cannot be read as a bundle at
all: it is cut off, has no or too many members, or is something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as File

from egressaudit.bundle.archive_format import LARGEST, ReadMember, read_archive
from egressaudit.bundle.contents import checksums, leaves_member
from egressaudit.bundle.log_digests import LogDigest, leaf_bytes
from egressaudit.bundle.manifest import (
    CHECKSUMS,
    LINES,
    MANIFEST,
    REPORT,
    SIGNATURE,
    BundledLines,
    BundledLog,
    BundleManifest,
)
from egressaudit.bundle.merkle import HASH, LogTree
from egressaudit.bundle.shown_proofs import ProvenLine
from egressaudit.errors import BadLogs
from egressaudit.evidence.saved_files import COLLECTION, MESH, POLICY

_SUMS = 1024
_SHOWN = 20
_SLIGHT = 2
"""Characters by which a digest differs that was itself changed."""


@dataclass(slots=True)
class CheckedBundle:
    """A bundle that was read to its end."""

    file: File
    manifest: BundleManifest | None
    """None where it was altered: what it says is worth nothing."""
    manifest_bytes: bytes
    signature: bytes | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    """The members that aren't logs, by their names."""
    proven: dict[tuple[int, int], ProvenLine] = field(default_factory=dict)
    """The lines that lead to the root of their log, by the log's number and their own."""
    altered: list[str] = field(default_factory=list)
    """What is not as it was written, a sentence for each."""

    @property
    def logs(self) -> tuple[BundledLog, ...]:
        """The logs that were audited."""
        return self.manifest.predicate.logs if self.manifest else ()

    @property
    def holds(self) -> BundledLines:
        """Which lines are in it."""
        return self.manifest.predicate.holds if self.manifest else BundledLines.NONE

    @property
    def lines(self) -> int:
        """The lines of all logs."""
        return sum(each.lines for each in self.logs)


def checked_bundle(file: File) -> CheckedBundle:
    """The bundle in a file, and what of it was altered. BadLogs."""
    with read_archive(file) as members:
        bundle = _begun(file, members)
        if bundle.manifest is not None:
            _Checking(bundle, bundle.manifest).run(members)
    return bundle


def read_manifest(file: File) -> CheckedBundle:
    """Only the start of a bundle. BadLogs."""
    with read_archive(file) as members:
        return _begun(file, members)


def _begun(file: File, members: Iterator[ReadMember]) -> CheckedBundle:
    """The manifest, and what is about it."""
    data = _taken(file, next(members, None), MANIFEST).whole(LARGEST)
    following, signature = next(members, None), None
    if following is not None and following.name == SIGNATURE:
        signature = following.whole(LARGEST)
        following = next(members, None)
    said = _taken(file, following, CHECKSUMS).whole(_SUMS)
    bundle = CheckedBundle(file, None, data, signature, altered=_altered(data, signature, said))
    if bundle.altered:
        return bundle
    try:
        bundle.manifest = BundleManifest.parse(data)
    except BadLogs as error:
        raise BadLogs(f"{file}: {error.message}", hint=error.hint) from error
    return bundle


def _altered(manifest: bytes, signature: bytes | None, said: bytes) -> list[str]:
    """Which of the two, or their sums: a member that was changed changes nearly all digits of its own."""
    wanted = checksums(manifest, signature)
    if said == wanted:
        return []
    other = sum(one != two for one, two in zip(wanted, said, strict=False)) + abs(len(wanted) - len(said))
    if other <= _SLIGHT:
        return [f"{CHECKSUMS} was altered"]
    found, lines = wanted.splitlines(), said.split(b"\n")
    return [
        f"{name} was altered: {CHECKSUMS} has another digest of it"
        for name, line in zip((MANIFEST, SIGNATURE), found, strict=False)
        if line not in lines
    ]


def _taken(file: File, found: ReadMember | None, name: str) -> ReadMember:
    if found is None or found.name != name:
        there = f"{found.name} is in its place" if found else "it has no more members"
        raise BadLogs(f"{file} is not an evidence bundle: {name} is missing, {there}")
    return found


class _Checking:
    """The members behind the manifest, one after the other."""

    def __init__(self, bundle: CheckedBundle, manifest: BundleManifest) -> None:
        self._bundle = bundle
        self._manifest = manifest
        self._size = leaf_bytes(bundle.holds)
        self._marks = b""
        """Of the log before."""
        self._lines: int | None = None
        """How many lines the log before has, if it was altered."""

    def run(self, members: Iterator[ReadMember]) -> None:
        """Every listed member, in the order in which the manifest lists them."""
        names = [name for name, _ in self._manifest.members]
        self._check_listed(names)
        seen = {MANIFEST, CHECKSUMS, SIGNATURE}
        for name, digest in self._manifest.members:
            member = next(members, None)
            if member is None or member.name != name:
                raise self._misplaced(member, name, seen)
            seen.add(name)
            self._check(member, digest)
        if (more := next(members, None)) is not None:
            raise self._misplaced(more, "", seen)
        self._check_lines()

    def _check_listed(self, names: list[str]) -> None:
        """BadLogs unless the manifest lists what every bundle has, once."""
        numbers = range(1, len(self._bundle.logs) + 1)
        without = self._bundle.holds is BundledLines.NONE and MESH not in names
        wanted = [LINES, REPORT, *([] if without else [MESH]), *(map(leaves_member, numbers) if self._size else ())]
        wanted += [f"logs/{number:06}" for number in numbers] if self._bundle.holds is BundledLines.ALL else []
        listed = ["/".join(name.split("/")[:2]) for name in names if name not in (COLLECTION, POLICY)]
        if sorted(listed) != sorted(wanted) or len(set(names)) < len(names):
            odd = sorted(set(wanted) ^ set(listed)) or ["a member twice"]
            raise BadLogs(f"{self._bundle.file}: {MANIFEST} and its list of members disagree about {odd[0]}")

    def _misplaced(self, member: ReadMember | None, expected: str, seen: set[str]) -> BadLogs:
        file = self._bundle.file
        if member is None:
            return BadLogs(f"{file}: {expected} is missing")
        if member.name in seen:
            return BadLogs(f"{file}: {member.name} is in it twice")
        if member.name in dict(self._manifest.members):
            return BadLogs(f"{file}: {expected} is missing, {member.name} is in its place")
        return BadLogs(f"{file}: {member.name} is not one of the members that {MANIFEST} lists")

    def _check(self, member: ReadMember, digest: str) -> None:
        kind, _, rest = member.name.partition("/")
        if kind == "logs":
            self._check_log(member, digest, self._bundle.logs[int(rest[:6]) - 1])
        elif kind == "leaves":
            self._check_leaves(member, digest, self._bundle.logs[int(rest) - 1])
        else:
            data = member.whole(LARGEST)
            self._bundle.files[member.name] = data
            if hashlib.sha256(data).hexdigest() != digest:
                self._altered(f"{member.name} was altered")

    def _check_log(self, member: ReadMember, digest: str, log: BundledLog) -> None:
        account, marks = LogDigest(self._size), bytearray()
        for piece in member.pieces():
            marks += account.add(piece) if len(marks) < LARGEST else b""
        marks += account.end() if len(marks) < LARGEST else b""
        self._marks = bytes(marks)
        same = (account.content.hexdigest(), account.tree.root.hex()) == (log.sha256, log.root)
        self._lines = None if same else account.tree.lines
        if digest != log.sha256:
            self._altered(f"{MANIFEST} has two digests of {member.name}")
        elif not same:
            # Which line it is, its marks will say.
            self._altered(f"{member.name} is not what was audited")

    def _check_leaves(self, member: ReadMember, digest: str, log: BundledLog) -> None:
        content, tree, at, changed = hashlib.sha256(), LogTree(), 0, list[int]()
        for piece in member.pieces():
            content.update(piece)
            if self._size == HASH:
                tree.add_leaves(piece)
            elif self._marks[at : at + len(piece)] != piece:
                changed += self._changed(at, piece)
            at += len(piece)
        tree.end()
        if content.hexdigest() != digest:
            self._altered(f"{member.name} was altered")
        elif self._size == HASH and tree.root.hex() != log.root:
            self._altered(f"{member.name} does not lead to the root of its log")
        elif self._size != HASH and self._lines is not None:
            self._bundle.altered[-1] += f": {_named(changed, self._lines, log.lines)}"

    def _changed(self, at: int, piece: bytes) -> Iterator[int]:
        """The numbers of the lines whose marks are not these."""
        for start in range(at - at % self._size, at + len(piece), self._size):
            first = max(start, at)
            said = piece[first - at : start + self._size - at]
            if said != self._marks[first : first + len(said)]:
                yield start // self._size + 1

    def _check_lines(self) -> None:
        """Each line of `lines.jsonl` leads to the root of its log."""
        for number, row in enumerate(self._bundle.files[LINES].split(b"\n")[:-1], start=1):
            try:
                line = ProvenLine.parse(row + b"\n")
            except (ValueError, KeyError, TypeError, RecursionError):
                self._altered(f"row {number} of {LINES} cannot be read")
                continue
            logs = self._bundle.logs
            if 0 < line.log <= len(logs) and line.leads_to(logs[line.log - 1]):
                self._bundle.proven[line.log, line.line] = line
            else:
                self._altered(f"row {number} of {LINES} is not line {line.line} of log {line.log}")

    def _altered(self, what: str) -> None:
        self._bundle.altered.append(what)


def _named(changed: list[int], found: int, lines: int) -> str:
    """Which lines of a log are not what they were; `found` is how many it has now."""
    numbers = list(dict.fromkeys(changed))
    if found != lines:
        first = numbers[0] if numbers else lines + 1
        return f"it has {found} lines for {lines}, the first that differs is {first}"
    if not numbers:
        return "which lines, its marks do not say"
    if len(numbers) == 1:
        return f"line {numbers[0]} was changed"
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return f"lines {', '.join(map(str, numbers[:_SHOWN]))}{more} were changed"
