"""The parts of the lab's API server that are plain functions."""

from __future__ import annotations

import pytest

from egressaudit_lab.kube.kinds import KINDS, POD, by_name
from egressaudit_lab.kube.patching import patched
from egressaudit_lab.kube.protobuf import decoded
from egressaudit_lab.kube.refusal import Refusal
from egressaudit_lab.kube.routing import target_of
from egressaudit_lab.kube.selection import fields_selector, labels_selector

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"


@pytest.mark.parametrize(
    ("kind", "before", "patch", "after"),
    [
        (MERGE, {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": None, "e": 4}}, {"a": 1, "b": {"d": 3, "e": 4}}),
        (MERGE, {"list": [1, 2]}, {"list": [3]}, {"list": [3]}),
        (STRATEGIC, {"list": [1, 2]}, {"list": [3]}, {"list": [3]}),
        (STRATEGIC, {"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}, {"a": {"c": 2}}),
        (STRATEGIC, {"a": 1, "b": 2}, {"$retainKeys": ["a"], "a": 3}, {"a": 3}),
        (STRATEGIC, {"x": ["a", "b"]}, {"$deleteFromPrimitiveList/x": ["a"]}, {"x": ["b"]}),
        (
            STRATEGIC,
            {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]},
            {"containers": [{"name": "b", "image": "2"}]},
            {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]},
        ),
        (
            STRATEGIC,
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"containers": [{"name": "c"}, {"$patch": "delete", "name": "a"}]},
            {"containers": [{"name": "b"}, {"name": "c"}]},
        ),
        (
            STRATEGIC,
            {"env": [{"name": "a"}, {"name": "b"}]},
            {"$setElementOrder/env": [{"name": "c"}, {"name": "b"}, {"name": "a"}], "env": [{"name": "c"}]},
            {"env": [{"name": "c"}, {"name": "b"}, {"name": "a"}]},
        ),
    ],
)
def test_patches_change_what_they_say(kind: str, before: dict, patch: dict, after: dict) -> None:
    kept = str(before)
    assert patched(kind, before, patch) == after
    assert str(before) == kept


def test_unknown_patch_types_are_refused() -> None:
    with pytest.raises(Refusal) as refused:
        patched("application/apply-patch+yaml", {}, {})
    assert refused.value.code == 415


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        ("", True),
        ("app=curl", True),
        ("app==curl,tier!=back", True),
        ("app in (a, curl)", True),
        ("app notin (curl)", False),
        ("tier notin (back)", True),
        ("app,!tier", True),
        ("tier", False),
        ("app=", False),
        ("example.com/part-of=x", True),
    ],
)
def test_label_selectors(selector: str, *, takes: bool) -> None:
    obj = {"metadata": {"labels": {"app": "curl", "example.com/part-of": "x"}}}
    assert labels_selector(selector)(obj) is takes


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        ("metadata.name=a", True),
        ("metadata.name!=a", False),
        ("status.phase=Running,spec.nodeName=", True),
        ("status.phase.deeper=x", False),
    ],
)
def test_field_selectors(selector: str, *, takes: bool) -> None:
    assert fields_selector(selector)({"metadata": {"name": "a"}, "status": {"phase": "Running"}}) is takes


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/pods", ("list", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/curl/pods/a/log", ("get", "pods", "curl", "a", "log")),
        ("POST", "/api/v1/namespaces/curl/pods/a/exec", ("create", "pods", "curl", "a", "exec")),
        ("DELETE", "/api/v1/namespaces/curl", ("delete", "namespaces", "", "curl", "")),
        ("PATCH", "/api/v1/namespaces/curl/status", ("patch", "namespaces", "", "curl", "status")),
        ("DELETE", "/apis/apps/v1/namespaces/curl/deployments", ("deletecollection", "deployments", "curl", "", "")),
        ("GET", "/apis/networking.istio.io/v1alpha3/gateways", ("list", "gateways", "", "", "")),
    ],
)
def test_urls_name_verbs_and_resources(method: str, path: str, expected: tuple) -> None:
    target = target_of(method, path, watch=False)
    assert target
    assert (target.verb, target.kind.plural, target.namespace, target.name, target.subresource) == expected


@pytest.mark.parametrize(("path", "code"), [("/api/v1/secrets", 404), ("/api/v1/namespaces/a/nodes", 404)])
def test_urls_of_what_is_not_there_are_refused(path: str, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        target_of("GET", path, watch=False)
    assert refused.value.code == code


def test_every_version_of_every_kind_is_found_by_its_manifest() -> None:
    for kind in KINDS:
        for version in kind.versions:
            assert by_name(kind.api_version(version), kind.name) == kind
    assert by_name("v1", "Pod") == POD
    assert by_name("v1", "Secret") is None


def field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


def test_a_protobuf_review_is_read() -> None:
    identity = field(1, b"authorization.k8s.io/v1") + field(2, b"SelfSubjectAccessReview")
    attributes = field(1, b"curl") + field(2, b"create") + field(5, b"pods") + field(6, b"exec") + field(7, b"")
    body = b"k8s\0" + field(1, identity) + field(2, field(1, b"") + field(2, field(1, attributes)))
    assert decoded(body)["spec"] == {
        "resourceAttributes": {"namespace": "curl", "verb": "create", "resource": "pods", "subresource": "exec"}
    }


@pytest.mark.parametrize(("body", "code"), [(b"{}", 400), (b"k8s\0\x0a", 400), (b"k8s\0\x0f", 400), (b"k8s\0", 415)])
def test_a_broken_protobuf_body_is_refused(body: bytes, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        decoded(body)
    assert refused.value.code == code
