"""Patches and the text of fixes: what a command would do, and when a change is complete YAML."""

from __future__ import annotations

import copy

import pytest
import yaml
from support.loop_breakages import breakages
from support.mesh import Manifest

from egressaudit.fixes.fix_text import fix_yaml
from egressaudit.fixes.patching import patched
from egressaudit.manifests import Change, pointer
from egressaudit.model import ObjectRef

BROKEN = {each.name: each for each in breakages()}


# ---------------------------------------------------------------- patches


def test_a_patch_of_an_object_that_has_changed_fails_as_a_whole() -> None:
    operations = [{"op": "test", "path": "/spec/a/0", "value": 1}, {"op": "remove", "path": "/spec/a/0"}]
    change = Change("v1", "X", ObjectRef("a", "b"), operations, "Removes it.")
    assert patched({"spec": {"a": [1, 2]}}, change) == {"spec": {"a": [2]}}
    with pytest.raises(ValueError, match="not as it was in the snapshot"):
        patched({"spec": {"a": [3, 2]}}, change)
    with pytest.raises(ValueError, match="there is no /spec/a"):
        patched({"spec": {}}, change)


@pytest.mark.parametrize(
    ("operation", "after"),
    [
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3]}),
        ({"op": "add", "path": "/a/0", "value": 3}, {"a": [3, 1, 2]}),
        ({"op": "replace", "path": "/a/1", "value": 3}, {"a": [1, 3]}),
        ({"op": "move", "from": "/a/1", "path": "/a/0"}, {"a": [2, 1]}),
        ({"op": "add", "path": "/b~1c~0d", "value": 3}, {"a": [1, 2], "b/c~d": 3}),
    ],
)
def test_operations_do_what_rfc_6902_says(operation: Manifest, after: Manifest) -> None:
    assert patched({"a": [1, 2]}, Change("v1", "X", ObjectRef("", "x"), [operation], "")) == after


def test_a_pointer_escapes_what_separates_its_parts() -> None:
    assert pointer("metadata", "labels", "istio.io/rev~1", 0) == "/metadata/labels/istio.io~1rev~01/0"


# ---------------------------------------------------------------- text


def test_a_change_is_a_command_and_the_rest_is_yaml() -> None:
    text = fix_yaml(BROKEN["istio-apis-other-port"].fixes()[0])
    assert [each["kind"] for each in yaml.safe_load_all(text) if each] == ["DestinationRule"]
    commands = [line for line in text.splitlines() if line.startswith("# kubectl patch ")]
    assert [each.split(" ")[3].partition(".")[0] for each in commands] == ["serviceentry", "gateway", "virtualservice"]
    assert all(each.endswith(" --dry-run=server -o yaml | kubectl diff -f -") for each in commands)


def test_with_the_object_itself_a_change_is_complete_yaml() -> None:
    broken = BROKEN["istio-apis-mesh-missing"]
    [there] = [each for each in broken.objects if each["kind"] == "VirtualService"]
    served = copy.deepcopy(there)
    served["metadata"] |= {
        "uid": "1", "resourceVersion": "2", "managedFields": [],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "owner": "egress-team"},
    }  # fmt: skip
    served["spec"]["http"][0]["timeout"] = "3s"
    served["status"] = {"conditions": []}
    [made] = [each for each in yaml.safe_load_all(fix_yaml(broken.fixes()[0], lambda _: served)) if each]
    expected = copy.deepcopy(there)
    expected["metadata"]["annotations"] = {"owner": "egress-team"}
    expected["spec"]["http"][0]["timeout"] = "3s"
    expected["spec"]["gateways"].insert(0, "mesh")
    assert made == expected


def test_where_the_object_has_changed_since_the_snapshot_the_command_is_shown() -> None:
    fix = BROKEN["istio-apis-shadowed"].fixes()[0]
    text = fix_yaml(fix, lambda _: {"spec": {"http": []}})
    assert "kubectl patch virtualservice.networking.istio.io/docs-redhat-com" in text
    assert not [each for each in yaml.safe_load_all(text) if each]
