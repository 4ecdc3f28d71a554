"""Who may do what in the lab: everything, except what injected faults refuse.

In: `get pods/log` and the faults. Out: whether RBAC allows it, as a SelfSubjectAccessReview would say.
"""

from __future__ import annotations

from egressaudit_lab.kube.kinds import KINDS, Kind
from egressaudit_lab.kube.refusal import forbidden, injected
from egressaudit_lab.kube.routing import Target
from egressaudit_lab.world import Fault, Faults, Manifest

_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")


class Access:
    """Answers authorization questions from the faults in force, and consumes those that happen."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def check(self, target: Target, verb: str = "") -> None:
        """Raises the Refusal that a fault asks for; `verb` instead of the target's own where two are needed."""
        verb = verb or target.verb
        resource = _resource(target.kind, target.subresource)
        for rule in self._faults.rules:
            if rule.status and _matches(rule, verb, resource, target.namespace, target.name):
                _consume(rule)
                if rule.status == 403:
                    raise forbidden(
                        target.kind,
                        verb,
                        namespace=target.namespace,
                        name=target.name,
                        subresource=target.subresource,
                    )
                raise injected(rule.status)

    def cut(self, resource: str, namespace: str, name: str) -> Fault | None:
        """The fault that shall cut this stream of `pods/log` or `pods/exec`, consumed; None if there is none."""
        for rule in self._faults.rules:
            cuts = rule.cut_after_lines >= 0 or rule.cut_after_bytes >= 0
            verbs = ("get", "create")
            if cuts and any(_matches(rule, verb, resource, namespace, name) for verb in verbs):
                _consume(rule)
                return rule
        return None

    def allowed(self, verb: str, resource: str, namespace: str, name: str) -> bool:
        """Whether RBAC would let the user; asking consumes nothing."""
        return not any(
            rule.status == 403 and _matches(rule, verb, resource, namespace, name) for rule in self._faults.rules
        )

    def review(self, kind: Kind, body: Manifest) -> Manifest:
        """The answered SelfSubjectAccessReview or SelfSubjectRulesReview."""
        spec = body.get("spec") or {}
        answer = self._access(spec) if kind.name == "SelfSubjectAccessReview" else self._rules(spec)
        return {
            "kind": kind.name,
            "apiVersion": kind.api_version(),
            "metadata": body.get("metadata") or {},
            "spec": spec,
            "status": answer,
        }

    def _access(self, spec: Manifest) -> Manifest:
        asked = spec.get("resourceAttributes")
        if asked is None:
            return {"allowed": True, "reason": "the lab serves these paths to everybody"}
        resource = "/".join(part for part in (asked.get("resource", ""), asked.get("subresource", "")) if part)
        verb, namespace, name = asked.get("verb", ""), asked.get("namespace", ""), asked.get("name", "")
        if self.allowed(verb, resource, namespace, name):
            return {"allowed": True, "reason": "RBAC: allowed by the lab"}
        return {"allowed": False}

    def _rules(self, spec: Manifest) -> Manifest:
        namespace = spec.get("namespace", "")
        rules = []
        for kind in KINDS:
            for subresource in ("", *kind.subresources):
                resource = _resource(kind, subresource)
                verbs = [verb for verb in _VERBS if self.allowed(verb, resource, namespace, "")]
                rules.append({"verbs": verbs, "apiGroups": [kind.group], "resources": [resource]})
        return {"resourceRules": rules, "nonResourceRules": [], "incomplete": False}


def _resource(kind: Kind, subresource: str) -> str:
    return f"{kind.plural}/{subresource}" if subresource else kind.plural


def _matches(rule: Fault, verb: str, resource: str, namespace: str, name: str) -> bool:
    return (
        rule.times != 0
        and rule.verb in {verb, "*"}
        and rule.resource in {resource, "*"}
        and rule.namespace in {namespace, ""}
        and rule.name in {name, ""}
    )


def _consume(rule: Fault) -> None:
    if rule.times > 0:
        rule.times -= 1
