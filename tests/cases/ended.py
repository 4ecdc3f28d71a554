"""Pods that have ended, and connections of which a log has the beginning, the end, or both."""

from __future__ import annotations

from pathlib import Path

from support.lines import EVIL, at_gw, at_waypoint, straight, to_gw, tunnel
from support.mesh import AMBIENT, MESH, pod, sidecar

from cases.build import BY_WAYPOINT, Case

_GOOD = {"curl/curl-1": [to_gw()], "egress/gw-1": [at_gw()]}
_TUNNELLED = {"ztunnel/ztunnel-1": [tunnel()], "egress/waypoint-1": [at_waypoint()]}


def _rotated_between(folder: Path) -> None:
    """The last connection of the ztunnel's log ends in another file than it begins in."""
    (folder / "collection.json").unlink()
    log = folder / "ztunnel/ztunnel-1/istio-proxy.log"
    lines = log.read_text().splitlines(keepends=True)
    log.with_name("istio-proxy.previous.log").write_text("".join(lines[:-2]))
    log.write_text("".join(lines[-2:]))


_JOB = sidecar("curl/job-1", "10.0.0.21", owner="Job/nightly", status={"phase": "Succeeded"})
_AMBIENT_JOB = pod(
    "amb/job-1", "10.0.0.23", "app", owner="Job/nightly", labels={"istio.io/dataplane-mode": "ambient"},
    annotations={"ambient.istio.io/redirection": "enabled"}, status={"phase": "Succeeded"},
)  # fmt: skip
_OF_JOB = {"src__addr": "10.0.0.23:40000", "src__workload": '"job-1"'}
_OUT = {"dst__addr": f"{EVIL}:443", "dst__hbone_addr": None, "dst__service": None}
_OPENED = tunnel(
    "14:05:00.000", port=40009, level="debug", said="connection opened", bytes_sent=None, bytes_recv=None, **_OUT
)


CASES = (
    Case("104-control-a-job-that-ended", "The pod has ended. Its log still speaks for it, by the address that it had.", (0,),
         {"curl/job-1": [to_gw(own="10.0.0.21:50000", came="10.0.0.21:40000")], "egress/gw-1": [at_gw(came="10.0.0.21:50000")]},
         (*MESH, _JOB)),
    Case("104b-a-job-that-went-straight-out", "The same, around the gateway.", (10,),
         {**_GOOD, "curl/job-1": [straight(pod="10.0.0.21")]}, (*MESH, _JOB), says=("EA101", "Job/nightly")),
    Case("104c-an-ambient-job-that-ended", "ztunnel names the pod, and the snapshot says that it had this address.", (0,),
         {"ztunnel/ztunnel-1": [tunnel(**_OF_JOB)], "egress/waypoint-1": [at_waypoint(came="10.0.0.23:51000")]},
         (*AMBIENT, _AMBIENT_JOB), BY_WAYPOINT),
    Case("105-a-connection-that-never-ended", "ztunnel says at debug level that it was opened. Nothing says how it ended.", (3,),
         {**_TUNNELLED, "ztunnel/ztunnel-1": [tunnel(), _OPENED]}, AMBIENT, BY_WAYPOINT, says=("EA314",)),
    Case("105b-opened-and-ended", "Both lines are of one connection: it left.", (10,),
         {**_TUNNELLED, "ztunnel/ztunnel-1": [tunnel(), _OPENED, tunnel("14:05:01.000", port=40009, **_OUT)]}, AMBIENT, BY_WAYPOINT,
         says=("EA104",), never_says=("EA314",)),
    Case("105c-opened-before-the-log-was-rotated", "Its end is in the next file: one connection, which left.", (10,),
         {**_TUNNELLED, "ztunnel/ztunnel-1": [tunnel(), _OPENED, tunnel("14:05:01.000", port=40009, **_OUT)]}, AMBIENT, BY_WAYPOINT,
         says=("EA104",), never_says=("EA314",), change=_rotated_between),
    Case("105d-anothers-end-is-not-its-own", "An end of the same address a minute later is of another connection.", (10,),
         {**_TUNNELLED, "ztunnel/ztunnel-1": [tunnel(), _OPENED, tunnel("14:08:00.000", port=40009, **_OUT)]}, AMBIENT, BY_WAYPOINT,
         says=("EA104", "EA314")),
)  # fmt: skip
