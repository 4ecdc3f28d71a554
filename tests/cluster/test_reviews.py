"""What the caller may do, as the server says; what grants the rest; and which APIs there are."""

from __future__ import annotations

import yaml
from support.clients import cluster_of
from support.lab_fakes import running_lab

from egressaudit.cluster.refusals import Action, granting
from egressaudit_lab.world import Fault

LIST_PODS = Action(("list",), "pods")
LIST_ENTRIES = Action(("list",), "serviceentries", "networking.istio.io")
READ_LOGS = Action(("get",), "pods/log")
EXEC_IN_CURL = Action(("create",), "pods/exec", namespace="curl")
READ_CONFIG = Action(("get",), "configmaps", namespace="istio-system", name="istio")
EVERY = (LIST_PODS, LIST_ENTRIES, READ_LOGS, EXEC_IN_CURL, READ_CONFIG)


def test_each_permission_is_answered_by_the_server() -> None:
    faults = Fault("list", "serviceentries", status=403), Fault("create", "pods/exec", namespace="curl", status=403)
    with running_lab(*faults) as lab:
        assert cluster_of(lab).may(EVERY) == (True, False, True, False, True)


def test_a_server_that_does_not_answer_such_questions_leaves_them_open() -> None:
    with running_lab(Fault("create", "selfsubjectaccessreviews", status=403)) as lab:
        assert cluster_of(lab).may(EVERY) == (None,) * 5


def test_what_grants_them_is_a_cluster_role_and_a_role_for_each_namespace() -> None:
    cluster, role = yaml.safe_load_all(granting(EVERY))
    assert (cluster["kind"], role["kind"], role["metadata"]["namespace"]) == ("ClusterRole", "Role", "curl")
    assert cluster["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["networking.istio.io"], "resources": ["serviceentries"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["istio"], "verbs": ["get"]},
    ]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}]
    assert granting(()) == ""


def test_verbs_of_one_resource_and_resources_of_the_same_verbs_are_one_rule() -> None:
    more = Action(("get",), "pods"), LIST_PODS, Action(("get",), "services"), Action(("list",), "services")
    rules = yaml.safe_load(granting(more))["rules"]
    assert rules == [{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "list"]}]


def test_the_apis_of_the_server_have_their_versions_and_kinds() -> None:
    with running_lab() as lab:
        [istio] = cluster_of(lab).apis(("sailoperator.io", "networking.istio.io"))
    assert (istio.group, istio.versions[0]) == ("networking.istio.io", "v1")
    assert "virtualservices" in istio.kinds
    assert not any("/" in each for each in istio.kinds)
