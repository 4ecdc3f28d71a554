"""A window collected from meshes of real Envoy processes, and the snapshot command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.lab_thread import RunningLab, running_lab

from egressaudit import read_hops
from egressaudit.cli import run
from egressaudit.cluster import Cluster
from egressaudit.errors import NotFound
from egressaudit.evidence.collection import Collection, State
from egressaudit.mesh import Mesh
from egressaudit.pipeline.collecting import CollectSettings, collect, collected
from egressaudit.selectors import Selector
from egressaudit_lab.scenario import load_scenario
from egressaudit_lab.world import Fault

pytestmark = pytest.mark.e2e

GATEWAY = "egress-gateway/egressgateway"


@pytest.fixture(scope="module")
def noisy() -> Iterator[RunningLab]:
    with running_lab(load_scenario("noisy")) as running:
        yield running


def window(lab: RunningLab, folder: Path, **how: Any) -> Collection:
    now = datetime.now(UTC)
    settings = CollectSettings(since=now - timedelta(hours=1), until=now, patience=5.0, **how)
    return collect(Cluster.connect(kubeconfig=str(lab.kubeconfig)), settings, lambda _: None, folder)


async def written(log: Any) -> list[bytes]:
    return [entry.line async for entry in log.read()]


def test_the_logs_of_a_busy_mesh_are_collected_whole_and_can_be_read(noisy: RunningLab, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    collection = window(noisy, folder)
    assert {(each.source.namespace, each.state, each.reason) for each in collection.logs} == {
        ("egress-gateway", State.COMPLETE, ""),
        ("curl", State.COMPLETE, ""),
        ("other", State.COMPLETE, ""),
    }
    gateway = collection.logs[0]
    copied = (folder / gateway.path).read_bytes()
    there = b"".join(line + b"\n" for line in noisy.do(written(noisy.log(GATEWAY))))
    assert there.startswith(copied)
    hops = read_hops(folder)
    lines = hops.attrs["lines"][(folder / gateway.path).as_posix()]
    assert lines["read"] == gateway.lines
    assert lines["access"] > 0
    assert lines["unparsed"] == 0


def test_a_busy_log_through_faults_is_the_same_log(noisy: RunningLab, tmp_path: Path) -> None:
    with noisy.faulty(
        Fault("get", "pods/log", status=429, times=1),
        Fault("get", "pods/log", cut_after_lines=50, times=6),
        Fault("get", "pods/log", status=503, times=2),
    ):
        collection = window(noisy, tmp_path / "evidence")
    assert {each.state for each in collection.logs} == {State.COMPLETE}
    there = b"".join(line + b"\n" for line in noisy.do(written(noisy.log(GATEWAY))))
    assert there.startswith((tmp_path / "evidence" / collection.logs[0].path).read_bytes())


def test_ztunnels_and_waypoints_are_collected(tmp_path: Path) -> None:
    with running_lab(load_scenario("ambient")) as lab:
        collection = window(lab, tmp_path / "evidence")
    assert [each.source.namespace for each in collection.logs] == ["egress-gateway", "ztunnel", "ztunnel"]
    assert {each.state for each in collection.logs} == {State.COMPLETE}


def test_without_a_folder_it_is_a_temporary_one(noisy: RunningLab) -> None:
    now = datetime.now(UTC)
    settings = CollectSettings(since=now - timedelta(minutes=5), until=now, selector=Selector.parse("app=noise"))
    cluster = Cluster.connect(kubeconfig=str(noisy.kubeconfig))
    with collected(cluster, settings, lambda _: None) as (folder, collection):
        assert sorted(each.name for each in folder.iterdir())[:2] == ["collection.json", "egress-gateway"]
        assert {each.source.namespace for each in collection.logs} == {"egress-gateway", "other"}
    assert not folder.exists()


def test_a_selector_that_matches_no_pod_is_refused(noisy: RunningLab, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    settings = CollectSettings(since=None, until=now, namespaces=("curl",), selector=Selector.parse("app notin (curl)"))
    with pytest.raises(NotFound) as none:
        collect(Cluster.connect(kubeconfig=str(noisy.kubeconfig)), settings, lambda _: None, tmp_path / "evidence")
    assert none.value.message == "-l 'app notin (curl)' matches no pod in namespace curl"
    assert not (tmp_path / "evidence").exists()


def test_a_selector_that_matches_no_sidecar_is_noted(noisy: RunningLab, tmp_path: Path) -> None:
    settings = CollectSettings(since=None, until=datetime.now(UTC), selector=Selector.parse("istio=egressgateway"))
    cluster = Cluster.connect(kubeconfig=str(noisy.kubeconfig))
    collection = collect(cluster, settings, lambda _: None, tmp_path / "evidence")
    assert (
        "no sidecar's log was collected: -l 'istio=egressgateway' matches 1 pod in any namespace, none with a sidecar"
    ) in collection.notes
    assert {each.source.namespace for each in collection.logs} == {"egress-gateway"}


# ---------------------------------------------------------------- the snapshot command


def test_snapshot_writes_the_mesh_to_a_file_or_to_standard_output(
    noisy: RunningLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mesh.json"
    access = ["--kubeconfig", str(noisy.kubeconfig)]
    assert run(["snapshot", "-o", str(file), *access]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "pods" in captured.err
    assert run(["snapshot", *access]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(file.read_text())
    mesh = Mesh.from_json(json.loads(file.read_text()))
    assert all(pod.started and pod.run("istio-proxy").started for pod in mesh.pods)
    assert [each.name for each in tmp_path.iterdir()] == ["mesh.json"]


def test_snapshot_names_what_it_may_not_read(
    noisy: RunningLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    access = ["--kubeconfig", str(noisy.kubeconfig)]
    with noisy.faulty(Fault("list", "serviceentries", status=403)):
        assert run(["snapshot", "-o", str(tmp_path / "mesh.json"), *access]) == 0
    assert "not read: ServiceEntry objects" in capsys.readouterr().err
    with noisy.faulty(Fault("list", "pods", status=403)):
        assert run(["snapshot", "-o", str(tmp_path / "none.json"), *access]) == 1
    assert "kind: ClusterRole" in capsys.readouterr().err
    assert not (tmp_path / "none.json").exists()


def test_snapshot_into_no_folder_is_a_usage_error(
    noisy: RunningLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for output in (tmp_path, tmp_path / "no" / "mesh.json"):
        assert run(["snapshot", "-o", str(output), "--kubeconfig", str(noisy.kubeconfig)]) == 2
        assert str(output) in capsys.readouterr().err
