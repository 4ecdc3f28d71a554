"""BackendTLSPolicies as istiod reads them: as DestinationRules that originate TLS.

In: the objects of a snapshot. Out: a rule for each host, in the shape of a DestinationRule. Example: a policy for the
ServiceEntry docs with the hostname `docs.example.com` is `{host: docs.example.com, trafficPolicy: {tls: {mode: SIMPLE,
sni: docs.example.com}}}`.

Source: istio/istio pilot/pkg/config/kube/gateway/backend_policies.go. Certificates are not read; istiod originates TLS
even where it does not find them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from egressaudit.mesh.apis import CORE, GATEWAY_API, ISTIO
from egressaudit.mesh.objects import Obj, Objects
from egressaudit.mesh.routes.ages import created
from egressaudit.mesh.routes.listeners import GENERATED
from egressaudit.mesh.routes.names import DOMAIN
from egressaudit.mesh.untyped import number, rows, table, text, words

INTERNAL_NAME = "internal.istio.io/name"
"""The annotation of such a rule with its name in istiod, by which istiod sorts rules of one age."""
_KINDS = {(CORE, "Service"): "port", (ISTIO, "ServiceEntry"): "number"}


class _PolicyTarget(NamedTuple):
    """What a policy names: a Service or ServiceEntry of its namespace, or one port of it."""

    group: str
    kind: str
    namespace: str
    name: str
    section: str


def backend_tls(objects: Objects) -> tuple[Obj, ...]:
    """The DestinationRules that istiod makes of all policies; each has the name of its first policy."""
    policies = sorted(
        objects.all(GATEWAY_API, "BackendTLSPolicy"), key=lambda each: (created(each), each.namespace, each.name)
    )
    taken: set[_PolicyTarget] = set()
    merged: defaultdict[tuple[str, str, str, str], list[tuple[Obj, _PolicyTarget]]] = defaultdict(list)
    for policy in policies:
        wanted = [target for target in _targets(policy) if target not in taken]
        taken.update(wanted)
        for target in wanted:
            backend = objects.one(target.group, target.kind, target.namespace, target.name)
            if backend is not None and (not target.section or _port(backend, target.section)):
                for host in _hosts(backend):
                    merged[target.kind, target.namespace, target.name, host].append((policy, target))
    return tuple(_rule(objects, host, found) for (_kind, _namespace, _name, host), found in merged.items())


def beneath(user: Mapping[str, Any], backend: Mapping[str, Any]) -> Mapping[str, Any]:
    """A written `trafficPolicy` with what a policy of the backend says where it says nothing.

    istio/istio pilot/pkg/model/destination_rule.go mergeBackendPolicyTrafficPolicy.
    """
    ports = [dict(each) for each in rows(user.get("portLevelSettings"))]
    have = {_numbered(each): each for each in ports}
    for each in rows(backend.get("portLevelSettings")):
        own = have.get(_numbered(each))
        if own is None:
            ports.append(dict(each))
        elif own.get("tls") is None:
            own["tls"] = each.get("tls")
    made = {**backend, **{key: value for key, value in user.items() if value is not None}}
    return {**made, "portLevelSettings": ports}


def _numbered(setting: Mapping[str, Any]) -> int | None:
    return number(table(setting.get("port")).get("number"))


def _targets(policy: Obj) -> Iterator[_PolicyTarget]:
    for each in rows(policy.spec.get("targetRefs")):
        group, kind = text(each.get("group")), text(each.get("kind"))
        if (group, kind) in _KINDS:
            yield _PolicyTarget(group, kind, policy.namespace, text(each.get("name")), text(each.get("sectionName")))


def _hosts(backend: Obj) -> tuple[str, ...]:
    if backend.kind == "Service":
        return (f"{backend.name}.{backend.namespace}.{DOMAIN}",)
    return words(backend.spec.get("hosts"))


def _port(backend: Obj, name: str) -> int | None:
    key = _KINDS[backend.group, backend.kind]
    return next((number(each.get(key)) for each in rows(backend.spec.get("ports")) if each.get("name") == name), None)


def _rule(objects: Objects, host: str, found: list[tuple[Obj, _PolicyTarget]]) -> Obj:
    policy: dict[str, Any] = {}
    ports: dict[str, dict[str, Any]] = {}
    for each, target in found:
        validation = table(each.spec.get("validation"))
        tls = {"mode": "SIMPLE", "sni": text(validation.get("hostname"))}
        if not target.section:
            policy.setdefault("tls", tls)
            continue
        backend = objects.one(target.group, target.kind, target.namespace, target.name)
        at = None if backend is None else _port(backend, target.section)
        ports.setdefault(target.section, {"port": {"number": at}, "tls": tls})
    if ports:
        policy["portLevelSettings"] = list(ports.values())
    first, target = found[0]
    spec: Mapping[str, Any] = {"host": host, "trafficPolicy": policy}
    name = f"{target.name}~{host.replace('.', '-')}" if target.kind == "ServiceEntry" else target.name
    # istiod knows no age of such a rule, so that it is the oldest.
    annotations = {INTERNAL_NAME: f"{name}~{GENERATED}"}
    return Obj(first.group, first.kind, first.namespace, first.name, {}, annotations, spec, {}, {})
