"""Fixes: what is written for a cause, to whom it matters, and what is never lost. tests/e2e has their closed loop."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.loop_breakages import Breakage, breakages
from support.mesh import (
    BARE,
    GATEWAY_API,
    MESH,
    READ,
    WAYPOINT,
    ZTUNNEL,
    Manifest,
    but,
    entry,
    obj,
    pod,
    route,
    sidecar,
)
from support.tools import ROOT

from egressaudit.causes import causes
from egressaudit.evidence.written_places import WrittenPlaces
from egressaudit.fixes import NO_OBJECT, Fix, fix_rules, fixes_of
from egressaudit.fixes.fix_text import fix_yaml
from egressaudit.fixes.of_faults import KINDS
from egressaudit.fixes.patching import patched
from egressaudit.fixes.suggestions import with_fixes
from egressaudit.mesh import Mesh
from egressaudit.model import Cause, FoundCause, ObjectRef, Scheme, Stage
from egressaudit.pipeline.analyze import AnalyzeSettings, analyzed

BROKEN = {each.name: each for each in breakages()}


def found(fix: str, *objects: str, source: str = "curl/curl-1", via: str = "egress/gw", **more: Any) -> FoundCause:
    cause = Cause("EC00", "broken", "it is broken", Stage.STEERED, "IGA", "badly", "Mend it.", fix=fix)
    there, gateway = source.split("/"), via.split("/")
    usual = {"host": "docs.redhat.com", "port": 80, "scheme": Scheme.HTTP}
    return FoundCause(cause, (), objects, source=ObjectRef(*there), via=ObjectRef(*gateway), **{**usual, **more})


def fixes(slug: str, objects: tuple[Manifest, ...], *names: str, **more: Any) -> tuple[Fix, ...]:
    return fixes_of(found(slug, *names, **more), Mesh.of(objects, READ))


def only(made: tuple[Fix, ...]) -> Fix:
    [fix] = made
    return fix


def patch_of(fix: Fix) -> Any:
    [change] = fix.changes
    return change.patch


# ---------------------------------------------------------------- the list


def test_every_kind_of_fix_that_a_cause_asks_for_is_written_or_has_its_reason() -> None:
    asked = {each.fix for each in causes().values()} - {""}
    assert asked == {*fix_rules(), *NO_OBJECT}
    assert not fix_rules().keys() & NO_OBJECT.keys()


def test_most_kinds_of_fix_go_through_the_closed_loop() -> None:
    """The others change pods that only a webhook can inject, or say nothing about a way."""
    looped = {each.fix for each in BROKEN.values()}
    assert fix_rules().keys() - looped == {
        "inject", "opt-in", "include", "interception", "enrol", "one-mode",
        "entry-addresses", "gateway-for-sidecars", "mirror", "retries", "target-refs", "waypoint",
    }  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_fix_says_what_it_does_and_what_it_would_do_to_others(broken: Breakage) -> None:
    made = broken.fixes()
    assert made
    assert [each.size for each in made] == sorted(each.size for each in made)
    for fix in made:
        assert fix.title
        assert fix.affects
        assert all(each.what for each in (*fix.manifests, *fix.changes))


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_patch_loses_nothing_of_an_object(broken: Breakage) -> None:
    """Fields that no snapshot keeps are still there, in every object and in every rule of it."""
    secret = {"headers": {"request": {"set": {"authorization": "Bearer x"}}}, "timeout": "3s"}

    def with_secrets(value: Any) -> Any:
        if isinstance(value, list):
            return [with_secrets(each) for each in value]
        if isinstance(value, dict):
            made = {key: with_secrets(each) for key, each in value.items()}
            return made | copy.deepcopy(secret) if "route" in made else made
        return value

    fix = broken.fixes()[0]
    for change in fix.changes:
        [there] = [
            each
            for each in broken.objects
            if (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace", ""))
            == (change.kind, change.ref.name, change.ref.namespace)
            and each["apiVersion"] == change.api
        ]
        before = with_secrets(there) | {"extra": 1}
        after = patched(before, change)
        assert after["extra"] == 1
        assert str(after).count("Bearer x") >= str(before).count("Bearer x") or broken.fix == "gateway-route"
        assert before == with_secrets(there) | {"extra": 1}


# ---------------------------------------------------------------- single fixes


def test_a_namespace_gets_the_label_that_other_namespaces_have() -> None:
    bare = pod("shop/plain-1", "10.0.0.20", "plain", owner="StatefulSet/plain")
    spaces = (
        obj("Namespace", "curl", "v1", labels={"istio.io/rev": "v1-28"}),
        obj("Namespace", "shop", "v1", labels={"istio-injection": "disabled"}),
    )
    workload, namespace = fixes("inject", (*BARE, *spaces, bare), source="shop/plain-1")
    assert patch_of(workload) == {
        "spec": {"template": {"metadata": {"labels": {"sidecar.istio.io/inject": "true", "istio.io/rev": "v1-28"}}}}
    }
    assert patch_of(namespace) == {"metadata": {"labels": {"istio.io/rev": "v1-28", "istio-injection": None}}}
    assert namespace.then == ("kubectl rollout restart statefulset/plain -n shop",)
    assert namespace.affects == ("it holds for every workload of namespace shop: StatefulSet/plain, StatefulSet/shop",)


def test_an_excluded_port_is_taken_out_of_its_list_and_the_others_stay() -> None:
    excluded = {"sidecar.istio.io/status": "{}", "traffic.sidecar.istio.io/excludeOutboundPorts": "80, 3306"}
    made = fixes("include", (sidecar("curl/curl-1", "10.0.0.1", annotations=excluded),))
    annotations = patch_of(only(made))["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"traffic.sidecar.istio.io/excludeOutboundPorts": " 3306"}


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("opt-in", {"labels": {"sidecar.istio.io/inject": None}}),
        ("interception", {"annotations": {"sidecar.istio.io/interceptionMode": "REDIRECT"}}),
        ("enrol", {"labels": {"istio.io/dataplane-mode": "ambient"}}),
        ("one-mode", {"labels": {"istio.io/dataplane-mode": "none"}}),
    ],
)
def test_a_workloads_template_is_patched(slug: str, expected: Manifest) -> None:
    labels = {"sidecar.istio.io/inject": "false"}
    made = fixes(slug, (sidecar("curl/curl-1", "10.0.0.1", labels=labels),))
    assert patch_of(made[0]) == {"spec": {"template": {"metadata": expected}}}
    assert made[0].affects == ("StatefulSet curl/curl restarts with it: curl-1",)


def test_a_bare_pod_has_no_template_to_patch() -> None:
    assert not fixes("opt-in", (sidecar("curl/curl-1", "10.0.0.1", owner="Job/curl"),))


def test_an_address_that_clients_dial_is_added_to_those_of_the_host() -> None:
    there = entry("egress/docs", addresses=["203.0.113.9"])
    made = fixes("entry-addresses", (*BARE, there), "ServiceEntry egress/docs", host="203.0.113.7")
    assert patch_of(only(made)) == {"spec": {"addresses": ["203.0.113.9", "203.0.113.7"]}}


def test_unknown_hosts_are_blocked_for_the_sources_namespace() -> None:
    [new] = only(fixes("forbid", BARE)).manifests
    assert (str(new), new.obj["spec"]) == ("Sidecar curl/default", {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}})
    own = obj("Sidecar", "curl/own", spec={"egress": [{"hosts": ["*/*"]}]})
    assert patch_of(only(fixes("forbid", (*BARE, own)))) == {
        "spec": {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    }


def test_no_first_allow_policy_is_written_because_it_would_refuse_everybody_else() -> None:
    assert not fixes("authorization", MESH)
    denied = obj("AuthorizationPolicy", "egress/no", "security.istio.io/v1", spec={"action": "DENY", "rules": [{}]})
    assert not fixes("authorization", (*MESH, denied), "AuthorizationPolicy egress/no")


def test_a_policy_for_a_waypoint_names_it_and_no_labels() -> None:
    spec = {"selector": {"matchLabels": {"a": "b"}}, "action": "DENY"}
    policy = obj("AuthorizationPolicy", "egress/no", "security.istio.io/v1", spec=spec)
    there = (*BARE, *ZTUNNEL, *WAYPOINT, policy)
    made = fixes("target-refs", there, "AuthorizationPolicy egress/no", source="amb/app-1", via="egress/waypoint")
    ref = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}
    assert patch_of(only(made)) == {"spec": {"selector": None, "targetRefs": [ref]}}


def test_a_mirror_is_removed_from_the_rule_that_has_it() -> None:
    [change] = only(fixes("mirror", (*but(MESH, "VirtualService egress/docs"), route(mirror={"host": "x.y"})))).changes
    assert change.patch[-1] == {"op": "remove", "path": "/spec/http/0/mirror"}


def test_a_request_is_tried_once() -> None:
    [change] = only(fixes("retries", MESH)).changes
    assert change.patch[-1] == {"op": "add", "path": "/spec/http/0/retries", "value": {"attempts": 0}}


def test_a_gateway_of_another_class_becomes_a_waypoint() -> None:
    there = obj("Gateway", "egress/wp", GATEWAY_API, spec={"gatewayClassName": "istio", "listeners": []})
    made = fixes("waypoint", (*BARE, there), "Gateway egress/wp")
    assert patch_of(only(made)) == {"spec": {"gatewayClassName": "istio-waypoint"}}


def test_sidecars_get_a_gateway_where_a_waypoint_was_meant() -> None:
    there = (*but(BARE, "Service egress/spare"), *WAYPOINT, entry("egress/docs"))
    made = only(fixes("gateway-for-sidecars", there, via="egress/gw"))
    assert [each.kind for each in made.manifests] == ["Gateway", "DestinationRule", "VirtualService"]


@pytest.mark.parametrize("host", ["203.0.113.7", "gw.egress.svc.cluster.local", "[::1]", "docs..redhat", ""])
def test_nothing_is_led_out_that_is_no_external_host(host: str) -> None:
    assert not fixes("service-entry", BARE, host=host)
    assert not fixes("whole-way", BARE, host=host)


def test_two_gateways_are_one_too_many_to_choose_from() -> None:
    [way] = fixes("service-entry", BARE, via="egress/spare")
    assert way.title == "lead docs.redhat.com through egress/spare"
    nobody = FoundCause(found("service-entry").cause, (), host="docs.redhat.com", port=80, scheme=Scheme.HTTP)
    assert not fixes_of(nobody, Mesh.of(BARE, READ))


# ---------------------------------------------------------------- reports


def test_reports_get_the_fixes_of_the_first_causes() -> None:
    broken = BROKEN["istio-apis-mesh-missing"]
    one = found("mesh-gateway", *broken.names)
    four = with_fixes([one] * 4, Mesh.of(broken.objects, READ))
    assert [len(each.fixes) for each in four] == [1, 1, 1, 0]
    assert four[0].fixes[0].patch == '{"spec": {"gateways": ["mesh", "egress/docs-redhat-com"]}}'
    assert four[0].fixes[0].patch in four[0].fixes[0].command


# ---------------------------------------------------------------- hostile objects

_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just({}), st.just([]), st.just([1])
)


@given(st.data())
def test_objects_of_any_shape_break_nothing(data: st.DataObject) -> None:
    """One leaf of one object has a wrong type: fixes are written or not, and what is written is YAML."""
    broken = data.draw(st.sampled_from(list(BROKEN.values())))
    objects = copy.deepcopy(list(broken.objects))
    target = data.draw(st.sampled_from([each for each in objects if each["kind"] not in ("Pod", "Namespace")]))
    paths = list(_leaves(target.get("spec", {}), ("spec",)))
    path = data.draw(st.sampled_from(paths)) if paths else ()
    if path:
        there: Any = target
        for part in path[:-1]:
            there = there[part]
        there[path[-1]] = data.draw(_LEAVES)
    names = tuple(
        f"{each['kind']} {each['metadata'].get('namespace', '')}/{each['metadata']['name']}" for each in [target]
    )
    loop_found = found(broken.fix, *broken.names, *names, host=broken.call.host, port=broken.call.port)
    for fix in fixes_of(loop_found, Mesh.of(objects, READ)):
        list(yaml.safe_load_all(fix_yaml(fix)))


def _leaves(value: Any, path: tuple[Any, ...]) -> Any:
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _leaves(each, (*path, number))


def test_the_page_says_for_which_causes_no_object_is_written_and_why() -> None:
    page = " ".join((ROOT / "docs" / "fixes.md").read_text("utf-8").split())
    for slug, reason in NO_OBJECT.items():
        [code] = [each.code for each in causes().values() if each.fix == slug]
        assert f"({code}) | {reason} |" in page
    assert f"{len(BROKEN)} broken meshes" in page


# ---------------------------------------------------------------- faults, where there is no traffic


@pytest.mark.parametrize(
    "name", ["istio-apis-mesh-missing", "istio-apis-shadowed", "istio-apis-weighted", "gateway-api-wrong-parent"]
)
def test_analyze_shows_for_a_fault_what_verify_shows_for_its_cause(name: str) -> None:
    broken = BROKEN[name]
    mesh = Mesh.of(broken.objects, READ)
    report = analyzed(mesh, AnalyzeSettings(), WrittenPlaces((), None))
    shown = {fix.yaml for each in report.faults for fix in each.fixes}
    assert fix_yaml(broken.fixes()[0]) in shown


def test_every_kind_of_fix_of_a_fault_is_one_that_is_written() -> None:
    assert {*KINDS.values()} <= fix_rules().keys()
