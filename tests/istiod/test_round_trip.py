"""A policy inferred from a configuration judges that configuration's own traffic as compliant: every one that works.

Which configurations work, the way says that the model makes; `test_kept` holds the model to istiod for the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from support.mesh import APPS, READ, Manifest, obj

from egressaudit.errors import UsageError
from egressaudit.judge.group_expectation import by_policy
from egressaudit.judge.groups import judge_group
from egressaudit.mesh import Mesh
from egressaudit.mesh.marks import GATEWAY_NAME
from egressaudit.mesh.source_groups import source_groups
from egressaudit.mesh.steering.outside_hosts import registered_targets
from egressaudit.model import Act, DataplaneMode, FlowGroup, Outcome, Pod, Reporter, Target, WayEnd
from egressaudit.policy.loading import parse_policy
from egressaudit.policy.mesh_inference import infer_from_mesh
from istiod import kept
from istiod.compare import Answer, Case, world_of

_TODAY = date(2026, 3, 1)
_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_what_a_configuration_leads_through_a_gateway_complies_with_the_policy_inferred_from_it():
    worked = 0
    for case, answer in kept.read():
        mesh = _mesh(case, answer)
        working = [*_working(mesh)]
        if not working:
            continue
        try:
            policy = parse_policy(infer_from_mesh(mesh).encode())
        except UsageError as error:
            pytest.fail(f"{case['id']}: {error}")
        decide = by_policy(policy, mesh, _TODAY, lambda _: None)
        for pod, target, end in working:
            ruling = judge_group(_flows(pod, target, end), decide)
            assert ruling.judged.outcome is Outcome.PASS, f"{case['id']} {pod.ref} {target}: {ruling.judged.because}"
            worked += 1
    assert worked > 100


def _mesh(case: Case, answer: Answer) -> Mesh:
    """The configuration as a snapshot of a cluster, where each proxy's pod belongs to a Deployment."""
    objects = [dict(each.raw) for each in world_of(case, answer).objects.by_name.values()]
    proxies = {(each["namespace"], each["name"]): each for each in case["proxies"] if each["kind"] != "sidecar"}
    found: list[Manifest] = []
    for each in objects:
        where = each["metadata"].get("namespace", ""), each["metadata"]["name"]
        found += _deployed(each) if each["kind"] == "Pod" and where in proxies else [each]
    return Mesh.of(found, READ)


def _deployed(pod: Manifest) -> list[Manifest]:
    metadata = pod["metadata"]
    name, labels = metadata["name"].rpartition("-")[0], metadata.get("labels", {})
    managed = labels.get(GATEWAY_NAME)
    marks = {"labels": labels, "annotations": {} if managed else {"inject.istio.io/templates": "gateway"}}
    template = {"metadata": marks, "spec": {"containers": [{"name": "istio-proxy"}]}}
    where = f"{metadata['namespace']}/{name}"
    owner = {"owner": f"Gateway/{managed}"} if managed else {}
    mine = {"ownerReferences": [{"kind": "ReplicaSet", "name": f"{name}-5d8f"}]}
    return [
        obj("Deployment", where, APPS, spec={"selector": {"matchLabels": labels}, "template": template}, **owner),
        obj("ReplicaSet", f"{where}-5d8f", APPS, owner=f"Deployment/{name}"),
        {**pod, "metadata": {**metadata, **mine, "annotations": marks["annotations"]}},
    ]


def _working(mesh: Mesh) -> Iterator[tuple[Pod, Target, WayEnd]]:
    """The ends of every way that leads all of a host's traffic through one gateway or waypoint, without a condition."""
    for group in source_groups(mesh.world):
        for target in registered_targets(mesh.world.objects):
            way = mesh.claim(group.example, target).way
            ends = () if way is None or not way.complete else way.ends
            last = {end.proxies[-1:] for end in ends}
            if len(last) == 1 and last != {()} and all(_leaves(end) for end in ends):
                yield group.example, target, ends[0]


def _leaves(end: WayEnd) -> bool:
    return end.choice.act is Act.SEND and not end.when and end.to is not None and "svc.cluster.local" not in end.to.host


def _flows(pod: Pod, target: Target, end: WayEnd) -> FlowGroup:
    """What the logs of such traffic come to."""
    assert end.to is not None
    path = end.passed[-1].reporter.path
    assert path is not None
    return FlowGroup(
        namespace=pod.namespace,
        workload=pod.owner or f"Pod/{pod.name}",
        host=end.to.host,
        port=end.to.port,
        path=path,
        flows=1,
        first=_NOON,
        last=_NOON,
        mode=DataplaneMode.SIDECAR if end.passed[0].reporter is Reporter.SIDECAR else DataplaneMode.AMBIENT,
        via=end.proxies,
        scheme=target.scheme,
        reached=(("203.0.113.7", end.to.port),),
    )
