"""Rows about clusters: a few objects, a cluster, and what the snapshot says of it.

The objects have the names of `support.mesh`, and no more than a row needs: a pod has no owner and no proxy, a slice
does not say who made it. `facts(DNS)` is what is known of docs.redhat.com where only that ServiceEntry is there.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from egressaudit.hops.dialects.envoy.cluster_name import cluster_name
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.mesh.services.cluster_facts import ClusterFacts, Clusters
from support.mesh import GW_HOST, HOST, obj

GW = GW_HOST
READ = frozenset(each.name for each in RESOURCES if each.only is None)
"""What proves that nothing of a kind is there: kinds of which some objects alone are asked for are not read whole."""
Object = dict[str, Any]


def entry(spec: str, name: str = "egress/docs") -> Object:
    """A ServiceEntry of docs.redhat.com for port 80; what is given comes on top."""
    usual = {"hosts": [HOST], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]}
    return obj("ServiceEntry", name, spec={**usual, **yaml.safe_load(spec)})


def rule(spec: str, name: str = "egress/rule") -> Object:
    return obj("DestinationRule", name, spec={"host": HOST, **yaml.safe_load(spec)})


def labelled(made: Object, **labels: str) -> Object:
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def pod(name: str, address: str, **labels: str) -> Object:
    spec, status = {"containers": [{"name": "app"}]}, {"phase": "Running", "podIPs": [{"ip": address}]}
    return labelled(obj("Pod", name, "v1", spec=spec, status=status), **labels)


def service(name: str = "egress/gw", **spec: Any) -> Object:
    usual: Object = {"clusterIP": "10.96.0.1", "selector": {"istio": "gw"}}
    usual["ports"] = [{"name": "http", "port": 80, "targetPort": 8080}]
    return obj("Service", name, "v1", spec={**usual, **spec})


def endpoint_slice(*addresses: str, name: str = "egress/gw-x", of: str = "gw", **fields: Any) -> Object:
    usual = {"endpoints": [{"addresses": [each]} for each in addresses], "ports": [{"name": "http", "port": 8080}]}
    made = obj("EndpointSlice", name, "discovery.k8s.io/v1", **{**usual, **fields})
    return labelled(made, **{"kubernetes.io/service-name": of})


def workload(name: str, spec: str, **labels: str) -> Object:
    return labelled(obj("WorkloadEntry", name, spec=yaml.safe_load(spec)), **labels)


def facts(*objects: Object, cluster: str = f"outbound|80||{HOST}", read: frozenset[str] = READ) -> ClusterFacts:
    mesh, name = Mesh.of(objects, read), cluster_name(cluster)
    assert name is not None
    # As it is saved and read again: nothing that counts is trimmed away.
    saved = Mesh.from_json(json.loads(json.dumps(mesh.to_json())))
    return Clusters.of(saved.world, saved.read).facts(name.kind, name.host, name.port, name.subset)


def said(found: ClusterFacts) -> str:
    """Facts as rows write them: who chose; addresses; names."""
    ends = [f"{ip}:{'?' if port is None else port}" for ip, port in found.addresses]
    return " ".join([found.chooser, *sorted(ends), *sorted(found.names)])


DNS = entry("{resolution: DNS}")
EVIL = entry("{resolution: STATIC, endpoints: [{address: 6.6.6.6}]}", "curl/mine")
SELECTING = entry("{resolution: STATIC, workloadSelector: {labels: {app: vm}}}")
VM = workload("egress/vm", "{address: 192.0.2.7, labels: {app: vm}}")
SLICE = endpoint_slice("10.0.0.9")
