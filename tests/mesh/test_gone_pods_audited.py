"""Flows to pods that are gone, in an audit of a folder and of a cluster."""

from __future__ import annotations

import json
import shutil

import pytest
from support.lab_thread import running_lab
from support.services import BY_HAND, READ, SHOP, endpoint, endpoint_slice, pod, service
from support.tools import SAMPLES

from egressaudit.cli import run
from egressaudit.mesh import Mesh
from egressaudit.model import Outcome
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit_lab.scenario import load_scenario
from egressaudit_lab.world import Fault

# ---------------------------------------------------------------- a folder of logs


SAMPLE = SAMPLES / "istio-apis"


ROLLED = (
    '[{when}] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 45 5 4 "-" "x" "id" "shop.shop" '
    f'"{{net}}.50:8080" outbound|80||{SHOP} {{own}}:32900 10.96.0.2:80 {{own}}:58600 - -\n'
)


@pytest.mark.parametrize(
    ("read", "more", "outcome", "counted"),
    [
        (READ, (), Outcome.PASS, 1),
        (READ, (BY_HAND,), Outcome.INCONCLUSIVE, 0),
        (None, (), Outcome.INCONCLUSIVE, 0),
    ],
    ids=["proven", "not proven", "not known"],
)
def test_a_window_in_which_a_pod_was_replaced_passes_only_where_the_snapshot_proves_it(
    read, more, outcome, counted, tmp_path
):
    shutil.copytree(SAMPLE, tmp_path / "logs")
    (log,) = (tmp_path / "logs" / "curl").glob("*/istio-proxy.log")
    snapshot = json.loads((SAMPLE / "mesh.json").read_text("utf-8"))
    # The lab has another network each time that the samples are made.
    (own,) = (each.addresses[0] for each in Mesh.from_json(snapshot).pods if each.namespace == "curl")
    net, before = own.rpartition(".")[0], log.read_text("utf-8")
    rolled = ROLLED.format(when=before.splitlines()[-1][1:].partition("]")[0], net=net, own=own)
    log.write_text(before + rolled, "utf-8")
    now = pod("shop-1", f"{net}.51", annotations={"sidecar.istio.io/status": "{}"}, containers=("shop",))
    snapshot["objects"] += [now, service(), endpoint_slice(endpoint(f"{net}.51")), *more]
    mesh = Mesh.from_json({**snapshot, "read": read and list(read)})
    report = audit_window((str(tmp_path / "logs"),), mesh, AuditSettings())
    assert report.outcome is outcome
    assert report.internal == counted


# ---------------------------------------------------------------- a cluster


@pytest.mark.e2e
def test_a_snapshot_of_a_cluster_says_what_was_read_and_proves_the_same_when_it_is_read_again(tmp_path):
    with running_lab(load_scenario("whole-mesh")) as lab:
        found = {}
        for name, faults in (("all", ()), ("less", (Fault("list", "workloadgroups", status=403),))):
            with lab.faulty(*faults):
                assert run(["snapshot", "-o", str(tmp_path / name), "--kubeconfig", str(lab.kubeconfig)]) == 0
            found[name] = Mesh.from_json(json.loads((tmp_path / name).read_text()))
    assert set(READ) - found["less"].read == {"networking.istio.io/WorkloadGroup"}
    assert found["all"].read == set(READ)
    # ledger has the same selector as a WorkloadEntry; the others are proxies.
    assert found["all"].backing().pods_only == {"checkout.shop.svc.cluster.local"}
    assert found["less"].backing().pods_only == frozenset()
