"""OSCAL as another tool reads it: compliance-trestle, which is made from NIST's own schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trestle.core.validator_factory import validator_factory
from trestle.oscal.assessment_results import Model, Result

NIST = "http://csrc.nist.gov/ns/oscal"
# What NIST's metaschema allows beyond its JSON schema (oscal_assessment-common_metaschema.xml, 1.2).
ALLOWED = {
    "state": {"satisfied", "not-satisfied"},
    "reason": {"pass", "fail", "other"},
    "methods": {"EXAMINE", "INTERVIEW", "TEST", "UNKNOWN"},
    "types": {"ssp-statement-issue", "control-objective", "mitigation", "discovery", "historic"},
    "risk-status": {"open", "investigating", "remediating", "deviation-requested", "deviation-approved", "closed"},
    "lifecycle": {"recommendation", "planned", "completed"},
}
NIST_PROPS = {NIST: {"method-id"}, "http://csrc.nist.gov/ns/rmf": {"method"}}


def read(document: str | bytes) -> Result:
    """The one result of a document that is valid in every way we can check."""
    raw = json.loads(document)
    model = Model.model_validate(raw).assessment_results
    for validator in validator_factory.get_all():
        assert validator.model_is_valid(model, quiet=True, trestle_root=Path()), validator.error_msg()
    _check_references(raw["assessment-results"])
    _check_values(raw["assessment-results"])
    [result] = model.results
    return result


def states(result: Result) -> dict[str, tuple[str, str]]:
    """State and reason of each assessed control, by the id of the objective."""
    return {
        each.target.target_id: (each.target.status.state.value, str(_text(each.target.status.reason)))
        for each in result.findings or ()
    }


def property_of(part: Any, name: str) -> list[str]:
    """The values of a property of ours."""
    return [each.value for each in part.props or () if each.name == name]


def _text(value: Any) -> Any:
    return getattr(value, "value", value)


def _check_references(document: dict[str, Any]) -> None:
    """Whatever is pointed to is there."""
    [result] = document["results"]
    local = result["local-definitions"]
    tools = {each["uuid"] for each in local["assessment-assets"]["components"]}
    resources = {each["uuid"] for each in document["back-matter"]["resources"]}
    observations = {each["uuid"] for each in result.get("observations", ())}
    objectives = {
        part["id"] for each in document["local-definitions"]["objectives-and-methods"] for part in each["parts"]
    }
    selected = {
        one["control-id"]
        for each in result["reviewed-controls"]["control-selections"]
        for one in each["include-controls"]
    }
    assert document["import-ap"]["href"].removeprefix("#") in resources
    assert {each["control-id"] for each in document["local-definitions"]["objectives-and-methods"]} <= selected
    for each in _all(document, "actor-uuid"):
        assert each in tools
    for each in _all(document, "observation-uuid"):
        assert each in observations
    for each in _all(document, "risk-uuid"):
        assert each in {risk["uuid"] for risk in result["risks"]}
    for each in _all(document, "subject-uuid"):
        assert each in {item["uuid"] for item in local["inventory-items"]}
    for each in (*_all(document, "target-id"), *_all(document, "objective-id")):
        assert each in objectives


def _check_values(document: dict[str, Any]) -> None:
    for key in ("state", "reason", "lifecycle"):
        assert {each for each in _all(document, key) if each != "operational"} <= ALLOWED[key]
    for key in ("methods", "types"):
        assert {one for each in _all(document, key) for one in each} <= ALLOWED[key]
    [result] = document["results"]
    assert {each["status"] for each in result.get("risks", ())} <= ALLOWED["risk-status"]
    named = [prop for props in _all(document, "props") for prop in props]
    for ns, names in NIST_PROPS.items():
        assert {each["name"] for each in named if each.get("ns") == ns} <= names
    assert all("ns" in each or each["name"] == "version" for each in named)


def _all(value: Any, key: str) -> list[Any]:
    """Every value of a key, however deep."""
    if isinstance(value, list):
        return [one for each in value for one in _all(each, key)]
    if not isinstance(value, dict):
        return []
    return [*([value[key]] if key in value else []), *(one for each in value.values() for one in _all(each, key))]
