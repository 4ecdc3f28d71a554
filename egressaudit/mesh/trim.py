"""Cut objects down to what judging needs, so that a saved run holds no environment, header value or secret.

Of Istio's own containers a few switches are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from egressaudit.mesh.marks import INIT
from egressaudit.mesh.patches import kept_patches
from egressaudit.mesh.shapes import ENDPOINT, FILTERS, HTTP_RULE, KEEP, RANGES, ROUTE_RULE, TRAFFIC
from egressaudit.mesh.values import rows, table, text, texts, words
from egressaudit.model import PROXY_CONTAINER

REDIRECTION_FLAGS = ("-c", "-g", "-i", "-m", "-o", "-q", "-u", "-x")
"""Of istio-iptables (tools/istio-iptables/pkg/cmd/root.go, files/injection-template.yaml): excluded interfaces,
proxy's group, included ranges, mode, excluded ports, included ports, proxy's user, excluded ranges."""

SWITCHES = (
    "DISABLE_ENVOY",
    "ISTIO_AGENT_DUAL_STACK",
    "ISTIO_DUAL_STACK",
    "ISTIO_META_INTERCEPTION_MODE",
    "ISTIO_OUTBOUND_OWNER_GROUPS",
    "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE",
)
"""Environment of Istio's own containers that says whose traffic is redirected, and whether there is a proxy at all
(tools/istio-iptables/pkg/constants/constants.go, cni/pkg/plugin/plugin.go, files/grpc-agent.yaml)."""
_OWN = (INIT, PROXY_CONTAINER)

_ANNOTATIONS = (
    "ambient.istio.io/redirection",
    "inject.istio.io/templates",
    "istio.io/dataplane-mode",
    "istio.io/rev",
    "kubectl.kubernetes.io/default-container",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/interceptionMode",
    "sidecar.istio.io/status",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
)

_NAME = {"name": KEEP}
# Whom a container runs as: the proxy's own user is not captured.
_USER = {"runAsUser": KEEP, "runAsGroup": KEEP}
_CONTAINER = {"name": KEEP, "securityContext": _USER}
_CONDITIONS = {"type": KEEP, "status": KEEP, "reason": KEEP, "message": KEEP}
_OWNERS = {"apiVersion": KEEP, "kind": KEEP, "name": KEEP, "controller": KEEP}
_WORKLOAD = {
    "replicas": KEEP,
    "selector": {"matchLabels": KEEP},
    "template": {
        "metadata": {"labels": KEEP, "annotations": dict.fromkeys(_ANNOTATIONS, KEEP)},
        "spec": {"containers": _NAME, "initContainers": _NAME, "hostNetwork": KEEP, "serviceAccountName": KEEP},
    },
}
# Header values in matches and in rewrites may be tokens: a match keeps only the names of its other conditions.
_DESTINATION = {"destination": KEEP, "weight": KEEP}
_MATCH_KEYS = ("gateways", "port", "sniHosts", "sourceLabels", "sourceNamespace")
_VIRTUAL_RULE = {"name": KEEP, "match": KEEP, "route": _DESTINATION, "redirect": {}, "directResponse": {}}
_PARENT = {"group": KEEP, "kind": KEEP, "namespace": KEEP, "name": KEEP, "sectionName": KEEP, "port": KEEP}
_BACKEND = {"group": KEEP, "kind": KEEP, "namespace": KEEP, "name": KEEP, "port": KEEP, "weight": KEEP, **FILTERS}
_ROUTE = {
    "spec": {
        "parentRefs": _PARENT,
        "hostnames": KEEP,
        "rules": {
            "matches": {"path": KEEP, "method": {}, "headers": {}, "queryParams": {}},
            "backendRefs": _BACKEND,
            **ROUTE_RULE,
        },
    },
    "status": {"parents": {"parentRef": _PARENT, "conditions": _CONDITIONS}},
}
_STATUS = {"conditions": _CONDITIONS}
_ENDED = {"startedAt": KEEP, "finishedAt": KEEP}
_RUN = {
    "name": KEEP,
    "restartCount": KEEP,
    "state": {"running": {"startedAt": KEEP}, "terminated": _ENDED},
    "lastState": {"terminated": _ENDED},
}

_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "Namespace": {},
    **RANGES,
    "Pod": {
        "spec": {
            "nodeName": KEEP,
            "hostNetwork": KEEP,
            "serviceAccountName": KEEP,
            "securityContext": _USER,
            "containers": _CONTAINER,
            "initContainers": _CONTAINER,
            "ephemeralContainers": _CONTAINER,
        },
        "status": {
            "phase": KEEP,
            "podIP": KEEP,
            "podIPs": {"ip": KEEP},
            "hostIP": KEEP,
            "hostIPs": {"ip": KEEP},
            "conditions": {"type": KEEP, "status": KEEP},
            # What a window's audit needs to tell a log that lacks its beginning from a container that began late.
            "startTime": KEEP,
            "containerStatuses": _RUN,
            "initContainerStatuses": _RUN,
        },
    },
    "Service": {
        "spec": {
            "selector": KEEP,
            "type": KEEP,
            "externalName": KEEP,
            "clusterIP": KEEP,
            "clusterIPs": KEEP,
            "externalIPs": KEEP,
            "ports": {"name": KEEP, "port": KEEP, "targetPort": KEEP, "protocol": KEEP, "nodePort": KEEP},
        },
        "status": {"loadBalancer": {"ingress": {"ip": KEEP}}},
    },
    "Deployment": {"spec": _WORKLOAD},
    "DaemonSet": {"spec": _WORKLOAD},
    "ReplicaSet": {},
    "ServiceEntry": {
        "spec": {
            "hosts": KEEP,
            "addresses": KEEP,
            "ports": {"number": KEEP, "name": KEEP, "protocol": KEEP, "targetPort": KEEP},
            "location": KEEP,
            "resolution": KEEP,
            "exportTo": KEEP,
            "endpoints": ENDPOINT,
            "workloadSelector": {"labels": KEEP},
        },
        "status": {**_STATUS, "addresses": KEEP},
    },
    "EndpointSlice": {
        "addressType": KEEP,
        "endpoints": {"addresses": KEEP, "targetRef": {"kind": KEEP, "namespace": KEEP, "name": KEEP}},
        "ports": {"name": KEEP, "port": KEEP},
    },
    "WorkloadEntry": {"spec": ENDPOINT},
    "WorkloadGroup": {},
    "VirtualService": {
        "spec": {
            "hosts": KEEP,
            "gateways": KEEP,
            "exportTo": KEEP,
            "http": {**_VIRTUAL_RULE, **HTTP_RULE},
            "tls": _VIRTUAL_RULE,
            "tcp": _VIRTUAL_RULE,
        },
    },
    "DestinationRule": {
        "spec": {
            "host": KEEP,
            "exportTo": KEEP,
            "trafficPolicy": TRAFFIC,
            "subsets": {"name": KEEP, "labels": KEEP, "trafficPolicy": TRAFFIC},
        },
    },
    "Sidecar": {"spec": {"workloadSelector": KEEP, "egress": {"hosts": KEEP}, "outboundTrafficPolicy": {"mode": KEEP}}},
    "Gateway": {
        "spec": {
            "selector": KEEP,
            "servers": {"port": KEEP, "hosts": KEEP, "tls": {"mode": KEEP}},
            "gatewayClassName": KEEP,
            "addresses": KEEP,
            "listeners": {
                "name": KEEP,
                "hostname": KEEP,
                "port": KEEP,
                "protocol": KEEP,
                "tls": {"mode": KEEP},
                "allowedRoutes": KEEP,
            },
        },
        "status": _STATUS,
    },
    "HTTPRoute": _ROUTE,
    "GRPCRoute": _ROUTE,
    "TLSRoute": _ROUTE,
    "TCPRoute": _ROUTE,
    "Telemetry": {
        "spec": {
            "selector": KEEP,
            "targetRefs": _PARENT,
            "targetRef": _PARENT,
            "accessLogging": {"disabled": KEEP, "match": KEEP, "providers": _NAME, "filter": KEEP},
        },
    },
    "AuthorizationPolicy": {
        "spec": {
            "selector": KEEP,
            "targetRefs": _PARENT,
            "targetRef": _PARENT,
            "action": KEEP,
            # Conditions may compare header values: that there are some is enough.
            "rules": {"from": {}, "to": {}, "when": {}},
        },
    },
}

_MESH_CONFIG = {
    "accessLogFile": KEEP,
    "accessLogEncoding": KEEP,
    "accessLogFormat": KEEP,
    "defaultHttpRetryPolicy": {"attempts": KEEP},
    "defaultProviders": {"accessLogging": KEEP},
    "defaultServiceExportTo": KEEP,
    "defaultVirtualServiceExportTo": KEEP,
    "defaultDestinationRuleExportTo": KEEP,
    "extensionProviders": {
        "name": KEEP,
        "envoyFileAccessLog": {"path": KEEP, "logFormat": KEEP, "omitEmptyValues": KEEP},
    },
    "outboundTrafficPolicy": {"mode": KEEP},
    "rootNamespace": KEEP,
}


def trim(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object with only what judging needs; kinds that are not needed keep nothing but their name.

    Deterministic, and trimming twice is trimming once. Never raises, whatever the object's shape.
    """
    kind = text(obj.get("kind"))
    metadata = table(obj.get("metadata"))
    kept: dict[str, Any] = {
        "apiVersion": text(obj.get("apiVersion")),
        "kind": kind,
        "metadata": _metadata(metadata),
    }
    kept |= _pruned(obj, _SHAPES.get(kind, {}))
    if kind in RANGES:
        kept["metadata"] = {key: each for key, each in kept["metadata"].items() if key in ("name", "namespace")}
    if kind == "Pod":
        _with_redirection(kept, table(obj.get("spec")))
        _with_proxy_image(kept, obj)
    if kind == "Telemetry" and metadata.get("creationTimestamp"):
        # Of several for one namespace the oldest counts.
        kept["metadata"]["creationTimestamp"] = text(metadata["creationTimestamp"])
    if kind == "EnvoyFilter":
        kept["spec"] = kept_patches(table(obj.get("spec")))
    if kind == "VirtualService":
        _without_conditions(kept)
    if kind == "ConfigMap" and "mesh" in (data := table(obj.get("data"))):
        kept["data"] = {"mesh": _mesh_config(text(data["mesh"]))}
    return kept


def _metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: text(metadata[key]) for key in ("name", "namespace") if key in metadata}
    if labels := texts(metadata.get("labels")):
        kept["labels"] = labels
    annotations = texts(metadata.get("annotations"))
    if chosen := {key: annotations[key] for key in _ANNOTATIONS if key in annotations}:
        kept["annotations"] = chosen
    if metadata.get("ownerReferences"):
        kept["ownerReferences"] = _pruned(metadata["ownerReferences"], _OWNERS)
    if metadata.get("deletionTimestamp"):
        kept["deletionTimestamp"] = text(metadata["deletionTimestamp"])
    return kept


def _pruned(value: Any, shape: Any) -> Any:
    """The part of a value that the shape names, with lists mapped through; absent and null parts stay away."""
    if shape is KEEP:
        return value
    if isinstance(value, list | tuple):
        return [_pruned(each, shape) for each in value if isinstance(each, Mapping)]
    if not isinstance(value, Mapping):
        return {}
    return {key: _pruned(value[key], inner) for key, inner in shape.items() if value.get(key) is not None}


def _with_redirection(pod: dict[str, Any], spec: Mapping[str, Any]) -> None:
    """Keep what Istio's containers were told to redirect: the mesh's own settings, which no annotation shows."""
    flags = next(
        (_flags(words(each.get("args"))) for each in rows(spec.get("initContainers")) if each.get("name") == INIT), []
    )
    for kept in rows(table(pod.get("spec")).get("initContainers")):
        if flags and isinstance(kept, dict) and kept.get("name") == INIT:
            kept["args"] = flags
    for part in ("initContainers", "containers"):
        said = [_switches(each) for each in rows(spec.get(part))]
        for kept, switches in zip(rows(table(pod.get("spec")).get(part)), said, strict=True):
            if switches and isinstance(kept, dict):
                kept["env"] = switches


def _with_proxy_image(pod: dict[str, Any], said: Mapping[str, Any]) -> None:
    """Keep what the proxy's image is called, in the spec and by the node: which version of Envoy it is."""
    for part, lists in (
        ("spec", ("containers", "initContainers")),
        ("status", ("containerStatuses", "initContainerStatuses")),
    ):
        for each in lists:
            images = [_proxy_image(container) for container in rows(table(said.get(part)).get(each))]
            for kept, image in zip(rows(table(pod.get(part)).get(each)), images, strict=True):
                if image and isinstance(kept, dict):
                    kept["image"] = image


def _proxy_image(container: Mapping[str, Any]) -> str:
    return text(container.get("image")) if container.get("name") == PROXY_CONTAINER else ""


def _switches(container: Mapping[str, Any]) -> list[dict[str, str]]:
    if container.get("name") not in _OWN:
        return []
    env = {text(each.get("name")): text(each.get("value")) for each in rows(container.get("env"))}
    return [{"name": name, "value": env[name]} for name in SWITCHES if env.get(name)]


def _flags(args: tuple[str, ...]) -> list[str]:
    """The flags of istio-iptables that say whose outbound traffic it redirects, each with its value."""
    found: list[str] = []
    rest = iter(args)
    for flag in rest:
        if flag in REDIRECTION_FLAGS and (value := next(rest, None)) is not None:
            found += [flag, value]
    return found


def _without_conditions(virtual_service: dict[str, Any]) -> None:
    """Leave of a match's other conditions (uri, headers, ...) only that there are some."""
    for rules in table(virtual_service.get("spec")).values():
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, dict) and isinstance(rule.get("match"), list):
                rule["match"] = [
                    {key: value if key in _MATCH_KEYS else {} for key, value in match.items()}
                    for match in rule["match"]
                    if isinstance(match, Mapping)
                ]


def _mesh_config(mesh: str) -> str:
    """The mesh configuration with only what judging needs; '' where it is no YAML mapping."""
    try:
        config = yaml.safe_load(mesh)
    except (yaml.YAMLError, RecursionError, ValueError):
        return ""
    kept = _pruned(config, _MESH_CONFIG)
    return yaml.safe_dump(kept, sort_keys=True) if isinstance(kept, dict) and kept else ""
