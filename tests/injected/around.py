"""Faults around the proxies: pods that are not captured, networks and servers that fail, proxies that were just born.

Where nothing is captured, curl really goes around the proxy, whose log stays silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from support.loop_breakages import DOCS, Objects, one, set_at, working
from support.loop_world import World
from support.mesh import HOST, Manifest, entry, obj

from injected.fault import Fault, Seen
from injected.meshes import HTTP, HTTPS, TCP, fault, made

_UNCAPTURED = World(captured=False)
_CURL = {"name": "curl"}


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _not_captured()
    yield from _just_born()
    yield from _to_the_gateway()
    yield from _outside()


def _source(objects: Objects) -> Manifest:
    return one(objects, "Pod", "curl-1")


def _without_proxy(objects: Objects) -> Manifest:
    pod = _source(objects)
    pod["spec"]["containers"] = [dict(_CURL)]
    pod["metadata"].pop("annotations", None)
    return pod


def _unlabelled(objects: Objects) -> None:
    _without_proxy(objects)
    one(objects, "Namespace", "curl")["metadata"]["labels"].pop("istio-injection")


def _opted_out(objects: Objects) -> None:
    _without_proxy(objects)["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"


def _opted_out_by_annotation(objects: Objects) -> None:
    _without_proxy(objects)["metadata"]["annotations"] = {"sidecar.istio.io/inject": "false"}


def _host_network(objects: Objects) -> None:
    pod = _without_proxy(objects)
    pod["spec"]["hostNetwork"] = True
    address = pod["status"]["podIPs"][0]["ip"]
    objects.append(obj("Node", "n1", "v1", status={"addresses": [{"type": "InternalIP", "address": address}]}))


def _annotated(objects: Objects, key: str, value: str) -> None:
    _source(objects)["metadata"]["annotations"][key] = value


def _not_captured() -> Iterator[Fault]:
    pods: tuple[tuple[str, str, Any], ...] = (
        ("no-label", "EC01", _unlabelled),
        ("older-than-label", "EC01", _without_proxy),
        ("opted-out", "EC02", _opted_out),
        ("opted-out-by-annotation", "EC02", _opted_out_by_annotation),
        ("host-network", "EC03", _host_network),
        ("range-excluded", "EC04", lambda o: _annotated(
            o, "traffic.sidecar.istio.io/excludeOutboundIPRanges", "0.0.0.0/0")),
        ("range-not-included", "EC04", lambda o: _annotated(
            o, "traffic.sidecar.istio.io/includeOutboundIPRanges", "10.96.0.0/16")),
        ("no-interception", "EC05", lambda o: _annotated(o, "sidecar.istio.io/interceptionMode", "NONE")),
        ("proxys-user", "EC06", lambda o: _source(o)["spec"]["containers"][0].update(
            securityContext={"runAsUser": 1337})),
    )  # fmt: skip
    for mode in ("istio-apis", "gateway-api"):
        for call in (HTTP, HTTPS):
            for name, code, change in pods:
                yield fault(f"{name}-{call.scheme}", code, mode, made(mode, change), call, world=_UNCAPTURED)
            excluded = made(mode, lambda o, call=call: _annotated(
                o, "traffic.sidecar.istio.io/excludeOutboundPorts", str(call.port)))  # fmt: skip
            yield fault(f"port-excluded-{call.scheme}", "EC04", mode, excluded, call, world=_UNCAPTURED)
        six = fault("by-ipv6", "EC12", mode, made(mode, _dual), HTTP, world=_UNCAPTURED)
        yield replace(six, change=_by_six)
    for call in (HTTP, HTTPS):
        plain = made("ambient", _not_enrolled)
        yield fault(f"not-enrolled-{call.scheme}", "EC08", "ambient", plain, call, world=_UNCAPTURED)
        nowhere = made("ambient", lambda o: one(o, "Pod", "app-1")["metadata"].pop("annotations"))
        yield fault(f"not-redirected-{call.scheme}", "EC08", "ambient", nowhere, call, world=_UNCAPTURED)
        for name, code, labels in (("both", "EC09", {"istio.io/dataplane-mode": "ambient"}), ("sidecar", "EC41", {})):
            objects = _sidecar_and_waypoint(labels)
            yield fault(f"{name}-modes-{call.scheme}", code, "istio-apis", objects, call, expect="waypoint")


def _not_enrolled(objects: Objects) -> None:
    pod = one(objects, "Pod", "app-1")
    pod["metadata"].pop("annotations")
    pod["metadata"].pop("labels")
    one(objects, "Namespace", "amb")["metadata"]["labels"].pop("istio.io/dataplane-mode")


def _dual(objects: Objects) -> None:
    _source(objects)["status"]["podIPs"].append({"ip": "2001:db8:1::5"})


def _by_six(seen: Seen) -> None:
    """What curl says where the AAAA record was used."""
    result = replace(seen.probe.result, remote_address="[2001:db8:9::7]:80", local_address="[2001:db8:1::5]:40000")
    seen.probe = replace(seen.probe, result=result)


def _sidecar_and_waypoint(labels: dict[str, str]) -> Objects:
    objects = [each for each in working("istio-apis") if each["kind"] in ("Namespace", "ConfigMap", "Pod", "Service")]
    objects += [each for each in working("ambient") if each["metadata"]["name"].startswith("waypoint")]
    known = entry("egress/docs", labels={"istio.io/use-waypoint": "waypoint"})
    known["spec"]["ports"].append({"number": 443, "name": "tls", "protocol": "TLS"})
    _source(objects)["metadata"]["labels"] |= labels
    return [*objects, known]


# ---------------------------------------------------------------- proxies that have nothing yet


def _just_born() -> Iterator[Fault]:
    works = working("istio-apis")
    about = ("VirtualService", "DestinationRule", "ServiceEntry", "Gateway")
    nothing = tuple(each for each in works if each["kind"] not in about)
    for call in (HTTP, HTTPS):
        young = fault(f"young-{call.scheme}", "EC11", "istio-apis", works, call)
        yield replace(young, programmed=nothing, change=_young)


def _young(seen: Seen) -> None:
    """The pod's containers began a second before the call."""
    began = (seen.probe.started - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for each in seen.objects:
        if each["kind"] == "Pod" and each["metadata"]["name"] == "curl-1":
            each["metadata"]["creationTimestamp"] = began
            names = [container["name"] for container in each["spec"]["containers"]]
            each["status"]["startTime"] = began
            each["status"]["containerStatuses"] = [
                {"name": name, "ready": True, "state": {"running": {"startedAt": began}}} for name in names
            ]


# ---------------------------------------------------------------- between source and gateway


def _to_the_gateway() -> Iterator[Fault]:
    timeout = {"connectTimeout": "1s"}
    silent = World(gateway="silent")
    for mode in ("istio-apis", "gateway-api"):
        for call in (HTTP, HTTPS):
            for name, change in (("firewall", lambda _: None), ("network-policy", _network_policy)):
                yield fault(f"{name}-{call.scheme}", "EC63", mode, made(mode, change), call, world=silent, mesh=timeout)
    for mode in ("istio-apis", "gateway-api", "ambient"):
        for call in (HTTP, HTTPS):
            gone = fault(f"scaled-down-{call.scheme}", "EC55", mode, made(mode, _scaled_down), call)
            yield replace(gone, world=World(gateway="gone"))
        tcp = fault("scaled-down-tcp", "EC55", mode, _with_tcp(mode), TCP)
        yield replace(tcp, world=World(gateway="gone"))


def _with_tcp(mode: str) -> Objects:
    objects = working(mode, 5432)
    _scaled_down(objects)
    return objects


def _scaled_down(objects: Objects) -> None:
    """The Deployment of the gateway or waypoint has no pod."""
    for each in list(objects):
        if each["kind"] == "Pod" and each["metadata"]["namespace"] == "egress":
            objects.remove(each)
        if each["kind"] == "Deployment":
            each["spec"]["replicas"] = 0
            each["status"] = {"replicas": 0, "readyReplicas": 0}


def _network_policy(objects: Objects) -> None:
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    objects.append(obj("NetworkPolicy", "egress/nobody", "networking.k8s.io/v1", spec=spec))


# ---------------------------------------------------------------- behind the gateway


def _outside() -> Iterator[Fault]:
    timeout = {"connectTimeout": "1s"}
    for mode in ("istio-apis", "gateway-api", "ambient"):
        for call in (HTTP, HTTPS):
            kind = call.scheme
            yield fault(f"no-address-{kind}", "EC65", mode, working(mode), call, world=World(unresolved=True))
            yield fault(f"refuses-{kind}", "EC66", mode, working(mode), call, world=World(outside="nothing"))
            yield fault(f"drops-{kind}", "EC66", mode, working(mode), call, world=World(outside="silent"), mesh=timeout)
    yield fault("plain-at-443", "EC67", "istio-apis", _originates(), HTTP)
    yield fault("other-authority", "EC67", "istio-apis", _originates(), HTTP, world=World(outside="https"))
    yield fault("no-resolution", "EC68", "gateway-api", made("gateway-api", lambda o: set_at(
        o, "ServiceEntry", "spec.resolution", "NONE")), HTTP)  # fmt: skip


def _originates() -> Objects:
    """The gateway makes TLS of the request, and checks the host by an authority that did not issue its certificate."""
    objects = working("istio-apis", 80)
    tls = {"mode": "SIMPLE", "sni": HOST, "caCertificates": "/etc/ssl/certs/ca-certificates.crt"}
    spec = {"host": HOST, "trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}, "tls": tls}]}}
    return [*objects, obj("DestinationRule", f"egress/{DOCS}-tls", spec=spec)]
