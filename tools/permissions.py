"""Write the ClusterRoles of deploy/ and docs/permissions.md from what the code reads, and what it publishes.

    python tools/permissions.py

In: `egressaudit.mesh.RESOURCES`, and the APIs of `egressaudit.report.openreports`. Out: the rules of the roles, in all
files. Whoever adds a kind of object runs this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from egressaudit.mesh import RESOURCES
from egressaudit.mesh.apis import OPENSHIFT
from egressaudit.pipeline.publishing import VERBS
from egressaudit.report.openreports import APIS

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    ROOT / "deploy" / "rbac.yaml": ("egressaudit-read",),
    ROOT / "deploy" / "publish-rbac.yaml": ("egressaudit-publish",),
    ROOT / "docs" / "permissions.md": ("egressaudit-read", "egressaudit-publish"),
}
"""The files and the roles in each."""

_NOTES = {OPENSHIFT: "        # OpenShift only"}


def rules() -> str:
    """The rules of the role: `list` for kinds, `get` alone for single objects, and the logs of pods."""
    listed: dict[str, list[str]] = {}
    for each in RESOURCES:
        if each.only is None:
            listed.setdefault(each.group, []).append(each.plural)
    found = [_rule(group, plurals, verbs="get, list") for group, plurals in listed.items()]
    found += [_rule(each.group, [each.plural], each.only.name, verbs="get") for each in RESOURCES if each.only]
    found.append(_rule("", ["pods/log"], verbs="get"))
    return "".join(found)


def publishing_rules() -> str:
    """The rules of the role that publishes reports, by whichever API is there."""
    return "".join(_rule(each.group, [each.report[1], each.cluster_report[1]], verbs=", ".join(VERBS)) for each in APIS)


ROLES = {"egressaudit-read": rules, "egressaudit-publish": publishing_rules}


def _rule(group: str, plurals: list[str], *names: str, verbs: str) -> str:
    return "".join(f"{line}\n" for line in _lines(group, plurals, names, verbs))


def _lines(group: str, plurals: list[str], names: tuple[str, ...], verbs: str) -> Iterator[str]:
    yield f"""- apiGroups: [{group or '""'}]{_NOTES.get(group, "")}"""
    yield f"  resources: [{', '.join(plurals)}]"
    if names:
        yield f"  resourceNames: [{', '.join(names)}]"
    yield f"  verbs: [{verbs}]"


def written(text: str, *names: str) -> str:
    """A file's text with the rules of these roles as they are to be."""
    for name in names:
        found = re.search(rf"(?<=^  name: {name}\nrules:\n).*?(?=^---$|^```$)", text, re.DOTALL | re.MULTILINE)
        if found is None:
            raise ValueError(f"the file has no ClusterRole {name}")
        text = text[: found.start()] + ROLES[name]() + text[found.end() :]
    return text


if __name__ == "__main__":
    for file, roles in FILES.items():
        file.write_text(written(file.read_text("utf-8"), *roles), "utf-8")
