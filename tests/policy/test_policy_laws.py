"""What holds for every policy: the order of rules, which rule wins, what is not known."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from support.policies import TODAY, policy

from egressaudit.errors import PolicyError
from egressaudit.model import Path
from egressaudit.policy import Policy
from egressaudit.policy.globs import overlap
from egressaudit.policy.hosts import Host

HOSTS = ["*", "*.example", "*.b.example", "a.b.example", "b.example", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"]


ASKED = [
    "a.b.example",
    "x.b.example",
    "b.example",
    "c.example",
    "10.1.2.3",
    "10.9.9.9",
    "other.test",
    "*.b.example",
    "",
]


NAMES = ["*", "c*", "*t", "cart", "Deployment/cart", "shop", "s?op"]


@st.composite
def rule_texts(draw: st.DrawFn) -> str:
    some = st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3, unique=True)
    namespaces = draw(st.lists(st.sampled_from(["*", "s*", "shop", "curl"]), min_size=1, max_size=2, unique=True))
    workloads = draw(
        st.lists(st.sampled_from(["*", "c*", "*t", "cart", "Job/cart"]), min_size=1, max_size=2, unique=True)
    )
    ports = draw(st.sampled_from(["", ", ports: [443]", ", ports: [80, 443]"]))
    via = draw(st.sampled_from(["gateway", "waypoint", "direct", "blocked"]))
    return f"from: {{namespaces: {namespaces}, workloads: {workloads}}}, to: {{hosts: {draw(some)}{ports}}}, via: {via}"


queries = st.tuples(
    st.sampled_from(["shop", "curl", "x", ""]),
    st.sampled_from(["Deployment/cart", "Job/cart", "Deployment/c", "Deployment/x", ""]),
    st.sampled_from(ASKED),
    st.sampled_from([80, 443, 22, None]),
)


def valid(rules: list[str]) -> tuple[list[str], Policy]:
    """As many of the rules as do not contradict each other, named, and the policy of them."""
    kept: list[str] = []
    found = policy()
    for n, rule in enumerate(rules):
        try:
            found = policy(*kept, f"name: p{n}, {rule}")
            kept.append(f"name: p{n}, {rule}")
        except PolicyError:
            continue
    return kept, found


def simply_matches(rule: str, namespace: str, workload: str, host: str, port: int | None) -> bool:
    """Whether a rule matches, as simply as it can be said; for queries of which all is known."""
    import fnmatch

    import yaml

    form = yaml.safe_load(f"{{{rule}}}")
    name = workload.partition("/")[2]
    hosts = form["to"]["hosts"]
    by_host = any(
        each in ("*", host)
        or (each.startswith("*.") and host.endswith(each[1:]) and not host[0].isdigit())
        or ("/" in each and host[0].isdigit() and ip_network(host).subnet_of(ip_network(each)))
        for each in hosts
    )
    return (
        by_host
        and any(fnmatch.fnmatchcase(namespace, each) for each in form["from"]["namespaces"])
        and any(fnmatch.fnmatchcase(workload if "/" in each else name, each) for each in form["from"]["workloads"])
        and port in form["to"].get("ports", [port])
    )


@given(st.lists(rule_texts(), max_size=5), st.lists(queries, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_rules_never_matters(
    rules: list[str], asked: list[tuple[str, str, str, int | None]], random
) -> None:
    kept, found = valid(rules)
    random.shuffle(kept)
    other = policy(*kept)
    for query in asked:
        assert found.decide(*query, TODAY) == other.decide(*query, TODAY)


@given(st.lists(rule_texts(), max_size=5), st.lists(queries, min_size=1, max_size=8))
def test_the_rule_that_holds_matches_and_the_default_holds_only_where_none_does(
    rules: list[str], asked: list[tuple[str, str, str, int | None]]
) -> None:
    kept, found = valid(rules)
    by_name = {each.partition(",")[0].removeprefix("name: "): each for each in kept}
    for query in asked:
        if "" in query or None in query or query[2].startswith("*"):
            continue
        rule = found.decide(*query, TODAY).rule
        if rule == "default":
            assert not any(simply_matches(each, *query) for each in kept)
        else:
            assert simply_matches(by_name[rule], *query)


@given(st.lists(rule_texts(), max_size=4), st.sampled_from([each for each in ASKED if each and each[0] != "*"]))
def test_a_more_specific_copy_of_a_rule_always_wins(rules: list[str], host: str) -> None:
    kept, _ = valid(rules)
    exact = f"from: {{namespaces: [shop], workloads: [cart]}}, to: {{hosts: ['{host}'], ports: [443]}}"
    for via in ("direct", "blocked"):
        try:
            found = policy(*kept, f"name: copy, {exact}, via: {via}")
        except PolicyError as error:
            said = error.problems
        else:
            assert found.decide("shop", "Deployment/cart", host, 443, TODAY).expected == Path(via)
            continue
        # Only a rule that is as specific may stand against it.
        assert all("neither is more specific" in each for each in said)


@given(st.lists(rule_texts(), max_size=5), st.lists(queries, min_size=1, max_size=8))
def test_what_is_not_known_is_decided_only_as_every_possibility_would_be(
    rules: list[str], asked: list[tuple[str, str, str, int | None]]
) -> None:
    _, found = valid(rules)
    for namespace, workload, host, port in asked:
        decision = found.decide(namespace, workload, host, port, TODAY)
        if not decision.rule:
            continue
        below = [each for each in ASKED if each.endswith(host[1:]) and each[0:1] not in ("*", "")]
        hosts = [each for each in ASKED if each and each[0] != "*"] if not host else below if host[0] == "*" else [host]
        for one_host in hosts:
            for one_port in [80, 443, 22] if port is None else [port]:
                for one_workload in ["Deployment/cart", "Job/cart", "Job/x"] if not workload else [workload]:
                    for one_namespace in ["shop", "curl", "x"] if not namespace else [namespace]:
                        one = found.decide(one_namespace, one_workload, one_host, one_port, TODAY)
                        assert (one.expected, one.via) == (decision.expected, decision.via)


@given(st.text("ab*?", max_size=6), st.text("ab*?", max_size=6), st.text("ab", max_size=6))
def test_globs_that_match_the_same_text_overlap(one: str, other: str, text: str) -> None:
    from fnmatch import fnmatchcase

    assert overlap(one, other) == overlap(other, one)
    if fnmatchcase(text, one) and fnmatchcase(text, other):
        assert overlap(one, other)


@given(st.text("ab*?", max_size=4), st.text("ab*?", max_size=4))
def test_globs_overlap_only_where_some_text_is_matched_by_both(one: str, other: str) -> None:
    from fnmatch import fnmatchcase
    from itertools import product

    # Without their stars, two patterns of 4 characters agree on a text of at most 8, if on any.
    texts = ("".join(each) for length in range(9) for each in product("ab", repeat=length))
    assert overlap(one, other) == any(fnmatchcase(text, one) and fnmatchcase(text, other) for text in texts)


@given(st.text(max_size=300))
def test_any_text_is_a_host_to_ask_for(text: str) -> None:
    Host.of(text)
    policy("to: {hosts: ['*.example', 10.0.0.0/8, a.example]}, via: direct").decide("n", "w", text, 443, TODAY)
