"""A step of a declared way in words.

In: a `Step`. Out: e.g. `sends to outbound|80||docs.example.com by VirtualService egress/docs spec.http[1]`.
"""

from __future__ import annotations

from egressaudit.model import Act, Choice, Step

_REFUSALS = {
    "no-listener": "it does not listen there",
    "no-filter-chain": "no server takes that name",
    "no-route": "it has no route",
    "no-cluster": "the cluster is not there",
    "block-all": "unknown hosts are blocked",
    "tls-error": "the TLS does not fit",
    "protocol-error": "it awaits HTTP",
    "waypoint-unreachable": "the waypoint cannot be reached",
}


def step_words(step: Step) -> str:
    """What a proxy does, choice by choice; the last one holds where no other does."""
    return "; else ".join(_choice(each) for each in step.choices) or "nothing is known"


def _choice(choice: Choice) -> str:
    where = f"where {' and '.join(choice.when)}, " if choice.when else ""
    by = f" by {choice.rule}" if choice.rule else ""
    return f"{where}{_act(choice)}{by}"


def _act(choice: Choice) -> str:
    match choice.act:
        case Act.SEND:
            shares = len(choice.to) > 1
            named = (f"{f'{to.weight} % ' if shares else ''}to {to.cluster or to.host}" for to in choice.to)
            return f"sends {' and '.join(named)}" + (f", CONNECT to {choice.tunnel}" if choice.tunnel else "")
        case Act.PASSTHROUGH:
            return "sends to the address that was dialed"
        case Act.REFUSE:
            return f"refuses ({_REFUSALS.get(choice.reason, choice.reason)})"
        case Act.ANSWER:
            return f"answers by itself ({choice.reason})"
