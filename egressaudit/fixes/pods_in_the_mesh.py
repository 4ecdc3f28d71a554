"""Fixes of the first stage: pods that no proxy of the mesh carries.

In: `Wrong`. Out: fixes, the smallest first: of one workload, then of its namespace. Example: a namespace without
injection gets the label that other namespaces have. A change of a pod's template restarts its workload.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from egressaudit.fixes.fix import Fix, FixRule
from egressaudit.fixes.wrong import Wrong, change, few
from egressaudit.manifests import Change
from egressaudit.mesh.apis import APPS, CORE
from egressaudit.mesh.marks import DATAPLANE_MODE, INJECT, INTERCEPTION_MODE, REVISION, SIDECAR_TRAFFIC
from egressaudit.mesh.objects import Obj
from egressaudit.model import ObjectRef, Pod

_INJECTION = "istio-injection"
_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet")


def _workload(wrong: Wrong) -> ObjectRef | None:
    """The workload of the source; None if nothing of it can be patched."""
    pod = wrong.source
    if pod is None:
        return None
    kind, _, name = pod.owner.partition("/")
    return ObjectRef(pod.namespace, name) if kind in _TEMPLATED else None


def _template(wrong: Wrong, what: str, **metadata: dict[str, str | None]) -> Iterator[Change]:
    """A change of the labels or annotations in the pod template of the source's workload."""
    ref, pod = _workload(wrong), wrong.source
    if ref is None or pod is None:
        return
    patch = {"spec": {"template": {"metadata": metadata}}}
    yield Change(f"{APPS}/v1", pod.owner.partition("/")[0], ref, patch, what)


def _of_workload(wrong: Wrong, slug: str, title: str, changes: Iterator[Change]) -> Iterator[Fix]:
    for each in changes:
        same = [pod.name for pod in wrong.mesh.pods if wrong.source and pod.owner == wrong.source.owner]
        affects = (f"{each} restarts with it: {few(same)}",)
        yield Fix(slug, f"{title} {each}", changes=(each,), affects=affects)


def _of_namespace(wrong: Wrong, slug: str, title: str, labels: dict[str, str | None]) -> Iterator[Fix]:
    pod = wrong.source
    if pod is None:
        return
    name = pod.namespace
    obj: Obj | None = wrong.objects.one(CORE, "Namespace", "", name)
    if obj is None:
        return
    listed = ", ".join(f"{key}={value}" if value is not None else f"no {key}" for key, value in labels.items())
    made = change(obj, {"metadata": {"labels": labels}}, f"Labels the namespace: {listed}.")
    owners = few(each.owner or f"Pod/{each.name}" for each in wrong.mesh.pods if each.namespace == name)
    affects = (f"it holds for every workload of namespace {name}: {owners}",)
    yield Fix(slug, f"{title} Namespace {name}", changes=(made,), affects=affects, then=_restart(pod))


def _restart(pod: Pod) -> tuple[str, ...]:
    kind, _, name = pod.owner.partition("/")
    return (f"kubectl rollout restart {kind.lower()}/{name} -n {pod.namespace}",) if kind in _TEMPLATED else ()


def _label_in_use(wrong: Wrong) -> dict[str, str | None]:
    """How other namespaces of this mesh ask for injection."""
    used = Counter(
        (key, each.labels[key])
        for each in wrong.objects.all(CORE, "Namespace")
        for key in (_INJECTION, REVISION)
        if each.labels.get(key) not in (None, "", "disabled")
    )
    key, value = used.most_common(1)[0][0] if used else (_INJECTION, "enabled")
    return {key: value}


def _inject(wrong: Wrong) -> Iterator[Fix]:
    labels = _label_in_use(wrong)
    own: dict[str, str | None] = {INJECT: "true", **{key: labels[key] for key in (REVISION,) if key in labels}}
    said = "Asks for a sidecar for the pods of this workload."
    yield from _of_workload(wrong, "inject", "ask for a sidecar in the template of", _template(wrong, said, labels=own))
    # `istio-injection: disabled` overrides a revision (istio/istio pkg/kube/inject/inject.go).
    obsolete: dict[str, str | None] = {_INJECTION: None} if _INJECTION not in labels else {}
    there = wrong.source.namespace if wrong.source else ""
    obsolete = obsolete if _INJECTION in wrong.objects.namespace_labels(there) else {}
    yield from _of_namespace(wrong, "inject", "ask for sidecars in", {**labels, **obsolete})


def _opt_in(wrong: Wrong) -> Iterator[Fix]:
    pod = wrong.source
    if pod is None:
        return
    where: dict[str, dict[str, str | None]] = {}
    for name, values in (("labels", pod.labels), ("annotations", pod.annotations)):
        if INJECT in values:
            where[name] = {INJECT: None}
    said = f"Takes {INJECT} out of the pod template, so that the namespace decides."
    yield from _of_workload(wrong, "opt-in", "let the namespace decide for", _template(wrong, said, **where))


def _include(wrong: Wrong) -> Iterator[Fix]:
    """Take the port, or what holds the address, out of the pod's annotations."""
    pod, port = wrong.source, wrong.found.port
    if pod is None:
        return
    found: dict[str, str | None] = {}
    for name, value in pod.annotations.items():
        if name == f"{SIDECAR_TRAFFIC}excludeOutboundPorts" and port is not None:
            left = [each for each in value.split(",") if each.strip() not in (str(port), "")]
            if len(left) < len(value.split(",")):
                found[name] = ",".join(left) or None
        elif name == f"{SIDECAR_TRAFFIC}includeOutboundIPRanges" and value.strip() != "*":
            found[name] = "*"
    if found:
        said = f"Lets the sidecar take what the pod sends to port {port}."
        title = f"let the sidecar take port {port} of"
        yield from _of_workload(wrong, "include", title, _template(wrong, said, annotations=found))


def _interception(wrong: Wrong) -> Iterator[Fix]:
    said = "Redirects the pod's connections to its sidecar again."
    changes = _template(wrong, said, annotations={INTERCEPTION_MODE: "REDIRECT"})
    yield from _of_workload(wrong, "interception", "redirect the connections of", changes)


def _enrol(wrong: Wrong) -> Iterator[Fix]:
    labels: dict[str, str | None] = {DATAPLANE_MODE: "ambient"}
    said = "Enrols the pods of this workload in ambient mode."
    changes = _template(wrong, said, labels=labels)
    yield from _of_workload(wrong, "enrol", "enrol in ambient mode", changes)
    yield from _of_namespace(wrong, "enrol", "enrol in ambient mode", labels)


def _one_mode(wrong: Wrong) -> Iterator[Fix]:
    """The pod has a sidecar: it stays in use where a gateway is meant, and goes where a waypoint is."""
    waypoint = wrong.found.via in wrong.waypoints()
    labels: dict[str, str | None] = {INJECT: "false"} if waypoint else {DATAPLANE_MODE: "none"}
    said = "Leaves the pod to ambient mode alone." if waypoint else "Leaves the pod to its sidecar alone."
    yield from _of_workload(wrong, "one-mode", "use one mode for", _template(wrong, said, labels=labels))


ROWS: tuple[FixRule, ...] = (
    FixRule("inject", _inject),
    FixRule("opt-in", _opt_in),
    FixRule("include", _include),
    FixRule("interception", _interception),
    FixRule("enrol", _enrol),
    FixRule("one-mode", _one_mode),
)
