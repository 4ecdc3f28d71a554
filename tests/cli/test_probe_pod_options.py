"""The options about the probe pod: the pod that they make, and what they refuse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import pytest

from egressaudit.cli.probe_pod_options import check_own_pod, wanted_pod
from egressaudit.errors import EgressAuditError, UsageError
from egressaudit.probe import ProbePodOptions


@dataclass
class Given:
    """What click has read."""

    image: str | None = None
    service_account: str | None = None
    pull_secrets: tuple[str, ...] = ()
    node_selector: tuple[str, ...] = ()
    tolerations: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    pod_template: str | None = None


@pytest.mark.parametrize(
    ("given", "toleration"),
    [
        ("dedicated", {"key": "dedicated", "operator": "Exists"}),
        ("dedicated:NoExecute", {"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}),
        ("a.b/c=d", {"key": "a.b/c", "operator": "Equal", "value": "d"}),
        ("a=b:NoSchedule", {"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}),
    ],
)
def test_a_toleration_is_written_as_kubectl_taint_writes_taints(given: str, toleration: dict[str, str]) -> None:
    assert wanted_pod(Given(tolerations=(given,))) == ProbePodOptions(tolerations=(toleration,))


def test_pairs_may_have_empty_values_and_equals_signs() -> None:
    wanted = wanted_pod(Given(labels=("team=",), annotations=("a.b/c=d=e",), node_selector=("pool=egress",)))
    assert (wanted.labels, wanted.annotations) == ({"team": ""}, {"a.b/c": "d=e"})
    assert wanted.node_selector == {"pool": "egress"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"service_account": "a/../b"}, "--service-account 'a/../b' is not a name"),
        ({"pull_secrets": ("ok", "Not")}, "--image-pull-secret 'Not' is not a name"),
        ({"image": "two words"}, "--image 'two words' is not the name of an image"),
        ({"labels": ("team",)}, "--label 'team' is not KEY=VALUE"),
        ({"annotations": ("=x",)}, "--annotation '=x' is not KEY=VALUE"),
        ({"node_selector": ("a b=c",)}, "--node-selector 'a b=c' is not KEY=VALUE"),
        ({"tolerations": ("a:Never",)}, "--toleration 'a:Never' is not KEY"),
        ({"labels": ("egressaudit.io/run-id=1",)}, "--label egressaudit.io/run-id is how `egressaudit cleanup`"),
    ],
)
def test_what_cannot_be_is_a_usage_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        wanted_pod(Given(**given))
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Pod\n{name}spec: {priorityClassName: low}\n", ""),
        ("kind: Pod\n{name}spec: {containers: [{name: curl}]}\n", ""),
        ("kind: Pod\nspec: {}\n", "this Pod has no metadata.name"),
        ("kind: Deployment\n{name}spec: {}\n", "holds Deployment instead of one Pod"),
        ("kind: Pod\n{name}---\napiVersion: v1\nkind: Pod\n{name}", "holds Pod, Pod instead of one Pod"),
        ("kind: Pod\n{name}spec: [1]\n", "spec is not a map"),
        ("kind: Pod\n{name}spec: {containers: curl}\n", "spec.containers is not a list of containers"),
        ("kind: Pod\n{name}spec: {containers: [curl]}\n", "spec.containers is not a list of containers"),
        ("kind: Pod\nmetadata: {name: a, labels: [a]}\n", "metadata.labels is not a map"),
        ("kind: [\n", "YAML"),
    ],
)
def test_a_template_is_one_pod(tmp_path: File, text: str, said: str) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text("apiVersion: v1\n" + text.replace("{name}", "metadata: {name: a}\n"))
    given = Given(pod_template=str(file))
    if not said:
        assert wanted_pod(given).template["kind"] == "Pod"
        return
    with pytest.raises(EgressAuditError) as caught:
        wanted_pod(given)
    assert said in caught.value.message
    assert isinstance(caught.value, UsageError)


def test_options_about_the_probe_pod_do_not_go_with_a_workload() -> None:
    check_own_pod(Given())
    with pytest.raises(UsageError, match="--toleration is about the probe pod") as caught:
        check_own_pod(Given(labels=("a=b",), tolerations=("a",)))
    assert "--label" in caught.value.hint
    assert "--toleration" in caught.value.hint
