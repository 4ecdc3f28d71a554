"""A report published in the lab: what is there afterwards, what goes, and what cannot be published at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from support.clients import cluster_of
from support.hostile import NASTY
from support.lab_fakes import Lab, running_lab
from support.reports import FULL, PASSED, TAKEN, text_of

from egressaudit.cluster.refusals import Action
from egressaudit.errors import ClusterError, Forbidden, OutputFailed
from egressaudit.model import AuditReport, ObjectRef
from egressaudit.model.analysis import ServedApi
from egressaudit.pipeline.publishing import Published, publish, publish_failure, reports_api
from egressaudit.report.openreports import OPENREPORTS, WG_POLICY
from egressaudit.report.safe import printable
from egressaudit_lab.world import Fault

SHOP: Any = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


@pytest.fixture
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        running.apply(SHOP)
        yield running


def names(lab: Lab) -> set[str]:
    """`namespace/name` of every report in the cluster."""
    found = set()
    for plural in ("reports", "clusterreports"):
        for each in lab.json("get", f"{plural}.openreports.io", "-A")["items"]:
            found.add(f"{each['metadata'].get('namespace', '')}/{each['metadata']['name']}")
    return found


def of_namespaces(*namespaces: str) -> AuditReport:
    judged = tuple(replace(PASSED, group=replace(TAKEN, namespace=each)) for each in namespaces)
    return replace(FULL, judged=judged, findings=())


def test_the_objects_are_there_with_our_fields(lab: Lab) -> None:
    done = publish(cluster_of(lab), FULL)
    assert done == Published(OPENREPORTS, 2, 0, ())
    assert str(done) == "published 2 objects of openreports.io/v1alpha1, removed 0"
    assert names(lab) == {"/egressaudit", "shop/egressaudit"}
    found = lab.json("get", "reports.openreports.io", "egressaudit", "-n", "shop", "--show-managed-fields")
    assert found["summary"] == {"fail": 1, "error": 1, "warn": 1, "skip": 0, "pass": 1}
    assert [each["manager"] for each in found["metadata"]["managedFields"]] == ["egressaudit"]


def test_a_second_run_writes_over_the_first_and_over_what_others_changed(lab: Lab) -> None:
    cluster = cluster_of(lab)
    publish(cluster, FULL)
    lab.out("label", "reports.openreports.io", "egressaudit", "-n", "shop", "seen=yes")
    publish(cluster, of_namespaces("shop"))
    found = lab.json("get", "reports.openreports.io", "egressaudit", "-n", "shop")
    assert found["summary"] == {"fail": 0, "error": 0, "warn": 0, "skip": 0, "pass": 1}
    assert found["metadata"]["labels"]["seen"] == "yes"


def test_what_an_earlier_run_left_goes_and_what_is_not_ours_stays(lab: Lab) -> None:
    cluster = cluster_of(lab)
    foreign: Any = {"apiVersion": "openreports.io/v1alpha1", "kind": "Report", "source": "kyverno"}
    lab.apply({**foreign, "metadata": {"name": "kyverno", "namespace": "curl"}})
    publish(cluster, of_namespaces("shop", "curl"))
    publish(cluster, of_namespaces("curl"), "nightly")
    done = publish(cluster, of_namespaces("shop"))
    assert done.removed == 1
    assert names(lab) == {"/egressaudit", "shop/egressaudit", "/nightly", "curl/nightly", "curl/kyverno"}


def test_pieces_that_are_not_needed_any_more_go(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_of(lab)
    with monkeypatch.context() as patch:
        patch.setattr("egressaudit.report.openreports.MOST_BYTES", 500)
        publish(cluster, FULL)
    assert "shop/egressaudit-2" in names(lab)
    publish(cluster, FULL)
    assert names(lab) == {"/egressaudit", "shop/egressaudit"}


def test_a_namespace_that_is_gone_by_now_is_said_and_the_rest_is_written(lab: Lab) -> None:
    done = publish(cluster_of(lab), of_namespaces("shop", "gone"))
    assert (done.written, done.gone) == (2, ("gone",))
    assert str(done).endswith("; these namespaces are gone: gone")


def test_a_passing_failure_is_tried_again(lab: Lab) -> None:
    lab.faults.rules.append(Fault("patch", "reports", status=503, times=2))
    assert publish(cluster_of(lab), FULL).written == 2


def test_what_fails_for_good_is_no_report(lab: Lab) -> None:
    lab.faults.rules.append(Fault("delete", "reports", status=403))
    cluster = cluster_of(lab)
    with pytest.raises(OutputFailed, match="the report was not published, or only in part: not allowed to delete"):
        publish(cluster, FULL)


def test_without_the_permission_nothing_is_begun_and_the_role_is_named(lab: Lab) -> None:
    lab.faults.rules += [Fault(verb, "clusterreports", status=403) for verb in ("patch", "create")]
    with pytest.raises(Forbidden) as caught:
        reports_api(cluster_of(lab))
    said = "not allowed to create and patch clusterreports.openreports.io in the whole cluster, so the report cannot be"
    assert caught.value.message.startswith(said)
    assert "deploy/publish-rbac.yaml" in caught.value.hint
    assert 'apiGroups: ["openreports.io"]' in caught.value.hint


def test_after_a_failure_no_object_has_a_pass_of_an_earlier_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = cluster_of(lab)
    publish(cluster, of_namespaces("shop"), "nightly")
    monkeypatch.setattr("egressaudit.report.openreports.MOST_BYTES", 1)
    publish(cluster, of_namespaces("shop", "curl"))
    before = names(lab)
    publish_failure(cluster, "no log at https://u:p@h/x?token=S can be read", "Look.")
    assert names(lab) == before
    for plural in ("reports", "clusterreports"):
        for each in lab.json("get", f"{plural}.openreports.io", "-A")["items"]:
            said = [each["result"] for each in each["results"]]
            assert (said == ["error"]) is (each["metadata"]["name"] != "nightly"), each["metadata"]
    found = lab.json("get", "clusterreports.openreports.io", "egressaudit")
    said = "no log at https://REDACTED@h/x?REDACTED can be read"
    assert [each["message"] for each in found["results"]] == [f"no audit was performed: {said} Look."]
    assert found["summary"]["error"] == 1
    publish(cluster, of_namespaces("shop"))
    assert lab.json("get", "reports.openreports.io", "egressaudit", "-n", "shop")["summary"]["pass"] == 1


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_kubectl_reads_hostile_text_as_it_is_shown(lab: Lab, text: str) -> None:
    report = replace(FULL, findings=tuple(replace(each, message=text, rule=text) for each in FULL.findings))
    # The lab has no schemas, which kubectl would hold a List to.
    lab.out("apply", "--server-side", "--validate=false", "-f", "-", stdin=text_of(report, "openreports"))
    found = lab.json("get", "reports.openreports.io", "egressaudit", "-n", "shop")
    assert {each.get("message", "") for each in found["results"] if each["result"] != "pass"} == {printable(text)}


class Discovered:
    """A cluster of which only the APIs are known; everything is allowed."""

    def __init__(self, *apis: ServedApi) -> None:
        self._apis = apis

    def apis(self, _groups: object) -> tuple[ServedApi, ...]:
        return self._apis

    def may(self, actions: Sequence[Action]) -> tuple[bool | None, ...]:
        return (None,) * len(actions)


OPEN = ServedApi("openreports.io", ("v1alpha1",), ("clusterreports", "reports"))
POLICY = ServedApi("wgpolicyk8s.io", ("v1beta1", "v1alpha2"), ("clusterpolicyreports", "policyreports"))


@pytest.mark.parametrize(
    ("apis", "found"), [((OPEN, POLICY), OPENREPORTS), ((POLICY,), WG_POLICY), ((OPEN,), OPENREPORTS)]
)
def test_the_api_that_is_served_is_used(apis: Any, found: Any) -> None:
    assert reports_api(Discovered(*apis)) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "apis",
    [
        (),
        (ServedApi("openreports.io", ("v2",), ("clusterreports", "reports")),),
        (ServedApi("openreports.io", ("v1alpha1",), ("reports",)),),
    ],
)
def test_a_cluster_without_such_an_api_is_an_error_that_says_what_to_do(apis: Any) -> None:
    with pytest.raises(ClusterError, match=r"serves neither openreports\.io/v1alpha1 nor wgpolicyk8s\.io/v1alpha2"):
        reports_api(Discovered(*apis))  # type: ignore[arg-type]


def test_the_lab_has_no_such_object_of_ours_at_first(lab: Lab) -> None:
    cluster = cluster_of(lab)
    assert cluster.labelled("openreports.io/v1alpha1", "reports", "app.kubernetes.io/managed-by=egressaudit") == ()
    cluster.delete("openreports.io/v1alpha1", "reports", ObjectRef("shop", "none"))
