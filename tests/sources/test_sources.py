"""Logs wherever they lie: whose a file is, by its path. Every line is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.folders import written
from support.source_lines import HOSTILE, JSON, MUST_GATHER, TEXT, ZTUNNEL, hops, read

from egressaudit.model import Reporter
from egressaudit.sources import reporter_of
from egressaudit.sources.layouts import place

PROXY = frozenset({"istio-proxy"})


PODS = "var/log/pods/egress_gw-1_0f0e0d0c-1111-2222-3333-444444444444"


OTHERS = "logs of other containers"


@pytest.mark.parametrize(
    ("path", "source", "skip"),
    [
        ("evidence/egress/gw-1/istio-proxy.log", "egress/gw-1/istio-proxy", ""),
        ("egress/gw-1/istio-proxy.log.gz", "egress/gw-1/istio-proxy", ""),
        ("egress/gw-1/istio-proxy.log.1.gz", "egress/gw-1/istio-proxy", ""),
        ("egress/gw-1/istio-proxy.previous.log-20261107", "egress/gw-1/istio-proxy", ""),
        ("egress/gw-1/istio-proxy.log.bak", "egress/gw-1/istio-proxy", ""),
        ("egress/gw-1/istio-proxy.log.sha256", None, "files not named *.log"),
        ("egress/gw-1/istio-proxy.log.asc", None, "files not named *.log"),
        ("logs/today/envoy.log", None, ""),  # any three names: not ours
        ("logs/today/proxy.log", None, ""),
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/current.log", "egress/gw-1/istio-proxy", ""),
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/previous.insecure.log", "egress/gw-1/istio-proxy", ""),
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/rotated/0.log.20250217-072641.gz", "egress/gw-1/istio-proxy", ""),
        (f"{MUST_GATHER}/app/app/logs/current.log", "egress/gw-1/app", OTHERS),
        ("must-gather/host_service_logs/masters/crio_service.log", None, "logs that don't belong to pods"),
        ("must-gather/audit_logs/kube-apiserver/audit.log.gz", None, "logs that don't belong to pods"),
        ("must-gather.local.1/must-gather.log", None, "logs that don't belong to pods"),
        ("bug-report/proxies/egress/gw-1/istio-proxy.log", "egress/gw-1/istio-proxy", ""),
        ("bug-report/proxies/egress/gw-1/proxy.log", "egress/gw-1/istio-proxy", ""),
        ("bug-report/istio/istio-system/istiod-1/discovery.log", "istio-system/istiod-1/discovery", OTHERS),
        (f"{PODS}/istio-proxy/0.log", "egress/gw-1/istio-proxy", ""),
        (f"{PODS}/istio-proxy/3.log.20250217-072641.gz", "egress/gw-1/istio-proxy", ""),
        (f"{PODS}/app/0.log", "egress/gw-1/app", OTHERS),
        (f"var/log/containers/gw-1_egress_istio-proxy-{'0f' * 32}.log", "egress/gw-1/istio-proxy", ""),
        ("a/gateway.log", None, ""),
        ("a/gateway.log.1", None, ""),
        ("a/gateway-2026.log.zst", None, ""),
        ("evidence/mesh.json", None, "files not named *.log"),
        ("namespaces/egress/core/pods.yaml", None, "files not named *.log"),
    ],
)
def test_what_a_path_says(path: str, source: str | None, skip: str) -> None:
    told = place(path, PROXY)
    assert (None if told.source is None else str(told.source), told.skip) == (source, skip)


@pytest.mark.parametrize(
    ("pod", "reporter"),
    [
        ("ztunnel-7l4wt", Reporter.ZTUNNEL),
        ("waypoint-dd5c9497f-59smm", Reporter.WAYPOINT),
        ("egress-waypoint-dd5c9497f-59smm", Reporter.WAYPOINT),
        ("istio-egressgateway-7c9f-x", Reporter.EGRESS_GATEWAY),
        ("egress-gateway-1", Reporter.EGRESS_GATEWAY),
        ("bookinfo-istio-84f7759775-mlbbh", Reporter.EGRESS_GATEWAY),
        ("payment-gateway-1", None),
        ("shop-1", None),
        ("my-ztunnel-1", None),
        ("waypoints-1", None),
    ],
)
def test_what_a_pods_name_says(pod: str, reporter: Reporter | None) -> None:
    assert reporter_of(pod) is reporter


@pytest.mark.parametrize(("line", "reporter"), [(TEXT, None), (JSON, None), (ZTUNNEL, "ztunnel"), (HOSTILE, None)])
def test_without_a_name_the_line_itself_says_whether_a_ztunnel_wrote_it(
    line: str, reporter: str | None, tmp_path: Path
) -> None:
    log = written(tmp_path / "x.txt", line)
    assert [hop["reporter"] for hop in hops(read(log)[1])] == [reporter]
    as_gateway = hops(read(log, reporter=Reporter.EGRESS_GATEWAY)[1])
    assert [hop["reporter"] for hop in as_gateway] == ([] if line == ZTUNNEL else ["egress-gateway"])


def test_logs_of_one_container_keep_different_names(tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        written(tmp_path / day / "egress" / "gw-1" / "istio-proxy.log", TEXT)
    names = [hop["source"] for hop in hops(read(tmp_path)[1])]
    later = tmp_path / "tuesday" / "egress" / "gw-1" / "istio-proxy.log"
    assert names == ["egress/gw-1/istio-proxy", f"egress/gw-1/istio-proxy@{later}"]


def test_a_folder_is_read_without_following_links(tmp_path: Path) -> None:
    written(tmp_path / "outside.log", TEXT)
    folder = tmp_path / "folder"
    written(folder / "a.log", TEXT)
    (folder / "link.log").symlink_to(tmp_path / "outside.log")
    (folder / "round").symlink_to(folder)
    (folder / "notes.txt").write_text("x")
    sources, events = read(folder)
    assert len(hops(events)) == 1
    assert sources.skipped == {"links": 2, "files not named *.log": 1}
    assert len(hops(read(folder / "link.log")[1])) == 1  # named itself: followed
