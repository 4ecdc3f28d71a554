"""Declared, programmed, observed: what the objects say, what the proxy has, and what its line shows, side by side.

A difference explains a verdict and never changes one: the proxy's answer comes from a pod that others may change.

In: verdicts, and the proxies that were asked. Out: a `ProxyView` for each of them.
Example: the objects declare the gateway's cluster, the sidecar has `outbound|80||docs.example.com`: one difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from egressaudit.mesh.programmed.step_differences import differences, leads_to, step_words
from egressaudit.model import AskedProxy, Hop, ObjectRef, ProxyView, Step, Verdict

Declared = Callable[[AskedProxy], Step | None]
"""What the objects declare for the call that a proxy was asked about; None if that is not known."""

WHY_DIFFERENT = (
    "istiod has not sent it to this proxy yet, the proxy follows another revision, or an EnvoyFilter changes it: "
    "compare `istioctl proxy-status` and the proxy's istio.io/rev"
)


def proxy_views(verdicts: Iterable[Verdict], asked: Iterable[AskedProxy], declared: Declared) -> tuple[ProxyView, ...]:
    """One view of each proxy that was asked."""
    by_nonce = {verdict.flow.probe.nonce: verdict for verdict in verdicts}
    return tuple(_view(each, by_nonce.get(each.nonce), declared(each)) for each in asked)


def _view(asked: AskedProxy, verdict: Verdict | None, declared: Step | None) -> ProxyView:
    hop = None if verdict is None else _hop_of(verdict, asked.pod)
    observed = None if hop is None else (hop.text("upstream_cluster") or "", hop.text("route_name") or "")
    return ProxyView(asked, declared, observed, tuple(_differences(asked, declared, observed)))


def _hop_of(verdict: Verdict, pod: ObjectRef) -> Hop | None:
    """The line that the proxy in a pod wrote about the probe."""
    wrote = (each for each in verdict.flow.hops if pod == ObjectRef(each.line.source.namespace, each.line.source.pod))
    return next(wrote, None)


def _differences(asked: AskedProxy, declared: Step | None, observed: tuple[str, str] | None) -> Iterator[str]:
    for refused in asked.refused:
        yield f"it refused an update from istiod, so it works with older configuration: {refused}"
    if asked.step is None:
        return
    if declared is not None:
        yield from (f"{each}; {WHY_DIFFERENT}" for each in differences(declared, asked.step))
    if observed is not None and observed[0] and not leads_to(asked.step, observed[0]):
        now = f"its line shows {observed[0]}, and now it has: {step_words(asked.step)}"
        yield f"{now}; its configuration changed since, or the line is another request's"
