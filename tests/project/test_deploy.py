"""The manifests in deploy/ grant what the code needs and no more, and run under restricted pod security."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from support.tools import ROOT, load_tool

from egressaudit.mesh import RESOURCES

RBAC: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "deploy" / "rbac.yaml").read_text("utf-8")))
[JOB] = yaml.safe_load_all((ROOT / "deploy" / "cronjob.yaml").read_text("utf-8"))
POD = JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def of_kind(kind: str) -> dict[str, Any]:
    [found] = [each for each in RBAC if each["kind"] == kind]
    return found


def test_the_cluster_role_grants_exactly_what_a_snapshot_and_the_logs_need() -> None:
    granted = {
        (group, resource, tuple(rule.get("resourceNames", ()))): set(rule["verbs"])
        for rule in of_kind("ClusterRole")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    needed = {
        (each.group, each.plural, (each.only.name,) if each.only else ()): {"get"} if each.only else {"get", "list"}
        for each in RESOURCES
    }
    assert granted == needed | {("", "pods/log", ()): {"get"}}


@pytest.mark.parametrize("file", ["deploy/rbac.yaml", "deploy/publish-rbac.yaml", "docs/permissions.md"])
def test_the_rules_of_the_cluster_roles_are_made_from_what_the_code_does(file: str) -> None:
    text, tool = (ROOT / file).read_text("utf-8"), load_tool("permissions")
    assert text == tool.written(text, *tool.FILES[ROOT / file]), "run python tools/permissions.py"


def test_publishing_grants_its_own_objects_alone_to_the_account_of_the_job() -> None:
    role, binding = yaml.safe_load_all((ROOT / "deploy" / "publish-rbac.yaml").read_text("utf-8"))
    assert {group: rule["resources"] for rule in role["rules"] for group in rule["apiGroups"]} == {
        "openreports.io": ["reports", "clusterreports"],
        "wgpolicyk8s.io": ["policyreports", "clusterpolicyreports"],
    }
    assert all(rule["verbs"] == ["list", "create", "patch", "delete"] for rule in role["rules"])
    assert (binding["roleRef"]["name"], binding["subjects"]) == (
        role["metadata"]["name"],
        of_kind("ClusterRoleBinding")["subjects"],
    )


def test_the_cluster_role_is_that_of_the_documents() -> None:
    text = (ROOT / "docs" / "permissions.md").read_text("utf-8")
    assert yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0]) == of_kind("ClusterRole")


def test_the_role_is_bound_to_the_account_that_the_job_runs_as() -> None:
    binding, account = of_kind("ClusterRoleBinding"), of_kind("ServiceAccount")["metadata"]
    assert binding["roleRef"]["name"] == of_kind("ClusterRole")["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", **account}]
    assert (POD["serviceAccountName"], JOB["metadata"]["namespace"]) == (account["name"], account["namespace"])


def test_the_job_fits_restricted_pod_security() -> None:
    """The list of kubernetes.io/docs/concepts/security/pod-security-standards, Restricted."""
    assert of_kind("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert POD["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(POD)
    assert {kind for volume in POD["volumes"] for kind in volume if kind != "name"} <= {"emptyDir", "configMap"}
    for container in POD["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]


def test_a_finding_does_not_run_the_job_again() -> None:
    job = JOB["spec"]["jobTemplate"]["spec"]
    assert (job["backoffLimit"], POD["restartPolicy"]) == (0, "Never")


def test_temporary_files_go_where_the_job_may_write() -> None:
    [container] = POD["containers"]
    mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"] if not each.get("readOnly")}
    temporary = next(each["value"] for each in container["env"] if each["name"] == "TMPDIR")
    assert temporary in mounted
    assert "emptyDir" in next(each for each in POD["volumes"] if each["name"] == mounted[temporary])
