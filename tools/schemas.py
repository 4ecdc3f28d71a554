"""Write docs/schemas from the types of the documents: `python tools/schemas.py`.

In: the reports' documents and the policy's form. Out: a JSON Schema each, e.g. verify-report.schema.json.
"""

from __future__ import annotations

from pathlib import Path

from egressaudit.policy import json_schema
from egressaudit.report.analyze_document import AnalyzeDocument
from egressaudit.report.audit_document import AuditDocument
from egressaudit.report.document_parts import published
from egressaudit.report.verify_document import VerifyDocument
from egressaudit.report.what_if_json import WhatIfDocument

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def schemas() -> dict[Path, str]:
    """Each file and what stands in it."""
    return {
        FOLDER / "verify-report.schema.json": published(VerifyDocument, "verify"),
        FOLDER / "analyze-report.schema.json": published(AnalyzeDocument, "analyze"),
        FOLDER / "audit-report.schema.json": published(AuditDocument, "audit"),
        FOLDER / "what-if-report.schema.json": published(WhatIfDocument, "what-if"),
        FOLDER / "egress-policy.schema.json": json_schema(),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in schemas().items():
        file.write_text(text, encoding="utf-8")
