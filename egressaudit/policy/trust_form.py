"""The trust section of a policy made ready, and what contradicts itself in it.

In: the section, e.g. `gateways: [{namespace: egress, name: gw}]`. Out: the trust, e.g.
`Trust(gateways=(TrustedProxy("egress", "gw"),))`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from egressaudit.mesh.trust import KINDS, Trust, TrustedProxy, private_network
from egressaudit.model import ObjectRef
from egressaudit.policy.document import TrustedForm, TrustedZtunnelForm, TrustForm


def trust_of(form: TrustForm | None) -> Trust:
    """The trust of a section; one that is not there trusts nobody by name."""
    if form is None:
        return Trust()
    return Trust(
        gateways=_proxies(form.gateways),
        waypoints=_proxies(form.waypoints),
        ztunnels=_proxies(form.ztunnels),
        outside=tuple(private_network(each) for each in form.outside),
    )


def contradictions(
    trust: Trust, ways: Mapping[str, Sequence[ObjectRef]]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What cannot hold together: where it stands below `spec`, and one clause.

    `ways` are the `gateways` and `waypoints` that a policy allows, in the order of its lists.
    """
    kinds: dict[tuple[str, str], str] = {}
    for kind, reporter in KINDS.items():
        for number, each in enumerate(trust.listed(reporter)):
            before = kinds.setdefault((each.namespace, each.name), kind)
            if before != kind:
                yield ("trust", kind, number), f"{each.namespace}/{each.name} is also trusted among {before}"
    for kind, refs in ways.items():
        listed = trust.listed(KINDS[kind])
        names = {(each.namespace, each.name) for each in listed}
        for number, ref in enumerate(refs):
            if listed and (ref.namespace, ref.name) not in names:
                yield (
                    (kind, number),
                    f"the policy allows {kind.removesuffix('s')} {ref}, but trust.{kind} does not list it",
                )


def _proxies(forms: Sequence[TrustedForm | TrustedZtunnelForm]) -> tuple[TrustedProxy, ...]:
    return tuple(TrustedProxy(each.namespace, each.name, each.service_account) for each in forms)
