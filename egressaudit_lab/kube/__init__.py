"""A stand-in for a Kubernetes API server, made for the lab: no etcd, no kubelet, no RBAC, no schemas, one user.

It speaks enough of the API, in Kubernetes' own words, that real `kubectl` and the Python client work with it:
discovery, objects, Tables, watches, logs, exec over WebSockets, and it can fail on demand (`world.Fault`). It says
what it is: the server version is `v1.37.0+egressaudit-lab-stand-in`. Pods are real processes, run by a
`world.DataPlane`.

    server ── serving ──┬─ routing, access, views (selection, tables, podrow), discovery, openapi, patching
                        ├─ logs, exec
                        └─ controlplane ── pods, workloads ── store ── kinds, refusal

Not there: SPDY, server-side apply, JSON patch, dry run, schemas (misspelt fields pass), paging, admission policies,
finalizers, rolling updates, scale, attach, port-forward, cp's tar aside; names of generated pods are deterministic.
"""

from egressaudit_lab.kube.refusal import Refusal
from egressaudit_lab.kube.server import ApiServer

__all__ = ["ApiServer", "Refusal"]
