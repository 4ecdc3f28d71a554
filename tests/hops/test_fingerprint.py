"""Kinds, senders and hashes stand for the texts of a line: nothing is lost by them, and nothing taken for another."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.lanes import JSON_COMPACT, SETTINGS, TABBED, lines, written
from support.log_lines import ISTIO_LINE

from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.lanes import HOP_SCHEMA, HopFingerprints
from egressaudit.hops.lanes.fingerprint import MOVED, OWN, REQUEST, SIGNATURE_TEXTS, SINGLE
from egressaudit.hops.tables import HopTable, hop_tables
from egressaudit.model import Reporter
from egressaudit.sources import Sources


def hops_of(path, role, number=3):
    """The rows with all their columns, and every signature and sender by its number."""
    fingerprints = HopFingerprints()
    rows, signatures, senders = [], {}, {}
    log = fingerprints.log(number, role)
    for each in hop_tables(Sources([str(path)]), block_size=700, fingerprinted=lambda _: log):
        if isinstance(each, HopTable):
            rows += each.table.to_pylist()
            signatures |= {row.pop("signature"): row for row in fingerprints.new_signatures().to_pylist()}
            senders |= {row.pop("sender"): row for row in fingerprints.new_senders().to_pylist()}
    return rows, signatures, senders


def signature_of(row, log):
    """The signature that a line must have."""
    request = any(row[column] is not None for column in ("method", "path", "protocol"))
    own = row["upstream_local_address"]
    # A count below zero, which only a forged line has, proves no byte.
    moved = any((row[column] or 0) > 0 for column in ("bytes_sent", "bytes_recv"))
    bits = {REQUEST: request, OWN: own is not None, MOVED: moved, SINGLE: False}
    remote = row["downstream_remote_address"]
    return {
        "log": log,
        "bits": sum(bit for bit, is_set in bits.items() if is_set),
        **{column: row[column] for column in SIGNATURE_TEXTS},
        "asked_name": row["authority" if request else "requested_server_name"],
        "remote": remote if row["upstream_cluster"] is None else None,
        "own_prefix": None if own is None else own.rstrip("0123456789"),
    }


def ip_of(socket):
    return socket[1:].split("]")[0] if socket.startswith("[") else socket.split(":")[0]


def socket_of(row, role):
    """Where the request or connection came from, if its sender cannot have made that up."""
    if role is Reporter.ZTUNNEL:
        return row["src_addr"]
    remote = row["downstream_remote_address"]
    return None if remote is None or remote.endswith(":0") else remote


def sender_of(row, role):
    socket = socket_of(row, role)
    return {
        "prefix": None if socket is None else socket.rstrip("0123456789"),
        "namespace": row["src_namespace"] if role is Reporter.ZTUNNEL else None,
        "workload": row["src_workload"] if role is Reporter.ZTUNNEL else None,
    }


def hashed(row, role):
    """What each hash is of."""
    socket = socket_of(row, role)
    if role is Reporter.ZTUNNEL:
        dialed = row["dst_hbone_addr"] if row["dst_hbone_addr"] is not None else row["dst_addr"]
        tunnel = None if socket is None else (ip_of(socket), dialed)
        return {"sent": row["dst_addr"], "came": (socket, dialed), "tunnel": tunnel, "asked": None}
    local = row["downstream_local_address"]
    return {
        "sent": (row["upstream_local_address"], row["upstream_host"]),
        "came": (row["downstream_remote_address"], local),
        "tunnel": (ip_of(socket), local) if role is Reporter.WAYPOINT and socket is not None else None,
        "asked": (row["method"], row["path"], row["authority"]),
    }


@SETTINGS
@given(lines=lines, role=st.sampled_from(list(Reporter)))
@example(lines=[ISTIO_LINE] * 3, role=Reporter.WAYPOINT)
@example(lines=[JSON_COMPACT] * 3, role=Reporter.SIDECAR)
@example(lines=[JSON_COMPACT[:-1] + ',"bytes_sent":-1}'], role=Reporter.SIDECAR)
@example(lines=[TABBED] * 3, role=Reporter.ZTUNNEL)
def test_what_stands_for_a_line_says_what_the_line_says(tmp_path, lines, role):
    path = tmp_path / "x.log"
    path.write_bytes("".join(line.replace("\n", "") + "\n" for line in lines).encode("utf-8", "surrogatepass"))
    rows, signatures, senders = hops_of(path, role)
    clean = [row for row in rows if row["clean"]]
    for row in clean:
        assert signatures[row["signature"]] == signature_of(row, 3)
        assert senders[row["sender"]] == sender_of(row, role)
        parts = hashed(row, role)
        assert [row[column] == 0 for column in ("tunnel", "asked")] == [parts["tunnel"] is None, parts["asked"] is None]
    for one, other in combinations(clean, 2):
        before, after = hashed(one, role), hashed(other, role)
        assert all((one[column] == other[column]) == (before[column] == after[column]) for column in before)
    assert all(row[column] is None for row in rows if not row["clean"] for column in HOP_SCHEMA.names)


texts = st.none() | st.sampled_from(["", "a", "b", "ab", "-", "10.0.0.1:80", "\udcff", "é"])


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(SIGNATURE_TEXTS, texts)), max_size=20), st.integers(1, 20))
def test_rows_are_of_one_kind_if_and_only_if_they_say_the_same(rows, size):
    fingerprints = HopFingerprints()
    log = fingerprints.log(0, Reporter.SIDECAR)
    numbers, known = [], []
    for at in range(0, len(rows), size):
        numbers += log.hops(rows[at : at + size])["signature"].to_pylist()
        known += [
            {column: row[column] for column in SIGNATURE_TEXTS} for row in fingerprints.new_signatures().to_pylist()
        ]
    expected = [{column: written(value) for column, value in row.items()} for row in rows]
    assert [known[number] for number in numbers] == expected
    assert len(known) == len({tuple(row.values()) for row in expected})


@pytest.mark.parametrize(
    ("one", "other"), [(("ab", "c"), ("a", "bc")), ((None, "a"), ("a", None)), (("", "a"), ("a", ""))]
)
def test_two_sockets_are_never_read_as_two_others(one, other):
    log = HopFingerprints().log(0, Reporter.EGRESS_GATEWAY)
    rows = [dict(zip(("upstream_local_address", "upstream_host"), pair, strict=True)) for pair in (one, other)]
    first, second = log.hops(rows)["sent"].to_pylist()
    assert first != second


def test_kinds_of_two_logs_are_two_kinds():
    fingerprints = HopFingerprints()
    row = dict.fromkeys(HOP_COLUMNS)
    for number in (0, 1):
        fingerprints.log(number, Reporter.SIDECAR).hops([row])
    assert fingerprints.new_signatures()["log"].to_pylist() == [0, 1]
    assert fingerprints.new_signatures().num_rows == 0, "each is new once"


def test_hashes_of_one_run_are_not_those_of_another():
    """Else who knows how hashes are made could make sockets that have the same."""
    row = {"upstream_local_address": "10.0.0.1:1", "upstream_host": "10.0.0.2:80"}
    one, other = (HopFingerprints().log(0, Reporter.SIDECAR).hops([row])["sent"].to_pylist() for _ in range(2))
    assert one != other
