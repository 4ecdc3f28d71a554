"""Grouping changes no answer: on random configurations each pod alone gets what its group gets."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.mesh import GATEWAY_API, egress_gateway, entry, obj, pod, route, sidecar

from egressaudit.judge.declared import declared_ways
from egressaudit.mesh import Mesh
from egressaudit.mesh.modes.capture import captured_pods
from egressaudit.mesh.source_groups import source_groups
from egressaudit.mesh.steering.outside_hosts import registered_targets
from egressaudit.model.analysis import DeclaredWay

NAMESPACES = ("a", "b", "c", "egress")
HOSTS = ("docs.redhat.com", "*.redhat.com", "httpbin.org")
EXPORTS = st.sampled_from([None, ["."], ["*"], ["a"], ["b", "egress"], ["egress"]])
namespaces, hosts = st.sampled_from(NAMESPACES), st.sampled_from(HOSTS)
owners = st.sampled_from(("egress", "egress", "egress", "a", "b", "c"))
labels = st.sampled_from([{}, {"app": "x"}, {"app": "y"}])


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    made = entry(f"{draw(owners)}/e{draw(st.integers(0, 2))}", draw(hosts), port=draw(st.sampled_from([80, 443])))
    if (to := draw(EXPORTS)) is not None:
        made["spec"]["exportTo"] = to
    if draw(st.booleans()):
        made["metadata"]["labels"] = {"istio.io/use-waypoint": "wp", "istio.io/use-waypoint-namespace": "egress"}
    return made


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    made = route(f"{draw(owners)}/r{draw(st.integers(0, 2))}", draw(hosts), port=draw(st.sampled_from([80, 443])))
    if (to := draw(EXPORTS)) is not None:
        made["spec"]["exportTo"] = to
    first = made["spec"]["http"][0]["match"][0]
    first |= draw(st.sampled_from([{}, {"sourceNamespace": "a"}, {"sourceLabels": {"app": "x"}}, {"uri": {}}]))
    made["spec"]["http"][0]["route"][0]["destination"] |= draw(st.sampled_from([{}, {"subset": "s"}]))
    return made


def selecting(kind: str, *, api: str = "networking.istio.io/v1", **specs: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda where, chosen: obj(kind, f"{where}/{kind.lower()}", api, spec=specs[chosen]),
        namespaces,
        st.sampled_from(sorted(specs)),
    )


OFF = {"accessLogging": [{"disabled": True}]}
more = st.one_of(
    selecting(
        "Sidecar",
        own={"egress": [{"hosts": ["./*"]}]},
        some={"egress": [{"hosts": ["egress/*"]}], "workloadSelector": {"labels": {"app": "x"}}},
        all={"egress": [{"hosts": ["*/*"]}], "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}},
    ),
    selecting(
        "Telemetry",
        api="telemetry.istio.io/v1",
        off=OFF,
        one={**OFF, "selector": {"matchLabels": {"app": "y"}}},
    ),
    selecting(
        "DestinationRule",
        gw={"host": "gw.egress.svc.cluster.local", "subsets": [{"name": "s"}]},
        own={"host": "cart", "subsets": [{"name": "s"}]},
    ),
    selecting("EnvoyFilter", odd={"configPatches": [{"applyTo": "CLUSTER", "patch": {"operation": "REMOVE"}}]}),
    st.builds(
        lambda where, name: obj(
            "HTTPRoute",
            f"{where}/h",
            GATEWAY_API,
            spec={
                "parentRefs": [{"group": "networking.istio.io", "kind": "ServiceEntry", "name": name}],
                "rules": [{"backendRefs": [{"name": "gw", "namespace": "egress", "port": 80}]}],
            },
        ),
        namespaces,
        st.sampled_from(["e0", "e1"]),
    ),
)


@st.composite
def configurations(draw: st.DrawFn) -> list[dict[str, Any]]:
    objects = [obj("ConfigMap", "istio-system/istio", "v1", data={"mesh": "accessLogFile: /dev/stdout"})]
    objects += egress_gateway("gw", "10.9.0.1", "10.8.0.1")
    for number, name in enumerate(NAMESPACES):
        objects.append(sidecar(f"{name}/s-0", f"10.0.{number}.1", labels=draw(labels)))
        objects.append(sidecar(f"{name}/t-0", f"10.0.{number}.2", labels=draw(labels)))
        enrolled = {"ambient.istio.io/redirection": "enabled"}
        objects.append(pod(f"{name}/m-0", f"10.0.{number}.3", "app", annotations=enrolled, labels=draw(labels)))
    return [
        *objects,
        *draw(st.lists(entries(), min_size=1, max_size=4)),
        *draw(st.lists(rules(), max_size=3)),
        *draw(st.lists(more, max_size=3)),
    ]


def answers(ways: tuple[DeclaredWay, ...], group: str) -> dict[tuple[str, int, str], tuple[object, ...]]:
    return {
        (way.host, way.port, way.scheme): (way.path, way.via, way.outcome, sorted(each.slug for each in way.faults))
        for way in ways
        if group in way.sources
    }


@given(configurations())
def test_each_pod_alone_gets_what_its_group_gets(objects: list[dict[str, Any]]) -> None:
    mesh = Mesh.of(objects)
    targets = registered_targets(mesh.world.objects)
    together = declared_ways(mesh, source_groups(mesh.world), targets)
    for each in captured_pods(mesh.pods):
        [group] = source_groups(mesh.world, [each])
        alone = declared_ways(mesh, [group], targets)
        assert answers(alone, group.name) == answers(together, group.name)
