"""Fixes of policies: who may use a gateway, what is forbidden, and what proxies log.

In: `Wrong`. Out: fixes. Example: where ALLOW policies of a waypoint allow nobody, one more allows the source's account.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from egressaudit.fixes.fix import Fix, FixRule
from egressaudit.fixes.wrong import Wrong, change, few
from egressaudit.manifests import Manifest
from egressaudit.mesh.apis import CORE, ISTIO
from egressaudit.mesh.pods import gateway_of
from egressaudit.mesh.untyped import text, texts
from egressaudit.model import DataplaneMode, ObjectRef, Pod, Reporter

_SECURITY, _NETWORKING, _TELEMETRY = "security.istio.io/v1", "networking.istio.io/v1", "telemetry.istio.io/v1"
_GATEWAY = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}


def _named(api: str, kind: str, ref: ObjectRef, **fields: Any) -> dict[str, Any]:
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": fields}


def _proxies(wrong: Wrong) -> tuple[Pod, ...]:
    """The pods of the gateway or waypoint that should have carried it."""
    via = wrong.found.via
    if via is None:
        return ()
    kinds = (Reporter.EGRESS_GATEWAY, Reporter.WAYPOINT)
    return tuple(pod for pod in wrong.mesh.pods if pod.role in kinds and gateway_of(pod) == via)


def _authorization(wrong: Wrong) -> Iterator[Fix]:
    """One more ALLOW policy: for a DENY policy there is none, whoever wrote it meant it."""
    policy, source, proxies = wrong.object("AuthorizationPolicy"), wrong.source, _proxies(wrong)
    # Where no ALLOW policy is, a first one would refuse everybody else.
    if source is None or not proxies or policy is None or text(policy.spec.get("action")) not in ("", "ALLOW"):
        return
    account = source.service_account or "default"
    principal = f"*/ns/{source.namespace}/sa/{account}"
    proxy = proxies[0]
    ref = ObjectRef(proxy.namespace, f"allow-{source.namespace}-{account}"[:63])
    where = _target(wrong, proxy)
    made = Manifest(
        _named(
            _SECURITY, "AuthorizationPolicy", ref, **where, action="ALLOW",
            rules=[{"from": [{"source": {"principals": [principal]}}]}],
        ),
        (
            f"Lets account {account} of namespace {source.namespace} use {wrong.found.via}, beside whom others allow.",
            "It needs mTLS on the leg to the gateway: without it the gateway knows no account.",
        ),
    )  # fmt: skip
    affects = (
        f"all pods with account {account} in namespace {source.namespace} may reach what {wrong.found.via} does",
    )
    title = f"let account {account} of namespace {source.namespace} use {wrong.found.via}"
    yield Fix("authorization", title, (made,), affects=affects)


def _target(wrong: Wrong, proxy: Pod) -> dict[str, Any]:
    """How a policy names this proxy: a waypoint by targetRefs, a gateway by its pods' labels."""
    via = wrong.found.via
    if proxy.role is Reporter.WAYPOINT and via is not None:
        return {"targetRefs": [{**_GATEWAY, "name": via.name}]}
    return {"selector": {"matchLabels": _labels(wrong, proxy)}}


def _labels(wrong: Wrong, proxy: Pod) -> dict[str, str]:
    """Labels that all pods of the proxy's workload have: those by which its Service selects them."""
    for service in wrong.objects.all(CORE, "Service"):
        selector = texts(service.spec.get("selector"))
        if service.namespace == proxy.namespace and selector and selector.items() <= dict(proxy.labels).items():
            return selector
    return dict(proxy.labels)


def _target_refs(wrong: Wrong) -> Iterator[Fix]:
    policy, via = wrong.object("AuthorizationPolicy"), wrong.found.via
    if policy is None or via is None or policy.namespace != via.namespace:
        return
    refs = [{**_GATEWAY, "name": via.name}]
    made = change(policy, {"spec": {"selector": None, "targetRefs": refs}}, f"Is for waypoint {via}, by its name.")
    affects = (f"it takes effect: everything that {policy} refuses at {via} is refused from then on",)
    yield Fix("target-refs", f"let {policy} be for waypoint {via}", changes=(made,), affects=affects)


def _forbid(wrong: Wrong) -> Iterator[Fix]:
    """Unknown hosts are blocked for the source's namespace; for a host that is registered no single object does it."""
    source = wrong.source
    if source is None or source.mode is not DataplaneMode.SIDECAR or wrong.entries:
        return
    there = wrong.objects.all(ISTIO, "Sidecar")
    own = [each for each in there if each.namespace == source.namespace and not each.spec.get("workloadSelector")]
    policy = {"mode": "REGISTRY_ONLY"}
    owners = few(each.owner for each in wrong.mesh.pods if each.namespace == source.namespace and each.owner)
    affects = (f"all workloads of namespace {source.namespace} reach registered hosts alone: {owners}",)
    title = f"block unregistered hosts for namespace {source.namespace}"
    if own:
        made = change(own[0], {"spec": {"outboundTrafficPolicy": policy}}, "Blocks hosts that no ServiceEntry has.")
        yield Fix("forbid", title, changes=(made,), affects=affects)
        return
    new = Manifest(
        _named(_NETWORKING, "Sidecar", ObjectRef(source.namespace, "default"), outboundTrafficPolicy=policy),
        (f"Blocks hosts that no ServiceEntry has, for sidecars of namespace {source.namespace}.",),
    )
    yield Fix("forbid", title, (new,), affects=affects)


def _logging(wrong: Wrong) -> Iterator[Fix]:
    """A Telemetry for the one proxy that does not log: it overrides those of the namespace and the mesh."""
    pod = next(iter(_proxies(wrong)), None) or wrong.source
    if pod is None or pod.role is None or pod.role is Reporter.ZTUNNEL:
        return
    if pod.role is Reporter.SIDECAR:
        where: dict[str, Any] = {"selector": {"matchLabels": dict(pod.labels)}}
    else:
        where = _target(wrong, pod)
    if where == {"selector": {"matchLabels": {}}}:
        return
    name = pod.owner.partition("/")[2] or pod.name
    ref = ObjectRef(pod.namespace, f"access-log-{name}"[:63])
    made = Manifest(
        _named(_TELEMETRY, "Telemetry", ref, **where, accessLogging=[{"providers": [{"name": "envoy"}]}]),
        (f"Lets {name} write an access line for each request and connection, to its container's log.",),
    )
    affects = (f"the logs of {name} grow with its traffic; other proxies log as before",)
    yield Fix("logging", f"turn on the access log of {pod.namespace}/{name}", (made,), affects=affects)


ROWS: tuple[FixRule, ...] = (
    FixRule("authorization", _authorization),
    FixRule("target-refs", _target_refs),
    FixRule("forbid", _forbid),
    FixRule("logging", _logging),
)
