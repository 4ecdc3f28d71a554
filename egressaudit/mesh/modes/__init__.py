"""How the mesh captures the traffic of pods, by sidecar or ambient mode, and which traffic it does not capture.

In: pods of a snapshot. Out: which proxy captures each, what provably escapes it (`capture`), and what no proxy will log
(`blind_spots`). Example: a pod in ambient mode is captured by the ztunnel of its node.

To add a mode: a module here that does what `Mode` says, its name in `_NAMES`, and its member of `model.DataplaneMode`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from egressaudit.mesh.marks import (
    DEFAULT_CONTAINER,
    DEFAULT_NETWORK,
    EXPORT_TO,
    FURTHER_NETWORKS,
    REVISION,
    TEMPLATES,
)

if TYPE_CHECKING:
    from egressaudit.mesh.apis import Resource
    from egressaudit.mesh.objects import Obj
    from egressaudit.model import DataplaneMode, Pod, Reporter


class Mode(Protocol):
    """One way of capturing pods: what a module of this package holds."""

    NAME: DataplaneMode
    REPORTER: Reporter
    """The kind of proxy whose lines show what a captured pod sends."""
    RESOURCES: tuple[Resource, ...]
    """The kinds of objects that only this mode reads."""
    ANNOTATIONS: tuple[str, ...]
    """The annotations of pods that it reads; a snapshot keeps them."""

    def mode_of(self, pod: Obj, namespace: Mapping[str, str], role: Reporter | None) -> DataplaneMode | None:
        """NAME for a pod that it captures, NONE for one that no mode captures; None where others may.

        `namespace` are the labels of the pod's namespace, `role` is what the pod's own proxy is proven to be.
        """

    def captor(self, pod: Pod, pods: Iterable[Pod]) -> Pod | None:
        """The pod whose proxy carries what this one sends; None if it is not among `pods`."""

    def uncaptured(self, pod: Pod, port: int, address: str | None) -> str:
        """Why what a captured pod sends to a port and address provably escapes; '' if it does not, or may not."""

    def blind_spots(self, pod: Pod, obj: Obj, nodes: Mapping[Reporter, frozenset[str]]) -> Iterator[tuple[str, str]]:
        """What a captured pod sends and no proxy logs: the kind and one clause each.

        `nodes` are those on which each kind of proxy runs.
        """


_NAMES = (
    "sidecar",
    "ambient",
)

MODES: tuple[Mode, ...] = tuple(cast("Mode", import_module(f"{__name__}.{name}")) for name in _NAMES)
"""Every mode. The first that captures a pod counts."""

_OF_NO_MODE = (TEMPLATES, REVISION, DEFAULT_CONTAINER, EXPORT_TO, DEFAULT_NETWORK, FURTHER_NETWORKS)
ANNOTATIONS = tuple(dict.fromkeys((*_OF_NO_MODE, *(each for mode in MODES for each in mode.ANNOTATIONS))))
"""All annotations of pods that a snapshot keeps."""
