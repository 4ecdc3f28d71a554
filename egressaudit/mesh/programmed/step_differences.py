"""A step as the objects declare it beside the step that the proxy itself has: what they do differently.

Only what decides where a call may go is compared: acts and clusters, and which of them is taken if no condition holds.
Names of routes and the order of conditions are not: an object renamed changes nothing.

In: two steps of one proxy for one call. Out: sentences. Example: "the objects declare outbound|80||gw, and the proxy
has PassthroughCluster".
"""

from __future__ import annotations

from egressaudit.model import Act, Choice, Step

_DOES = {Act.PASSTHROUGH: "PassthroughCluster", Act.REFUSE: "refuse", Act.ANSWER: "answer by itself", Act.SEND: "send"}


def differences(declared: Step, programmed: Step) -> tuple[str, ...]:
    """What the two do differently; nothing if they lead to the same clusters."""
    if not declared.choices or not programmed.choices:
        return ()
    same_ends = _ends(declared) == _ends(programmed)
    if same_ends and _end(declared.choices[-1]) == _end(programmed.choices[-1]):
        return ()
    return (f"the objects declare: {step_words(declared)}; the proxy has: {step_words(programmed)}",)


def leads_to(step: Step, cluster: str) -> bool:
    """Whether a choice of the step may take a cluster."""
    return any(cluster == to.cluster for choice in step.choices for to in choice.to) or any(
        choice.act is Act.PASSTHROUGH and cluster == "PassthroughCluster" for choice in step.choices
    )


def step_words(step: Step) -> str:
    """What the step does, in the order of its choices: `if path: refuse (no-route); outbound|80||h (route default)`."""
    return "; ".join(map(_choice_words, step.choices)) or "nothing that could be read"


def _choice_words(choice: Choice) -> str:
    many = len(choice.to) > 1
    # A ztunnel has no clusters.
    named = ((each.cluster or each.host, each.weight) for each in choice.to)
    to = " or ".join(f"{name} {weight} %" if many else name for name, weight in named)
    about = [
        f"{choice.reason} {to}".strip() if choice.reason == "no-cluster" else choice.reason,
        f"route {choice.route}" if choice.route else "",
        f"by {choice.rule}".strip() if choice.rule else "",
        f"CONNECT to {choice.tunnel}" if choice.tunnel else "",
    ]
    said = ", ".join(filter(None, about))
    when = f"if {' and '.join(choice.when)}: " if choice.when else ""
    does = to if choice.act is Act.SEND and to else _DOES[choice.act]
    return f"{when}{does}{f' ({said})' if said else ''}"


def _ends(step: Step) -> set[object]:
    return {_end(choice) for choice in step.choices}


def _end(choice: Choice) -> object:
    """Where a choice leads: clusters that get calls, or the act alone. A refusal is one, for whatever reason."""
    clusters = frozenset(each.cluster for each in choice.to if each.weight) if choice.act is Act.SEND else frozenset()
    return choice.act, clusters
