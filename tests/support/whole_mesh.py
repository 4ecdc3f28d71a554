"""The sample `whole-mesh` with its policy, and with one that allows what breaks it.

In: a folder. Out: a policy file there, by which an audit of the sample exits 0 instead of 10.
"""

from __future__ import annotations

from pathlib import Path

from support.tools import SAMPLES

SAMPLE = SAMPLES / "whole-mesh"
POLICY = SAMPLE / "policy.yaml"
_ALLOWED = """
  - name: updates
    from: {namespaces: [shop], workloads: ["*"]}
    to: {hosts: [127.86.199.182], ports: [10080]}
    via: direct
"""
"""A rule for what the policy of the sample does not allow."""


def allowing_policy(folder: Path, name: str = "whole-mesh") -> Path:
    """The policy of the sample with one more rule, under this name."""
    text = POLICY.read_text("utf-8").replace("name: whole-mesh", f"name: {name}")
    file = folder / "allowing.yaml"
    file.write_text(text.replace("  default: deny", f"{_ALLOWED}  default: deny"), "utf-8")
    return file
