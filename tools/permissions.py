"""Write the ClusterRole of deploy/rbac.yaml and docs/permissions.md from what the code reads.

    python tools/permissions.py

In: `egressaudit.mesh.RESOURCES`. Out: the rules of the role, in both files. Whoever adds a kind of object runs this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from egressaudit.mesh import RESOURCES
from egressaudit.mesh.apis import OPENSHIFT

ROOT = Path(__file__).resolve().parent.parent
FILES = (ROOT / "deploy" / "rbac.yaml", ROOT / "docs" / "permissions.md")

_NOTES = {OPENSHIFT: "        # OpenShift only"}
_RULES = re.compile(r"(?<=^  name: egressaudit-read\nrules:\n).*?(?=^---$|^```$)", re.DOTALL | re.MULTILINE)


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


def _rule(group: str, plurals: list[str], *names: str, verbs: str) -> str:
    return "".join(f"{line}\n" for line in _lines(group, plurals, names, verbs))


def _lines(group: str, plurals: list[str], names: tuple[str, ...], verbs: str) -> Iterator[str]:
    yield f"""- apiGroups: [{group or '""'}]{_NOTES.get(group, "")}"""
    yield f"  resources: [{', '.join(plurals)}]"
    if names:
        yield f"  resourceNames: [{', '.join(names)}]"
    yield f"  verbs: [{verbs}]"


def written(text: str) -> str:
    """A file's text with the rules as they are to be."""
    found, count = _RULES.subn(lambda _: rules(), text, count=1)
    if not count:
        raise ValueError("the file has no ClusterRole egressaudit-read")
    return found


if __name__ == "__main__":
    for file in FILES:
        file.write_text(written(file.read_text("utf-8")), "utf-8")
