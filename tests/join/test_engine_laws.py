"""What holds for the flows of any lines: order changes nothing, and fewer lines never prove more."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.hops import (
    CURL,
    FAR,
    GW,
    SHOP,
    WAYPOINT,
    ZTUNNEL,
    at_gateway,
    at_waypoint,
    seen,
    straight,
    to_gateway,
    tunnel,
)

LOGS = {
    CURL: [to_gateway(10), to_gateway(11), straight(12), to_gateway(13, port=50002)],
    SHOP: [to_gateway(14, source="10.0.0.2"),
           straight(15, source="10.0.0.2", port=5, cluster_kind="passthrough", cluster_host=None)],
    GW: [at_gateway(10.1), at_gateway(11.1), at_gateway(13.1, port=50002), at_gateway(14.1, source="10.0.0.2")],
    ZTUNNEL: [tunnel(20), tunnel(30, dst_addr=FAR, dst_hbone_addr=None)],
    WAYPOINT: [at_waypoint(19.5)],
}  # fmt: skip


ALL = [(source, n) for source, rows in LOGS.items() for n in range(len(rows))]


@settings(max_examples=20, deadline=None)
@given(st.permutations(ALL))
def test_the_order_of_lines_and_logs_changes_nothing(order):
    logs = {source: [] for source, _ in order}
    for source, n in order:
        logs[source].append(LOGS[source][n])
    assert sorted(seen(logs)) == sorted(seen(LOGS))


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from(ALL)))
def test_taking_lines_away_never_makes_more_flows_go_through_a_gateway(gone):
    def through(logs):
        return Counter({row[:5]: row[5] for row in seen(logs) if row[2].startswith("via")})

    left = {source: [row for n, row in enumerate(rows) if (source, n) not in gone] for source, rows in LOGS.items()}
    assert through(left) <= through(LOGS)


def test_every_order_of_two_logs_gives_the_same_groups():
    found = {tuple(seen({source: LOGS[source] for source in order})) for order in permutations([CURL, GW])}
    assert len(found) == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), min_size=1, max_size=10))
def test_a_pause_of_more_than_a_minute_ends_a_connection(lines):
    # (is it the sender's, tens of seconds) on one pair of sockets: each connection alone gives as many flows as below.
    lines.sort(key=lambda line: line[1])
    connections, before = [], -100
    for sends, tens in lines:
        if tens - before > 6:
            connections.append([])
        connections[-1].append(sends)
        before = tens
    expected: Counter[str] = Counter()
    for each in connections:
        sent, got = each.count(True), each.count(False)
        expected["via-gateway" if sent else "unattributed"] += got
        expected["unknown"] += max(0, sent - got)
    logs = {
        CURL: [to_gateway(10 * tens) for sends, tens in lines if sends],
        GW: [at_gateway(10 * tens) for sends, tens in lines if not sends],
    }
    found: Counter[str] = Counter()
    for row in seen(logs):
        found[row[2]] += row[5]
    assert found == +expected
