"""Label selectors of Kubernetes with expressions, as untyped YAML.

In: `{matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}` and labels. Out: whether it selects them.
Example: `selects({}, {"a": "b"})` is True.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from egressaudit.mesh.untyped import picks, rows, text, texts, words


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector selects these labels; one that Kubernetes refuses selects none (LabelSelectorAsSelector)."""
    if not picks(texts(selector.get("matchLabels")), labels):
        return False
    return all(_holds(each, labels) for each in rows(selector.get("matchExpressions")))


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = text(expression.get("key")), words(expression.get("values"))
    operator = text(expression.get("operator"))
    if operator in ("Exists", "DoesNotExist"):
        return not values and (key in labels) is (operator == "Exists")
    if operator == "In":
        return bool(values) and labels.get(key) in values
    return operator == "NotIn" and bool(values) and labels.get(key) not in values
