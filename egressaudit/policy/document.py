"""The policy file's form, from which its JSON Schema is made. What rules mean together is checked in `checks`.

In: the plain values of a policy file. Out: a `PolicyForm`, or the errors that pydantic finds.
Example: `via: gatway` is an error, because only `gateway`, `waypoint`, `direct` and `blocked` are allowed there.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from egressaudit.mesh.trust import private_network
from egressaudit.policy.globs import checked_namespace, checked_workload
from egressaudit.policy.hosts import HostPattern
from egressaudit.schema_texts import describe

_NAME = r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
_OBJECT = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_CONTROL = r"^[^\s/]+/[^\s].*$"


def _host(text: str) -> str:
    return _checked(text, lambda: HostPattern.parse(text))


def _namespace(text: str) -> str:
    return _checked(text, lambda: checked_namespace(text))


def _workload(text: str) -> str:
    return _checked(text, lambda: checked_workload(text))


def _private(text: str) -> str:
    return _checked(text, lambda: private_network(text))


def _checked(text: str, check: Any) -> str:
    try:
        check()
    except ValueError as error:
        raise PydanticCustomError("policy", "{said}", {"said": f"{_shown(text)} {error}"}) from None
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}...")


def _subject(text: str) -> str:
    namespace, slash, workload = text.partition("/")
    if not slash:
        said = f"{_shown(text)} is not namespace/workload; write {text}/* for the whole namespace"
        raise PydanticCustomError("policy", "{said}", {"said": said})
    _namespace(namespace)
    _workload(workload)
    return text


def _day(value: object) -> object:
    """Accept a date in quotes too: templates often write quotes."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


class _PolicyPart(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Metadata(_PolicyPart):
    """The name of the policy in reports."""

    name: Annotated[str, Field(pattern=_NAME, max_length=128)]


class Ref(_PolicyPart):
    """A gateway or waypoint: its Gateway, or the Deployment that runs it."""

    namespace: Annotated[str, Field(pattern=_OBJECT, max_length=253)]
    name: Annotated[str, Field(pattern=_OBJECT, max_length=253)]


class From(_PolicyPart):
    """Whose traffic a rule is about: a workload must match both lists. Default for each list: all."""

    namespaces: Annotated[tuple[Annotated[str, AfterValidator(_namespace)], ...], Field(min_length=1)] = ("*",)
    """Names, or globs with `*` and `?`."""
    workloads: Annotated[tuple[Annotated[str, AfterValidator(_workload)], ...], Field(min_length=1)] = ("*",)
    """`name` or `Kind/name`, or globs with `*` and `?`."""


class To(_PolicyPart):
    """Which destinations a rule is about."""

    hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], Field(min_length=1)]
    """A name, `*.suffix`, `*`, an IP address, or a network such as `10.0.0.0/8`."""
    ports: Annotated[tuple[Annotated[int, Field(ge=1, le=65535)], ...], Field(min_length=1)] = ()
    """Default: any."""


class RuleForm(_PolicyPart):
    """One rule. The most specific rule that matches applies; the order of rules does not matter."""

    name: Annotated[str, Field(pattern=_NAME, max_length=128)]
    from_: Annotated[From, Field(alias="from")] = From()
    to: To
    via: Literal["gateway", "waypoint", "direct", "blocked"]
    """`blocked`: nothing may leave. `direct`: from the source itself, around gateways."""
    gateways: Annotated[tuple[Ref, ...], Field(min_length=1)] = ()
    """With `via: gateway`: which of spec.gateways. Default: any of them."""
    waypoints: Annotated[tuple[Ref, ...], Field(min_length=1)] = ()
    """With `via: waypoint`: which of spec.waypoints. Default: any of them."""
    controls: tuple[Annotated[str, Field(pattern=_CONTROL, max_length=128)], ...] = ()
    """Controls of compliance frameworks that the rule serves, `framework/id`."""
    severity: Literal["critical", "high", "medium", "low"] = "high"
    """How bad a violation of this rule is."""


class WaiverForm(_PolicyPart):
    """An exception: reports show the violations that it excuses, but do not count them."""

    rule: str
    """The name of a rule, or `default` for traffic that no rule allows."""
    from_: Annotated[str, Field(alias="from"), AfterValidator(_subject)]
    """`namespace/workload` or `namespace/Kind/name`, globs allowed."""
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
    expires: Annotated[date, BeforeValidator(_day)]
    """The last day on which the waiver is valid, in UTC."""


_Name = Annotated[str, Field(pattern=_OBJECT, max_length=253)]


class TrustedForm(_PolicyPart):
    """A gateway or waypoint that is believed: its workload, or the Gateway that istiod made the workload for."""

    namespace: _Name
    name: _Name
    service_account: Annotated[str, Field(alias="serviceAccount", pattern=_OBJECT, max_length=253)] = ""
    """Default: any account."""


class TrustedZtunnelForm(_PolicyPart):
    """The ztunnels that are believed: a DaemonSet; without a name, every ztunnel of the namespace."""

    namespace: _Name
    name: Annotated[str, Field(pattern=_OBJECT, max_length=253)] = ""
    service_account: Annotated[str, Field(alias="serviceAccount", pattern=_OBJECT, max_length=253)] = ""
    """Default: any account."""


class TrustForm(_PolicyPart):
    """Which proxies are believed. A list is complete: no other proxy of its kind proves anything."""

    gateways: Annotated[tuple[TrustedForm, ...], Field(min_length=1)] = ()
    """Default: gateways are believed by their owners (docs/trust.md)."""
    waypoints: Annotated[tuple[TrustedForm, ...], Field(min_length=1)] = ()
    ztunnels: Annotated[tuple[TrustedZtunnelForm, ...], Field(min_length=1)] = ()
    outside: Annotated[tuple[Annotated[str, AfterValidator(_private)], ...], Field(min_length=1)] = ()
    """Private networks outside the cluster, such as those of a data center."""


class BypassForm(_PolicyPart):
    """That `verify --policy` also tries to get around the gateways (docs/bypass.md)."""

    rules: Annotated[tuple[str, ...], Field(min_length=1)] = ()
    """The rules whose hosts it is tried for. Default: every rule with a gateway, a waypoint, or `blocked`."""
    with_: Annotated[tuple[Literal["uid-1337", "host-network"], ...], Field(alias="with", min_length=1)] = ()
    """The attempts that need more rights, and are made too."""


class Spec(_PolicyPart):
    """Gateways, rules, and what applies if no rule matches."""

    gateways: tuple[Ref, ...] = ()
    """The egress gateways that rules with `via: gateway` allow."""
    waypoints: tuple[Ref, ...] = ()
    """The waypoints that rules with `via: waypoint` allow."""
    rules: tuple[RuleForm, ...] = ()
    default: Literal["deny", "allow", "mesh"] = "deny"
    """If no rule matches, `deny`: nothing may leave; `allow`: nothing is judged; `mesh`: the configuration decides."""
    waivers: tuple[WaiverForm, ...] = ()
    trust: TrustForm | None = None
    """Which proxies are believed, and which private networks are outside."""
    bypass: BypassForm | None = None
    """What `verify --policy` tries to get around; nothing without this section."""


class PolicyForm(_PolicyPart):
    """Which workload may reach which external host, and which way."""

    api_version: Annotated[Literal["egressaudit.io/v1alpha1"], Field(alias="apiVersion")]
    kind: Literal["EgressPolicy"]
    metadata: Metadata
    spec: Spec


FORMS: dict[tuple[str, ...], type[BaseModel]] = {
    (): PolicyForm,
    ("metadata",): Metadata,
    ("spec",): Spec,
    ("spec", "gateways"): Ref,
    ("spec", "waypoints"): Ref,
    ("spec", "rules"): RuleForm,
    ("spec", "rules", "from"): From,
    ("spec", "rules", "to"): To,
    ("spec", "rules", "gateways"): Ref,
    ("spec", "rules", "waypoints"): Ref,
    ("spec", "waivers"): WaiverForm,
    ("spec", "bypass"): BypassForm,
    ("spec", "trust"): TrustForm,
    ("spec", "trust", "gateways"): TrustedForm,
    ("spec", "trust", "waypoints"): TrustedForm,
    ("spec", "trust", "ztunnels"): TrustedZtunnelForm,
}
"""The form of each mapping of the file, by its path without the places in lists."""


TRUST_FORMS: dict[tuple[str, ...], type[BaseModel]] = {
    path[2:]: form for path, form in FORMS.items() if path[:2] == ("spec", "trust")
}
"""The same for a file with only a trust section, as `--trust` reads it."""


def keys_of(form: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a form as the file has them."""
    return tuple(field.alias or name for name, field in form.model_fields.items())


def json_schema() -> str:
    """The JSON Schema of the file, with a newline at its end."""
    describe(_PolicyPart.__subclasses__())
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:egressaudit:schema:policy:v1alpha1",
        **PolicyForm.model_json_schema(),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
