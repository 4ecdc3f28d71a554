"""Causes of hostile objects and lines: always an answer, never an exception."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.causes import line
from support.hops import CURL, GW, NO_UPSTREAM, WAYPOINT, ZTUNNEL, at_gateway, at_waypoint, straight, to_gateway, tunnel
from support.junk import junk_objects
from support.mesh import AMBIENT, HOST, MESH, Manifest

from egressaudit.causes.diagnosis import diagnose
from egressaudit.causes.symptoms import Symptoms
from egressaudit.causes.way_logs import WayLogs
from egressaudit.mesh import Mesh
from egressaudit.model import CurlResult, Hop, ObjectRef, Path, Scheme, Target

FLAGS = st.sampled_from(["", "NR", "NC", "UH", "UF", "UF,URX", "UO", "UAEX", "DPE", "UT"])
CLUSTERS = st.sampled_from(["outbound", "passthrough", "blackhole", "dynamic-dns", None])
DETAILS = st.sampled_from(["via_upstream", "route_not_found", "rbac_access_denied_matched_policy[none]", "", "x[[]"])
ADDRESSES = st.sampled_from([None, "-", "10.0.0.9:8080", "203.0.113.7:80", "[::1]:0", "240.240.0.1:80", "nonsense"])
FIELDS: Any = st.fixed_dictionaries(
    {"response_flags": FLAGS, "cluster_kind": CLUSTERS, "response_code_details": DETAILS, "upstream_host": ADDRESSES}
)
LINES: Any = st.sampled_from([(), (0,), (0, 1), (2,), (2, 3), (1,)])


def _hops(chosen: tuple[int, ...], fields: dict[str, Any]) -> tuple[Hop, ...]:
    rows = ((CURL, straight(**fields)), (GW, at_gateway(**fields)), (ZTUNNEL, tunnel(dst_addr=fields["upstream_host"])))
    made = [line(log, row) for log, row in (*rows, (WAYPOINT, at_waypoint(**fields)))]
    return tuple(made[number] for number in chosen)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(
    st.lists(junk_objects(), max_size=6),
    st.sampled_from([MESH, AMBIENT]),
    LINES,
    FIELDS,
    st.sampled_from(list(Path)),
    st.sampled_from([Path.VIA_GATEWAY, Path.VIA_WAYPOINT, Path.DIRECT, Path.BLOCKED, None]),
    st.sampled_from(["EA101", "EA102", "EA103", "EA107", "EA303", "EA309", "EA310", "EA325", ""]),
    st.sampled_from([HOST, "", "203.0.113.7", "*.redhat.com", "::1", "gw.egress.svc.cluster.local", "a" * 300]),
    st.sampled_from(["curl/curl-1", "amb/app-1", "none/none"]),
)
def test_any_objects_and_lines_have_an_answer(
    junk: list[Manifest],
    objects: tuple[Manifest, ...],
    chosen: tuple[int, ...],
    fields: dict[str, Any],
    path: Path,
    expected: Path | None,
    code: str,
    host: str,
    source: str,
) -> None:
    mesh = Mesh.of([*objects, *junk])
    namespace, _, name = source.partition("/")
    pod, target = mesh.pod(ObjectRef(namespace, name)), Target(host, 80, Scheme.HTTPS)
    logs = WayLogs(mesh, mesh.blind_spots())
    gateway = ObjectRef("egress", "gw")
    found = diagnose(
        Symptoms(
            mesh=mesh,
            target=target,
            path=path,
            code=code,
            source=pod,
            expected=expected,
            via=gateway,
            through=(gateway,) if path in (Path.VIA_GATEWAY, Path.VIA_WAYPOINT) else (),
            hops=_hops(chosen, fields),
            faults=() if pod is None else mesh.claim(pod, target).faults,
            spots=logs.spots_on(pod, logs.on(pod, (gateway,))),
            curl=CurlResult(exit_code=0, connected=True, remote_address="203.0.113.7:80"),
        )
    )
    assert len({each.code for each in found}) == len(found)
    assert all(each.sentence for each in found)


def test_the_rows_of_these_lines_are_those_of_the_small_mesh() -> None:
    assert line(CURL, to_gateway()).text("upstream_host") == "10.0.0.9:8080"
    assert line(CURL, straight(**NO_UPSTREAM)).text("upstream_host") is None
