"""What the definitions of OpenReports' objects ask for, as JSON Schema, written down from the definitions.

`openreports.io/v1alpha1`: github.com/openreports/reports-api config/crd/openreports.io_reports.yaml and
openreports.io_clusterreports.yaml (commit 769d97879794167439427e472eeaa4b936d628e2). `wgpolicyk8s.io/v1alpha2`:
github.com/kubernetes-sigs/wg-policy-prototypes policy-report/crd/v1alpha2 (commit
037274b4aefe6fea1c8f01b424636ba821e0dd26), which has no `source` of a report and three severities.

Server-side apply refuses fields that a definition does not have, so nothing else is allowed here either.
"""

from __future__ import annotations

from typing import Any


def _table(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
REFERENCE = _table(
    dict.fromkeys(("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid"), TEXT)
)
COUNT = {"type": "integer"}
RESULTS = ("pass", "fail", "warn", "error", "skip")
TIMESTAMP = _table(
    {"seconds": COUNT, "nanos": {"type": "integer", "minimum": 0, "maximum": 999_999_999}}, "seconds", "nanos"
)
# metadata: apimachinery pkg/apis/meta/v1/validation and pkg/util/validation
LABEL = {"type": "string", "maxLength": 63, "pattern": r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"}
_DNS = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
NAME = {"type": "string", "maxLength": 253, "pattern": rf"^{_DNS}(\.{_DNS})*$"}
METADATA = _table(
    {
        "name": NAME,
        "namespace": {"type": "string", "maxLength": 63, "pattern": f"^{_DNS}$"},
        "labels": {"type": "object", "additionalProperties": LABEL},
        "annotations": TEXTS,
    },
    "name",
)


def _definition(api_version: str, kinds: tuple[str, str], severities: tuple[str, ...], **more: Any) -> dict[str, Any]:
    result = _table(
        {
            **dict.fromkeys(("source", "policy", "rule", "category", "message"), TEXT),
            "severity": {"enum": list(severities)},
            "result": {"enum": list(RESULTS)},
            "scored": {"type": "boolean"},
            "timestamp": TIMESTAMP,
            "properties": TEXTS,
            "resources": {"type": "array", "items": REFERENCE},
        },
        "policy",
    )
    return _table(
        {
            "apiVersion": {"const": api_version},
            "kind": {"enum": list(kinds)},
            "metadata": METADATA,
            "scope": REFERENCE,
            "summary": _table(dict.fromkeys(RESULTS, COUNT)),
            "results": {"type": "array", "items": result},
            **more,
        },
        *("apiVersion", "kind", "metadata"),
    )


DEFINITIONS = {
    "openreports.io": _definition(
        "openreports.io/v1alpha1",
        ("Report", "ClusterReport"),
        ("critical", "high", "low", "medium", "info"),
        source=TEXT,
    ),
    "wgpolicyk8s.io": _definition(
        "wgpolicyk8s.io/v1alpha2", ("PolicyReport", "ClusterPolicyReport"), ("high", "low", "medium")
    ),
}
