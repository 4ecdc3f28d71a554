"""Rows that are alike are one kind: nothing is lost, nothing taken for another."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.flows.kinds import distinct

ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "", None]), st.sampled_from([1, 2, None]), st.booleans()),
    min_size=1,
    max_size=30,
)
NAMES = ("text", "number", "flag")


def _table(rows: list[tuple[object, ...]]) -> pa.Table:
    types = (pa.string(), pa.int64(), pa.bool_())
    columns = [pa.array([row[n] for row in rows], kind) for n, kind in enumerate(types)]
    return pa.table(columns, names=list(NAMES))


@given(ROWS, st.integers(1, 30))
def test_each_row_is_its_kind_whatever_the_chunks(rows, size):
    chunks = [_table(rows[n : n + size]) for n in range(0, len(rows), size)]
    kinds, numbers = distinct(pa.concat_tables(chunks))
    known = [tuple(row.values()) for row in kinds.to_pylist()]
    assert [known[n] for n in numbers] == rows
    assert len(known) == len(set(known)) == len(set(rows))


def test_more_combinations_than_a_number_holds_are_still_told_apart():
    # 8 columns of 1,000 values: 10 ** 24 combinations.
    columns = {f"c{n}": pa.array([(row * (n + 1)) % 1000 for row in range(1000)] * 2) for n in range(8)}
    kinds, numbers = distinct(pa.table(columns))
    assert kinds.num_rows == 1000
    assert kinds.take(pa.array(numbers)).equals(pa.table(columns).combine_chunks())
