"""Objects whose leaves are of every wrong type."""

from __future__ import annotations

from hypothesis import strategies as st

from egressaudit.mesh import RESOURCES
from egressaudit.mesh.trim import SHAPES

KINDS = sorted({each.kind for each in RESOURCES})


API_VERSIONS = [
    "v1",
    "apps/v1",
    "discovery.k8s.io/v1",
    "networking.istio.io/v1",
    "gateway.networking.k8s.io/v1",
    "telemetry.istio.io/v1",
]


LEAVES = st.none() | st.booleans() | st.integers(-1, 99999) | st.sampled_from(["", "*", "mesh", "docs.redhat.com", "/"])


def keys_of(shape):
    """Every key that trimming keeps, at any depth."""
    return set(shape).union(*(keys_of(inner) for inner in shape.values() if isinstance(inner, dict)))


KEYS = st.sampled_from(
    sorted(
        keys_of({kind: shape.parts for kind, shape in SHAPES.items()})
        | {"metadata", "number", "matchLabels", "data", "mode"}
    )
)


JUNK = st.recursive(
    LEAVES, lambda each: st.lists(each, max_size=3) | st.dictionaries(KEYS, each, max_size=4), max_leaves=12
)


@st.composite
def junk_objects(draw):
    """Objects of known kinds whose every part may be anything."""
    return {
        "apiVersion": draw(st.sampled_from(API_VERSIONS) | JUNK),
        "kind": draw(st.sampled_from(KINDS) | JUNK),
        "metadata": draw(
            st.fixed_dictionaries({"name": st.sampled_from(["a", "istio"]), "namespace": st.just("curl")}) | JUNK
        ),
        **draw(st.dictionaries(KEYS, JUNK, max_size=3)),
    }
