"""A fault of the configuration has the code of the cause that `verify` would name for it."""

from __future__ import annotations

import pytest

from egressaudit.causes import causes
from egressaudit.causes.fault_codes import FAULT, code_of
from egressaudit.findings import controls
from egressaudit.mesh.fault_effects import EFFECTS
from egressaudit.model import Fault

NO_CAUSE = {"condition-false", "not-captured", "parent-missing", "namespace-not-allowed", "patched", "status-differs",
            "waypoint-not-bound", "waypoint-unbound"}  # fmt: skip
"""Faults that may be of several causes: only lines tell which."""


def test_every_fault_has_the_code_of_a_cause_or_of_the_control_of_faults() -> None:
    codes = {slug: code_of(Fault.of(slug, "it is wrong", "Thing a/b")) for slug in EFFECTS}
    assert {slug for slug, code in codes.items() if code == FAULT} == NO_CAUSE
    assert {*codes.values()} <= {*causes(), FAULT}
    assert FAULT in {*controls()}


@pytest.mark.parametrize(
    ("slug", "objects", "code"),
    [
        ("not-exported", ("VirtualService a/b",), "EC29"),
        ("not-exported", ("ServiceEntry a/b",), "EC15"),
        ("not-imported", ("Sidecar a/b", "ServiceEntry a/c"), "EC16"),
        ("not-imported", ("Sidecar a/b", "VirtualService a/c"), "EC29"),
        ("parent-missing", ("HTTPRoute a/b", "ServiceEntry a/c"), "EC35"),
        ("parent-missing", ("HTTPRoute a/b", "Gateway a/c"), "EC57"),
        ("rule-blind", ("VirtualService a/b",), "EC28"),
        ("rule-blind", ("TLSRoute a/b",), "EC37"),
    ],
)
def test_the_kind_of_an_object_tells_causes_apart(slug: str, objects: tuple[str, ...], code: str) -> None:
    assert code_of(Fault.of(slug, "it is wrong", *objects)) == code
