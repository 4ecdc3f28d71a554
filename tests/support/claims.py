"""The lab's scenarios with one fault, and what is claimed of them."""

from __future__ import annotations

import json

from egressaudit.mesh import Mesh
from egressaudit.model import DataplaneMode, ObjectRef, Pod, Scheme, Target
from support.scenarios import scenario

API_GATEWAY = ObjectRef("egress-gateway", "httpbin-egress-gateway")


WAYPOINT = ObjectRef("egress-gateway", "waypoint")


DOCS = Target("docs.redhat.com", 80, Scheme.HTTP)


HTTPBIN = Target("httpbin.org", 80, Scheme.HTTP)


PROBE = Pod("egress-gateway", "probe", ("10.0.9.9",), DataplaneMode.SIDECAR)


IN_CURL = Pod("curl", "probe", ("10.0.9.9",), DataplaneMode.SIDECAR)


def changed(name: str, kind: str, old: str, new: str) -> Mesh:
    """A scenario with one text replaced in its only (or first Istio) object of a kind."""
    objects = scenario(name)
    hit = [n for n, each in enumerate(objects) if each["kind"] == kind and old in json.dumps(each)]
    assert hit, f"{old} is in no {kind} of {name}"
    objects[hit[0]] = json.loads(json.dumps(objects[hit[0]]).replace(old, new))
    return Mesh.of(objects)
