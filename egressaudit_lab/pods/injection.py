"""What happens to a pod at admission: Istio's webhook, Istio's node agent, and Pod Security Admission.

In: a pod's manifest. Out: the same with a sidecar, or AdmissionDenied.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from egressaudit_lab.scenario import AdmissionRule
from egressaudit_lab.world import AdmissionDenied, Manifest

PROXY = "istio-proxy"
_IMAGE = "istio/proxyv2:1.27.1"
_PROXY_USER = 1337
_TRAFFIC = "traffic.sidecar.istio.io/"
_ENFORCE = "pod-security.kubernetes.io/enforce"


def admit(pod: Manifest, namespace: Mapping[str, str], *, native: bool) -> Manifest:
    """The pod with its proxy and annotations; `native` puts a sidecar among the init containers.

    AdmissionDenied where the namespace enforces the restricted profile and the pod is less strict.
    """
    meta, spec = pod["metadata"], pod["spec"]
    labels = meta.get("labels") or {}
    annotations = dict(meta.get("annotations") or {})
    if _wants_sidecar(labels, annotations, namespace) and not spec.get("hostNetwork"):
        _inject(spec, annotations, native=native)
        canonical = labels.get("app") or meta["name"]
        added = {"service.istio.io/canonical-name": canonical, "service.istio.io/canonical-revision": "latest"}
        if "inject.istio.io/templates" not in annotations:
            added["security.istio.io/tlsMode"] = "istio"
        meta["labels"] = added | labels
    elif _wants_ambient(labels, namespace) and not spec.get("hostNetwork"):
        annotations["ambient.istio.io/redirection"] = "enabled"
    if annotations:
        meta["annotations"] = annotations
    if namespace.get(_ENFORCE) == "restricted":
        _check_restricted(pod)
    return pod


def check_rules(pod: Manifest, rules: Iterable[AdmissionRule]) -> None:
    """AdmissionDenied where a rule refuses the pod, in the words of k8s.io/apiserver's ValidatingAdmissionPolicies."""
    for rule in rules:
        if _breaks(pod, rule):
            raise AdmissionDenied(
                f'pods "{pod["metadata"]["name"]}" is forbidden: ValidatingAdmissionPolicy {rule.policy!r} with '
                f"binding {rule.policy!r} denied request: {rule.says}"
            )


def _breaks(pod: Manifest, rule: AdmissionRule) -> bool:
    meta = pod["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    users = {(each.get("securityContext") or {}).get("runAsUser") for each in pod["spec"]["containers"]}
    if rule.label:
        return rule.label in labels and rule.value in ("", labels[rule.label])
    return rule.annotation in annotations if rule.annotation else rule.user in users


def redirected(pod: Manifest, host_address: str, port: int) -> bool:
    """Whether a pod's connection to an address and port is redirected to its sidecar.

    The rules of istio/istio tools/istio-iptables/pkg/capture/run.go, as far as a probe pod may set them.
    """
    annotations = pod["metadata"].get("annotations") or {}
    if annotations.get("sidecar.istio.io/interceptionMode") == "NONE":
        return False
    users = {
        (each.get("securityContext") or {}).get("runAsUser")
        for each in pod["spec"]["containers"]
        if each["name"] != PROXY
    }
    if _PROXY_USER in users or str(port) in _listed(annotations.get(f"{_TRAFFIC}excludeOutboundPorts", "")):
        return False
    if _in_any(host_address, annotations.get(f"{_TRAFFIC}excludeOutboundIPRanges", "")):
        return False
    included = annotations.get(f"{_TRAFFIC}includeOutboundIPRanges", "*")
    return included == "*" or _in_any(host_address, included)


def _in_any(address: str, ranges: str) -> bool:
    known = ipaddress.ip_address(address)
    return any(known in ipaddress.ip_network(each) for each in _listed(ranges))


def _listed(text: str) -> list[str]:
    return [part for each in text.split(",") if (part := each.strip())]


def _wants_sidecar(labels: Mapping[str, str], annotations: Mapping[str, str], namespace: Mapping[str, str]) -> bool:
    """istio/istio pkg/kube/inject/inject.go: the label of the pod beats its annotation, and both the namespace."""
    asked = labels.get("sidecar.istio.io/inject") or annotations.get("sidecar.istio.io/inject")
    if asked:
        return asked == "true"
    return namespace.get("istio-injection") == "enabled" or "istio.io/rev" in namespace


def _wants_ambient(labels: Mapping[str, str], namespace: Mapping[str, str]) -> bool:
    """istio/istio cni/pkg/util/enablement_selector.go: the pod's own label decides, then the namespace's."""
    key = "istio.io/dataplane-mode"
    return (labels.get(key) or namespace.get(key)) == "ambient"


def _inject(spec: Manifest, annotations: dict[str, str], *, native: bool) -> None:
    present = [each for each in spec["containers"] if each["name"] == PROXY]
    if present:
        # A gateway brings the container, and the webhook its image (`auto`).
        present[0]["image"] = _IMAGE
    else:
        container: dict[str, Any] = {
            "name": PROXY,
            "image": _IMAGE,
            "args": ["proxy", "sidecar"],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "runAsUser": 1337,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }
        if native:
            spec.setdefault("initContainers", []).append(container | {"restartPolicy": "Always"})
        else:
            spec["containers"].append(container)
    status = {"initContainers": [PROXY] if native else None, "containers": None if native else [PROXY]}
    annotations["sidecar.istio.io/status"] = json.dumps(status | {"revision": "default"})


def _check_restricted(pod: Manifest) -> None:
    """The rules that a careless pod breaks, in the words of k8s.io/pod-security-admission."""
    spec = pod["spec"]
    containers = [*(spec.get("initContainers") or []), *spec["containers"]]
    whole = spec.get("securityContext") or {}
    rules: dict[str, Callable[[Manifest], bool]] = {
        "allowPrivilegeEscalation != false": lambda own: own.get("allowPrivilegeEscalation") is False,
        "unrestricted capabilities": lambda own: "ALL" in ((own.get("capabilities") or {}).get("drop") or []),
        "runAsNonRoot != true": lambda own: own.get("runAsNonRoot", whole.get("runAsNonRoot")) is True,
        "seccompProfile": lambda own: bool(own.get("seccompProfile", whole.get("seccompProfile"))),
    }
    broken = ["host namespaces (hostNetwork=true)"] if spec.get("hostNetwork") else []
    for wanted, holds in rules.items():
        names = [f'"{each["name"]}"' for each in containers if not holds(each.get("securityContext") or {})]
        if names:
            broken.append(f"{wanted} (container{'s' if len(names) > 1 else ''} {', '.join(names)})")
    if broken:
        reasons = ", ".join(broken)
        raise AdmissionDenied(
            f'pods "{pod["metadata"]["name"]}" is forbidden: violates PodSecurity "restricted:latest": {reasons}'
        )
