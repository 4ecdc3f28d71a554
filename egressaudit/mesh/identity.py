"""Which cluster and which mesh a snapshot is of: what reports say beside their digests.

In: a snapshot. Out: a `MadeFrom` with the API server, the UID of the namespace kube-system and the proxies' versions,
e.g. `MadeFrom("https://api.shop:6443", "7c0e...", ("1.27.1",))`. Snapshots of older versions have neither server nor
UID.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from egressaudit.mesh.apis import CORE, Resource
from egressaudit.mesh.logging.versions import proxy_tags
from egressaudit.mesh.shapes import Shape
from egressaudit.mesh.untyped import table, text
from egressaudit.model import MadeFrom

if TYPE_CHECKING:
    from egressaudit.mesh.mesh import Mesh

_NAMES_CLUSTER = "kube-system"
"""Every cluster has this namespace for as long as it lives, so its UID is used as the cluster's own
(opentelemetry.io, semantic conventions, `k8s.cluster.uid`)."""
_UID = re.compile(r"[0-9A-Za-z-]{1,64}")
_URL = re.compile(r"https?://[A-Za-z0-9._:\[\]-]{1,255}(/[A-Za-z0-9._~%:/-]{0,255})?")


def _keep_uid(kept: dict[str, Any], obj: Mapping[str, Any]) -> None:
    metadata = table(obj.get("metadata"))
    uid = text(metadata.get("uid"))
    if metadata.get("name") == _NAMES_CLUSTER and _UID.fullmatch(uid):
        kept["metadata"]["uid"] = uid


RESOURCES = (
    Resource(
        CORE,
        ("v1",),
        "namespaces",
        "Namespace",
        namespaced=False,
        required=True,
        keep=Shape(further=(_keep_uid,)),
        without="which namespaces are in the mesh is not known",
    ),
)


def plain_server(url: object) -> str:
    """The URL of an API server if it is one without credentials and query, else ''."""
    return text(url) if _URL.fullmatch(text(url)) else ""


def made_from(mesh: Mesh) -> MadeFrom:
    """What reports on this snapshot say of their origin; the digests of policy and logs are for others to add."""
    objects = mesh.world.objects
    namespace = objects.one(CORE, "Namespace", "", _NAMES_CLUSTER)
    uid = "" if namespace is None else text(table(namespace.raw.get("metadata")).get("uid"))
    pods = (objects.one(CORE, "Pod", log.namespace, log.pod) for log, _ in mesh.expected_logs())
    versions = {tag for pod in pods if pod is not None for tag in proxy_tags(pod)}
    return MadeFrom(mesh.server, uid, tuple(sorted(versions)), snapshot_digest=mesh.digest)
