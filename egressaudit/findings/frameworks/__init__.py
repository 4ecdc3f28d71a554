"""Controls of compliance frameworks: which of them an audit speaks to, by which codes, and what it leaves open.

In: what a policy's rule names, e.g. `nist-800-53/SC-7`. Out: its `MappedControl`. To add a framework: one file with a
`FRAMEWORK`, and one line in `FRAMEWORKS`; docs/control-mapping.md, `egressaudit controls --framework` and OSCAL take it
from there.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from egressaudit.errors import UsageError

if TYPE_CHECKING:
    from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl

FRAMEWORKS: dict[str, str] = {
    "nist-800-53": "nist_sp_800_53",
    "pci-dss-v4": "pci_dss",
    "cis-kubernetes": "cis_kubernetes",
    "cis-openshift": "cis_openshift",
    "disa-stig-openshift": "disa_stig",
    "dora": "dora",
}
"""The module of each framework, below this one; imported when it is asked for."""


@cache
def framework(name: str) -> Framework:
    """The framework of a name, in any letter case; UsageError names those there are."""
    module = FRAMEWORKS.get(name.strip().lower())
    if module is None:
        known = ", ".join(FRAMEWORKS)
        raise UsageError(f"there is no mapping of a framework {name.strip()[:40]!r}", hint=f"There are {known}.")
    found: Framework = import_module(f"egressaudit.findings.frameworks.{module}").FRAMEWORK
    return found


def mapped(named: str) -> tuple[Framework, MappedControl] | None:
    """What a policy's rule names, e.g. `nist-800-53/SC-7(5)` or, as OSCAL spells it, `nist-800-53/sc-7.5`."""
    name, _, control = named.partition("/")
    if name.lower() not in FRAMEWORKS:
        return None
    of = framework(name)
    return next(((of, each) for each in of.controls if _same(each.id) == _same(control)), None)


def control_in(name: str, control: str) -> MappedControl:
    """The control of a framework; UsageError if it is not mapped."""
    if (found := mapped(f"{framework(name).name}/{control.strip()}")) is None:
        raise UsageError(
            f"{control.strip()[:40]!r} of {name} is not mapped",
            hint=f"`egressaudit controls --framework {framework(name).name}` lists those that are.",
        )
    return found[1]


def _same(control: str) -> str:
    """`SC-7(5)` and `sc-7.5` are one."""
    return control.strip().lower().replace("(", ".").replace(")", "").replace(" ", "")
