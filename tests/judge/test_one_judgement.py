"""The same line has the same fate by either command: `verify` asks one hop, `audit` asks SQL about millions."""

from __future__ import annotations

from functools import cache
from pathlib import Path as File
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.hops import CURL, GW, HOST, START, WAYPOINT, ZTUNNEL, mesh

from egressaudit.hops.columns import HOP_COLUMNS, row_frame
from egressaudit.hops.dialects import cluster_columns
from egressaudit.hops.lanes import HopFingerprints
from egressaudit.join.engines import HOP_NEEDS, open_engine
from egressaudit.join.line_facts import Fate
from egressaudit.join.surroundings import Surroundings
from egressaudit.judge.fate import fate_of
from egressaudit.judge.hop_facts import Surfaces, facts_of
from egressaudit.mesh import Mesh
from egressaudit.mesh.places import owners
from egressaudit.model import Hop, LogLine, LogSource

Row = dict[str, object]
Found = tuple[str, str, str]
LOGS = (CURL, GW, WAYPOINT, ZTUNNEL)
NETWORKING = "networking.istio.io/v1"


@cache
def world() -> Mesh:
    """The small mesh, with a host whose endpoints lead to two kinds of place, and an ambient pod on another node."""
    mixed = {
        "apiVersion": NETWORKING,
        "kind": "ServiceEntry",
        "metadata": {"namespace": "curl", "name": "mixed"},
        "spec": {
            "hosts": ["mixed.example.com"],
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "resolution": "STATIC",
            "endpoints": [{"address": "10.0.0.9"}, {"address": "203.0.113.9"}],
        },
    }
    other = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "amb", "name": "far-1", "labels": {"istio.io/dataplane-mode": "ambient"}},
        "spec": {"nodeName": "n2", "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "hostIP": "172.18.0.9", "podIPs": [{"ip": "10.0.0.44"}, {"ip": "fd00::44"}]},
    }
    return Mesh.of([*mesh().objects, mixed, other])


# One of each place, and odd spellings of some.
ADDRESSES = (
    *(None, "10.0.0.9:8080", "10.0.0.8:15008", "10.0.0.2:80", "10.0.0.1:80", "10.96.0.1:80", "10.96.0.3:80"),
    *("172.18.0.9:80", "10.0.0.50:80", "10.0.0.50:15008", "192.168.7.7:80", "240.240.0.1:80", "169.254.169.254:80"),
    *(
        "203.0.113.7:80",
        "203.0.113.7:15008",
        "8.8.8.8:53",
        "[2001:db8::7]:443",
        "[::ffff:203.0.113.7]:80",
        "127.0.0.1:80",
    ),
    *("[::ffff:10.0.0.2]:80", "[64:ff9b::10.0.0.9]:80", "[fe80::1%eth0]:80", "0.0.0.0:80", "[fd00::44]:80"),
    *("envoy://connect_originate/10.0.0.2:8080", "envoy://connect_originate/10.0.0.50:8080", "/var/run/x.sock", "x:80"),
)
# Sockets that a proxy may have of its own, and those of other pods; the spellings of one address are one address.
SOCKETS = (
    *(None, "10.0.0.1:50000", "10.0.0.9:60000", "10.0.0.8:60000", "10.0.0.3:40000", "10.0.0.44:1", "10.0.0.77:5"),
    *("127.0.0.1:5", "127.0.0.6:5", "[::1]:5", "[::6]:9", "[::ffff:10.0.0.1]:7", "[::ffff:127.0.0.1]:7", "10.0.0.1:0"),
    *("[::ffff:10.0.0.9]:7", "[fd00::44]:5", "[FD00:0::44]:5", "[fe80::1%eth0]:5", "203.0.113.7:9", "@/unix", "a.b:80"),
)
HOSTS = (HOST, "gw.egress.svc.cluster.local", "shop.shop.svc.cluster.local", "by-hand.shop.svc.cluster.local")
MORE_HOSTS = (
    *HOSTS,
    "gone.shop.svc.cluster.local",
    "kubernetes.default.svc.cluster.local",
    "mixed.example.com",
    "*.x.org",
)
CLUSTERS = st.none() | st.sampled_from(
    (
        "PassthroughCluster",
        "BlackHoleCluster",
        "InboundPassthroughCluster",
        "AllowAnyDynamicDNSCluster",
        "agent",
        "inbound|80||",
    )
)
NAMED = st.builds(
    "{}|{}|{}|{}".format,
    st.sampled_from(("outbound", "inbound-vip")),
    st.just(80),
    st.sampled_from(("", "v1")),
    st.sampled_from(MORE_HOSTS),
)
FLAGS = (None, "DC", "UT", "UR", "UF", "UF,URX", "URX", "NR", "NC", "UH", "UAEX", "RL", "FI", "DI", "UC", "DT")
DETAILS = (
    *(None, "via_upstream", "direct_response", "route_not_found", "rbac_access_denied_matched_policy[none]"),
    *("ext_authz_denied", "fault_filter_abort", "upstream_reset_before_response_started{connection_failure}"),
)
ERRORS = (
    *(None, "connection closed due to policy rejection: denied", "no healthy upstream", "unknown waypoint: x"),
    *(
        "connection failed: refused",
        "http status: 503",
        "requested service x found, but cannot resolve port",
        "io error",
    ),
)


def any_of(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from(values)


ENVOYS = st.fixed_dictionaries(
    {
        "start_time": st.just(START),
        "method": any_of(None, "GET"),
        "protocol": any_of(None, "HTTP/1.1"),
        "authority": st.just(HOST),
        "upstream_host": any_of(*ADDRESSES),
        "upstream_local_address": any_of(*SOCKETS),
        "downstream_remote_address": any_of(*SOCKETS),
        "downstream_local_address": any_of(*SOCKETS),
        "upstream_cluster": CLUSTERS | NAMED,
        "route_name": any_of(None, "block_all", "default"),
        "response_flags": any_of(*FLAGS),
        "response_code_details": any_of(*DETAILS),
        "connection_termination_details": any_of(None, "rbac_access_denied_matched_policy[none]"),
        "bytes_sent": any_of(None, 0, 7),
        "upstream_request_attempt_count": any_of(None, 1, 2),
    }
)
ZTUNNELS = st.fixed_dictionaries(
    {
        "start_time": st.just(START),
        "duration": st.just(5),
        "message": any_of("connection complete", "connection failed"),
        "direction": any_of("outbound", "inbound", None),
        "src_addr": any_of(*SOCKETS),
        "src_namespace": any_of(None, "amb"),
        "src_workload": any_of(None, "app-1", "far-1"),
        "dst_addr": any_of(*ADDRESSES),
        "dst_hbone_addr": any_of(*ADDRESSES),
        "dst_service": any_of(None, *MORE_HOSTS),
        "error": any_of(*ERRORS),
        "bytes_sent": any_of(None, 0, 7),
        "bytes_recv": any_of(None, 0, 7),
    }
)
LINES = st.lists(
    st.tuples(st.sampled_from((CURL, GW, WAYPOINT)), ENVOYS) | st.tuples(st.just(ZTUNNEL), ZTUNNELS),
    min_size=30,
    max_size=60,
)


def by_hops(lines: list[tuple[LogSource, Row]]) -> list[Found]:
    """What `verify` makes of them."""
    seen = world()
    writers = {log: pod for pod in seen.pods if (log := seen.proxy_log(pod)) is not None}
    surfaces = Surfaces(seen.places, seen.cluster_ends, writers, owners(seen.pods))
    found = []
    for number, (log, row) in enumerate(lines):
        reporter = seen.reporter(log)
        assert reporter is not None
        fields = {**cluster_columns(row.get("upstream_cluster")), **row}  # type: ignore[arg-type]
        fate = fate_of(facts_of(Hop(LogLine(log, number, ""), reporter, "test", True, fields), surfaces))
        found.append((fate.fate.value, fate.path.value, fate.reason))
    return found


def by_store(lines: list[tuple[LogSource, Row]]) -> list[Found]:
    """What `audit` makes of them: the signatures of the store, and the lines that it takes to be of another pod's."""
    found: dict[int, Found] = {}
    with (
        TemporaryDirectory() as folder,
        open_engine(Surroundings.of(world()), File(folder), fate_of, memory_limit="1GB") as store,
    ):
        names = HopFingerprints()
        for number, log in enumerate(LOGS):
            role = store.add_log(number, log)
            assert role is not None
            rows = [{"line": n, "clean": True, **row} for n, (where, row) in enumerate(lines) if where == log]
            if not rows:
                continue
            frame = row_frame([{column: row.get(column) for column in HOP_COLUMNS} for row in rows])
            table = pa.Table.from_pandas(frame[list(HOP_NEEDS)], preserve_index=False)
            for column, values in names.log(number, role).hops(rows).items():
                table = table.append_column(column, values)
            store.learn(names.new_signatures(), names.new_senders())
            store.add(number, table)
            store.flush()
            store.db.register("told", table)
            for line, *fate in store.db.execute(TOLD).fetchall():
                found[line] = tuple(fate)
            store.db.unregister("told")
    return [found[n] for n in range(len(lines))]


TOLD = """
SELECT line,
       CASE WHEN fate <> 'inbound'
                 AND is_stranger(signatures.role, came_in, anybody, own.sender, logs.node, senders.node)
            THEN 'foreign' ELSE fate END, path, reason
FROM told
JOIN signatures USING (signature)
JOIN logs ON logs.log = signatures.log
LEFT JOIN senders ON senders.sender = told.sender
LEFT JOIN own_senders AS own ON own.log = signatures.log AND own.sender = told.sender
"""
"""As `rules/ignored.sql` and `rules/hops.sql` decide which lines are kept."""


def compared(found: list[Found]) -> list[Found]:
    """A line of another pod's proves nothing, whatever else it says."""
    return [(fate, "", "") if fate == Fate.FOREIGN else (fate, path, reason) for fate, path, reason in found]


# A failure names its line, so nothing is to be shrunk: each try needs a store of its own.
@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(LINES)
def test_both_commands_find_the_same_fate_path_and_reason(lines: list[tuple[LogSource, Row]]) -> None:
    for line, hop, store in zip(lines, compared(by_hops(lines)), compared(by_store(lines)), strict=True):
        assert hop == store, line


STRAIGHT = {
    "start_time": START,
    "method": "GET",
    "upstream_host": "203.0.113.7:80",
    "upstream_local_address": "10.0.0.1:50000",
    "downstream_remote_address": "10.0.0.1:40000",
    "upstream_cluster": f"outbound|80||{HOST}",
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ("left", "direct", "")),
        # The pod's own address in another spelling is the pod's own.
        ({"upstream_local_address": "[::ffff:10.0.0.1]:50000"}, ("left", "direct", "")),
        ({"downstream_remote_address": "[::ffff:10.0.0.1]:40000"}, ("left", "direct", "")),
        ({"downstream_remote_address": "[::ffff:127.0.0.1]:40000"}, ("left", "direct", "")),
        ({"upstream_local_address": "10.0.0.2:50000"}, ("foreign", "", "")),
        ({"downstream_remote_address": "10.0.0.2:40000"}, ("foreign", "", "")),
        # From X-Forwarded-For: whose socket it was is not known.
        ({"downstream_remote_address": "10.0.0.2:0"}, ("left", "direct", "")),
        # No cluster, and not the pod's own socket: it came in.
        (
            {"downstream_remote_address": "10.0.0.2:40000", "upstream_cluster": None, "upstream_host": None},
            ("inbound", "unknown", ""),
        ),
        ({"upstream_cluster": "outbound|80||mixed.example.com"}, ("left", "direct", "other-endpoints")),
    ],
)
def test_a_line_of_a_sidecar_by_both_commands(changed: Row, expected: Found) -> None:
    lines = [(CURL, {**STRAIGHT, **changed})]
    assert compared(by_hops(lines)) == compared(by_store(lines)) == [expected]


@pytest.mark.parametrize(
    "inner", ["10.0.0.50:8080", "[::ffff:10.0.0.50]:8080", "envoy://connect_originate/10.0.0.50:8080"]
)
def test_a_tunnel_that_ends_at_its_own_inner_address_by_both_commands(inner: str) -> None:
    row = {"start_time": START, "dst_addr": "10.0.0.50:15008", "dst_hbone_addr": inner, "bytes_sent": 7}
    [hop], [store] = by_hops([(ZTUNNEL, row)]), by_store([(ZTUNNEL, row)])
    assert hop == store
