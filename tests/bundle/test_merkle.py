"""The tree over a log's lines, held against the definition in RFC 9162 written down a second time."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from egressaudit.bundle import merkle
from egressaudit.bundle.merkle import HASH, LogTree, leaf_hash, path, root_by


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def lines_of(log: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in log.split(b"\n")]
    return [*lines[:-1], *([lines[-1][:-1]] if lines[-1] != b"\n" else [])]


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01", tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def leaves_of(log: bytes) -> list[bytes]:
    return [sha(b"\x00", struct.pack(">Q", n), line) for n, line in enumerate(lines_of(log), start=1)]


@pytest.fixture(params=["compiled", "python"], autouse=True)
def lane(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to hash."""
    if request.param == "python":
        monkeypatch.setattr(merkle, "missing", lambda: "it is not to be used")
    elif why := merkle.missing():
        pytest.skip(why)


LOGS = st.lists(st.binary(max_size=5).map(lambda each: each.replace(b"\n", b"")), max_size=70).map(b"\n".join)


def test_the_root_of_one_line_is_its_leaf() -> None:
    tree = LogTree()
    tree.add(b"a\n")
    tree.end()
    assert tree.root == sha(b"\x00", bytes(7), b"\x01", b"a\n")
    assert (tree.lines, tree.size) == (1, 2)


@pytest.mark.parametrize("log", [b"", b"\n", b"a", b"a\n", b"a\r\nb", b"a\n\nb\n"])
def test_all_bytes_of_a_log_are_in_its_leaves(log: bytes) -> None:
    assert b"".join(lines_of(log)) == log
    tree = LogTree()
    tree.add(log)
    tree.end()
    assert (tree.root, tree.lines, tree.size) == (tree_hash(leaves_of(log)), len(lines_of(log)), len(log))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=LOGS, cuts=st.lists(st.integers(0, 300), max_size=6), group=st.sampled_from([1, 2, 4, 16]))
def test_the_root_and_every_proof_are_those_of_the_definition(log: bytes, cuts: list[int], group: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merkle, "_GROUP", group)
        count = len(lines_of(log))
        tree, hashes, at = LogTree(range(1, count + 1)), b"", 0
        for cut in (*sorted(cuts), len(log)):
            hashes += tree.add(log[at:cut])
            at = max(at, min(cut, len(log)))
        hashes += tree.end()
    leaves = leaves_of(log)
    assert hashes == b"".join(leaves)
    assert tree.root == tree_hash(leaves)
    for number, line in enumerate(lines_of(log), start=1):
        proof = tree.proofs[number]
        assert proof == path(hashes, number - 1)
        assert len(proof) <= (count - 1).bit_length()
        assert root_by(leaf_hash(number, line), number, count, proof) == tree.root


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), count=st.integers(1, 40))
def test_no_other_number_size_or_proof_leads_to_the_root(data: st.DataObject, count: int) -> None:
    leaves = [sha(bytes([n])) for n in range(count)]
    root, number = tree_hash(leaves), data.draw(st.integers(1, count))
    proof = path(b"".join(leaves), number - 1)
    assert root_by(leaves[number - 1], number, count, proof) == root
    for other in range(count + 2):
        if other != number:
            assert root_by(leaves[number - 1], other, count, proof) != root
    assert root_by(leaves[number - 1], number, count, [*proof, root]) != root
    if proof:
        assert root_by(leaves[number - 1], number, count, proof[:-1]) != root
        at = data.draw(st.integers(0, len(proof) - 1))
        assert root_by(leaves[number - 1], number, count, [*proof[:at], bytes(HASH), *proof[at + 1 :]]) != root


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=LOGS, cut=st.integers(0, 3000))
def test_a_tree_of_hashes_is_that_of_the_lines(log: bytes, cut: int) -> None:
    hashes, tree = b"".join(leaves_of(log)), LogTree()
    tree.add_leaves(hashes[:cut])
    tree.add_leaves(hashes[cut:])
    tree.end()
    assert (tree.root, tree.lines) == (tree_hash(leaves_of(log)), len(lines_of(log)))
