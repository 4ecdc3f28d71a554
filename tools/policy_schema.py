"""Write the JSON Schema of the policy file from its form: `python tools/policy_schema.py`."""

from __future__ import annotations

from pathlib import Path

from egressaudit.policy import json_schema

FILE = Path(__file__).resolve().parent.parent / "docs" / "schemas" / "egress-policy.schema.json"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json_schema(), encoding="utf-8")
