"""What is installed, read from objects of any shape."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.junk import JUNK
from support.mesh import obj

from egressaudit.mesh.installation import control_planes, operator_objects

SAIL = "sailoperator.io/v1"


def istiod(image: str, **labels: str) -> dict:
    spec = {"template": {"spec": {"containers": [{"name": "discovery", "image": image}]}}}
    marks = {"app": "istiod", **labels}
    return obj("Deployment", "istio-system/istiod", "apps/v1", labels=marks, spec=spec, status={"readyReplicas": 1})


def test_every_istiod_has_its_revision_and_the_version_of_its_image() -> None:
    [plane] = control_planes([istiod("quay.io:443/x/pilot:1.28.0@sha256:0", **{"istio.io/rev": "default-v1-28-0"})])
    assert (str(plane.name), plane.revision, plane.version) == ("istio-system/istiod", "default-v1-28-0", "1.28.0")
    assert plane.ready
    assert control_planes([istiod("quay.io:443/x/pilot@sha256:0")])[0].version == ""


def test_the_operators_objects_come_in_the_order_of_its_kinds_with_what_fails() -> None:
    failing = {"state": "ReconcileError", "conditions": [{"type": "Ready", "status": "False", "message": "not\nyet"}]}
    cni = obj("IstioCNI", "default", SAIL, spec={"version": "v1.28.0", "namespace": "istio-cni"}, status=failing)
    mesh = obj("Istio", "default", SAIL, spec={"version": "v1.28.0"}, status={"state": "Healthy"})
    tag = obj(
        "IstioRevisionTag", "prod", SAIL, spec={}, status={"istioRevision": "r1", "istiodNamespace": "istio-system"}
    )
    first, second, third = operator_objects([cni, tag, mesh])
    assert (first.kind, first.state, first.reason) == ("Istio", "Healthy", "")
    assert (second.kind, second.version, second.namespace) == ("IstioRevisionTag", "r1", "istio-system")
    assert (third.kind, third.namespace, third.reason) == ("IstioCNI", "istio-cni", "not yet")


@given(
    st.lists(
        st.fixed_dictionaries(
            {"apiVersion": st.just(SAIL), "kind": JUNK, "metadata": JUNK, "spec": JUNK, "status": JUNK}
        )
    )
)
def test_objects_of_any_shape_are_read_without_an_error(objects) -> None:
    control_planes(objects)
    operator_objects(objects)
