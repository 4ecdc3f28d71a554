"""Server-side apply in the lab, by real kubectl: who owns what, what goes, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.lab_fakes import Lab, running_lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


def report(name: str, **fields: Any) -> str:
    meta = {"name": name, "namespace": "curl", "labels": fields.pop("labels", {})}
    return json.dumps({"apiVersion": "openreports.io/v1alpha1", "kind": "Report", "metadata": meta, **fields})


def apply(lab: Lab, manifest: str, manager: str, *more: str) -> Any:
    return lab.kubectl("apply", "--server-side", f"--field-manager={manager}", *more, "-f", "-", stdin=manifest)


def shown(lab: Lab, name: str) -> Any:
    return lab.json("get", "reports.openreports.io", name, "-n", "curl")


def test_an_object_that_is_not_there_is_created_and_the_manager_owns_its_fields(lab: Lab) -> None:
    assert apply(lab, report("new", source="a", summary={"fail": 1}), "one").returncode == 0
    found = lab.json("get", "reports.openreports.io", "new", "-n", "curl", "--show-managed-fields")
    assert (found["source"], found["summary"]) == ("a", {"fail": 1})
    [entry] = found["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("one", "Apply")
    assert entry["fieldsV1"]["f:summary"] == {"f:fail": {}}


def test_what_is_not_applied_any_more_goes_and_what_others_own_stays(lab: Lab) -> None:
    apply(lab, report("left", source="a", summary={"fail": 1, "pass": 2}, labels={"x": "1"}), "one")
    apply(lab, report("left", labels={"y": "2"}), "two")
    apply(lab, report("left", summary={"pass": 3}), "one")
    found = shown(lab, "left")
    assert found["summary"] == {"pass": 3}
    assert "source" not in found
    assert found["metadata"]["labels"] == {"y": "2"}


def test_another_managers_value_is_a_conflict_unless_forced(lab: Lab) -> None:
    apply(lab, report("both", source="a"), "one")
    refused = apply(lab, report("both", source="b"), "two")
    assert refused.returncode != 0
    assert 'conflict with "one": .source' in refused.stderr
    assert shown(lab, "both")["source"] == "a"
    assert apply(lab, report("both", source="b"), "two", "--force-conflicts").returncode == 0
    assert shown(lab, "both")["source"] == "b"
    # Its own field no longer, so it does not go with its configuration.
    apply(lab, report("both"), "one")
    assert shown(lab, "both")["source"] == "b"


def test_a_list_is_one_value(lab: Lab) -> None:
    apply(lab, report("list", results=[{"policy": "p"}, {"policy": "q"}]), "one")
    apply(lab, report("list", results=[{"policy": "r"}]), "one")
    assert shown(lab, "list")["results"] == [{"policy": "r"}]


def test_kinds_whose_lists_have_keys_are_refused(lab: Lab) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "curl"}}
    refused = apply(lab, json.dumps(service), "one")
    assert "cannot apply services" in refused.stderr
