"""Rows of `lines.jsonl`: any lines of any log, read in any pieces, with proofs that lead to its root."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egressaudit.bundle import shown_proofs
from egressaudit.bundle.manifest import BundledLog
from egressaudit.bundle.merkle import LogTree
from egressaudit.bundle.shown_proofs import ProvenLine, numbers_of, proven


def bundled_log(log: bytes, name: str = "shop/cart-1/istio-proxy", path: str = "logs/cart.log") -> BundledLog:
    tree = LogTree()
    tree.add(log)
    tree.end()
    return BundledLog(path, name, None, "", tree.lines, len(log), "", tree.root.hex())


@settings(deadline=None)
@given(
    lines=st.lists(st.binary(max_size=9).map(lambda each: each.replace(b"\n", b"")), max_size=20),
    rest=st.sampled_from([b"", b"rest"]),
    chunk=st.integers(1, 12),
    data=st.data(),
)
def test_each_wanted_line_is_proven(lines: list[bytes], rest: bytes, chunk: int, data: st.DataObject) -> None:
    log = b"".join(line + b"\n" for line in lines) + rest
    kept = bundled_log(log)
    texts = [*(line + b"\n" for line in lines), rest]
    wanted = data.draw(st.sets(st.integers(1, kept.lines + 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shown_proofs, "_CHUNK", chunk)
        found = list(proven(3, wanted, BytesIO(log)))
    assert [each.line for each in found] == sorted(each for each in wanted if each <= kept.lines)
    for each in found:
        assert each.leads_to(kept)
        assert ProvenLine.parse(each.to_json()) == each
        assert not replace(each, text=each.text + b"x").leads_to(kept)
        assert each.text == texts[each.line - 1]


def test_lines_are_found_by_the_names_that_reports_use() -> None:
    logs = [
        bundled_log(b""),
        bundled_log(b"", "shop/cart-1/istio-proxy@b.log", "b.log"),
        bundled_log(b"", "c", "c.log"),
    ]
    names = {
        ("shop/cart-1/istio-proxy", 1): {1: {1}},
        ("shop/cart-1/istio-proxy@b.log", 2): {2: {2}},
        ("other/pod/istio-proxy@c.log", 3): {3: {3}},
        ("c", 4): {3: {4}},
        ("nobody", 5): {},
    }
    assert {each: numbers_of([each], logs) for each in names} == names
