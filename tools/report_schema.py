"""Write the JSON Schema of a window's JSON report from its types: `python tools/report_schema.py`."""

from __future__ import annotations

import json
from pathlib import Path

from egressaudit.report.audit_document import AuditDocument

FILE = Path(__file__).resolve().parent.parent / "docs" / "schemas" / "audit-report.schema.json"


def schema() -> str:
    """The schema as it stands in the file."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        # A reader must find every key; that some have a default here is the writer's business.
        **AuditDocument.model_json_schema(mode="serialization"),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(schema(), encoding="utf-8")
