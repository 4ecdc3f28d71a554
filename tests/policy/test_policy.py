"""Policies: which rule holds, and what is wrong with a file."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_network
from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.errors import PolicyError
from egressaudit.model import ObjectRef, Path, Severity, Waived
from egressaudit.policy import STARTER, Policy, load_policy, parse_policy
from egressaudit.policy.globs import overlap
from egressaudit.policy.hosts import Host, HostPattern

TODAY = date(2026, 3, 1)
GATEWAY = ObjectRef("istio-egress", "istio-egressgateway")
WAYPOINT = ObjectRef("egress-gateway", "waypoint")

ISSUE = """\
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: baseline}
spec:
  gateways: [{namespace: istio-egress, name: istio-egressgateway}]
  waypoints: [{namespace: egress-gateway, name: waypoint}]
  rules:
  - name: redhat-docs
    from: {namespaces: [curl], workloads: ["*"]}
    to: {hosts: [docs.redhat.com, "*.redhat.com"], ports: [80, 443]}
    via: gateway            # gateway | waypoint | direct | blocked
    controls: [nist-800-53/SC-7, pci-dss-v4/1.3.2]
    severity: high
  default: deny
  waivers: [{rule: redhat-docs, from: legacy/*, reason: CHG-1234, expires: 2027-01-31}]
"""

HEAD = """\
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: test}
spec:
  gateways: [{namespace: e, name: one}, {namespace: e, name: two}]
  waypoints: [{namespace: e, name: way}]
"""


def policy(*rules: str, end: str = "") -> Policy:
    """A policy of rules in YAML's flow style, each without its braces; named r0, r1 ... where they have no name."""
    named = [each if each.startswith("name:") else f"name: r{n}, {each}" for n, each in enumerate(rules)]
    listed = "".join(f"  - {{{each}}}\n" for each in named)
    return parse_policy(f"{HEAD}  rules:{' []' if not rules else ''}\n{listed}{end}".encode())


def refusal(text: bytes) -> PolicyError | None:
    """The error that a file's bytes are, None where they are a policy."""
    try:
        parse_policy(text)
    except PolicyError as error:
        return error
    return None


def problems(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as raised:
        parse_policy(text if isinstance(text, bytes) else text.encode(), "p.yaml")
    return raised.value.problems


def ruled(found: Policy, host: str, port: int | None = 443, workload: str = "shop/Deployment/cart") -> str:
    namespace, _, name = workload.partition("/")
    return found.decide(namespace, name, host, port, TODAY).rule


# ---------------------------------------------------------------- what a policy decides


def test_the_policy_of_the_issue_says_what_it_says() -> None:
    found = parse_policy(ISSUE.encode())
    decision = found.decide("curl", "Deployment/curl", "docs.redhat.com", 443, TODAY)
    assert (found.name, found.default, len(found.digest)) == ("baseline", "deny", 64)
    assert (decision.expected, decision.via, decision.rule) == (Path.VIA_GATEWAY, (GATEWAY,), "redhat-docs")
    assert decision.severity is Severity.HIGH
    assert decision.controls == ("nist-800-53/SC-7", "pci-dss-v4/1.3.2")
    assert found.waypoints == (WAYPOINT,)


@pytest.mark.parametrize(
    ("namespace", "host", "port", "expected"),
    [
        ("curl", "docs.redhat.com", 80, Path.VIA_GATEWAY),
        ("curl", "DOCS.RedHat.com.", 80, Path.VIA_GATEWAY),  # letter case and a last dot do not count
        ("curl", "docs.redhat.com:80", 80, Path.VIA_GATEWAY),  # an authority with its port
        ("curl", "a.b.redhat.com", 443, Path.VIA_GATEWAY),
        ("curl", "redhat.com", 443, Path.BLOCKED),  # a wildcard is below its suffix
        ("curl", "evilredhat.com", 443, Path.BLOCKED),
        ("curl", "docs.redhat.com.evil.example", 443, Path.BLOCKED),
        ("curl", "docs.redhat.com", 8080, Path.BLOCKED),
        ("curl2", "docs.redhat.com", 443, Path.BLOCKED),
        ("curl", "198.51.100.7", 443, Path.BLOCKED),
    ],
)
def test_a_rule_takes_its_hosts_ports_and_namespaces_only(namespace: str, host: str, port: int, expected: Path) -> None:
    decision = parse_policy(ISSUE.encode()).decide(namespace, "Deployment/curl", host, port, TODAY)
    assert decision.expected is expected
    assert decision.rule == ("default" if expected is Path.BLOCKED else "redhat-docs")


@pytest.mark.parametrize(
    ("default", "expected", "leaves"),
    [("deny", Path.BLOCKED, False), ("allow", None, False), ("mesh", None, True)],
)
def test_where_no_rule_matches_the_default_holds(default: str, expected: Path | None, leaves: object) -> None:
    found = policy(end=f"  default: {default}\n")
    decision = found.decide("a", "Deployment/b", "x.example", 443, TODAY)
    assert (decision.expected, decision.rule, found.leaves_to_mesh) == (expected, "default", leaves)


def test_without_a_default_nothing_may_leave() -> None:
    assert policy().decide("a", "Deployment/b", "x.example", 443, TODAY).expected is Path.BLOCKED


def test_a_rule_narrows_the_gateways_and_else_allows_all_of_the_policy() -> None:
    found = policy(
        "to: {hosts: [a.example]}, via: gateway, gateways: [{namespace: e, name: two}]",
        "to: {hosts: [b.example]}, via: gateway",
        "to: {hosts: [c.example]}, via: waypoint",
        "to: {hosts: [d.example]}, via: direct",
        "to: {hosts: [e.example]}, via: blocked",
    )
    said = [found.decide("n", "Deployment/w", f"{host}.example", 1, TODAY) for host in "abcde"]
    one, two, way = ObjectRef("e", "one"), ObjectRef("e", "two"), ObjectRef("e", "way")
    assert [(each.expected, each.via) for each in said] == [
        (Path.VIA_GATEWAY, (two,)),
        (Path.VIA_GATEWAY, (one, two)),
        (Path.VIA_WAYPOINT, (way,)),
        (Path.DIRECT, ()),
        (Path.BLOCKED, ()),
    ]


@pytest.mark.parametrize(
    ("finer", "coarser", "host"),
    [
        ("to: {hosts: [a.b.example]}", "to: {hosts: ['*.b.example']}", "a.b.example"),
        ("to: {hosts: ['*.b.example']}", "to: {hosts: ['*.example']}", "a.b.example"),
        ("to: {hosts: ['*.example']}", "to: {hosts: ['*']}", "a.b.example"),
        ("to: {hosts: [10.1.2.3]}", "to: {hosts: [10.1.2.3/32]}", "10.1.2.3"),
        ("to: {hosts: [10.1.0.0/16]}", "to: {hosts: [10.0.0.0/8]}", "10.1.2.3"),
        ("to: {hosts: [10.0.0.0/8]}", "to: {hosts: ['*']}", "10.1.2.3"),
        ("to: {hosts: ['2001:db8::/32']}", "to: {hosts: ['::/0']}", "2001:DB8:0::1"),
        (
            "to: {hosts: [x.example]}, from: {workloads: [cart]}",
            "to: {hosts: [x.example]}, from: {workloads: [c*]}",
            "",
        ),
        ("to: {hosts: [x.example]}, from: {workloads: ['*t']}", "to: {hosts: [x.example]}", ""),
        (
            "to: {hosts: [x.example]}, from: {namespaces: [shop]}",
            "to: {hosts: [x.example]}, from: {namespaces: [s*]}",
            "",
        ),
        ("to: {hosts: [x.example]}, from: {namespaces: ['?hop']}", "to: {hosts: [x.example]}", ""),
        ("to: {hosts: [x.example], ports: [443]}", "to: {hosts: [x.example]}", ""),
        # The host comes first, then the workload, then the namespace, then the port.
        ("to: {hosts: [x.example]}", "to: {hosts: ['*.example'], ports: [443]}, from: {workloads: [cart]}", ""),
        (
            "to: {hosts: [x.example]}, from: {workloads: [cart]}",
            "to: {hosts: [x.example], ports: [443]}, from: {namespaces: [shop]}",
            "",
        ),
        (
            "to: {hosts: [x.example]}, from: {namespaces: [shop]}",
            "to: {hosts: [x.example], ports: [443]}, from: {namespaces: [s*]}",
            "",
        ),
    ],
)
def test_the_more_specific_rule_holds_whatever_the_order(finer: str, coarser: str, host: str) -> None:
    finer, coarser = f"name: finer, {finer}, via: direct", f"name: coarser, {coarser}, via: blocked"
    assert ruled(policy(finer, coarser), host or "x.example") == "finer"
    assert ruled(policy(coarser, finer), host or "x.example") == "finer"


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),  # the same address in IPv6 form
        ("::ffff:10.0.0.0/104", "10.0.0.1", True),
        ("*.1", "10.0.0.1", None),
        ("*.example", "10.0.0.1", False),
        ("fd00::1", "FD00:0:0::1", True),
        ("fd00::1", "[fd00::1]:443", True),
        ("0.0.0.0/0", "fd00::1", False),
        ("0.0.0.0/0", "x.example", False),
        ("*", "fd00::1", True),
        ("bücher.example", "BÜCHER.example", True),
        ("bücher.example", "xn--bcher-kva.example", False),
        ("_dns.example", "_DNS.example", True),
    ],
)
def test_hosts_are_compared_as_what_they_are(pattern: str, host: str, matches: object) -> None:
    if matches is None:
        with pytest.raises(ValueError, match="number"):
            HostPattern.parse(pattern)
        return
    found = policy(f"to: {{hosts: ['{pattern}']}}, via: direct")
    assert (ruled(found, host) == "r0") is matches


@pytest.mark.parametrize(
    ("pattern", "workload", "matches"),
    [
        ("cart", "Deployment/cart", True),
        ("cart", "StatefulSet/cart", True),
        ("Deployment/cart", "Deployment/cart", True),
        ("Deployment/cart", "StatefulSet/cart", False),
        ("Deployment/*", "Deployment/anything", True),
        ("*/cart", "Job/cart", True),
        ("cart", "Deployment/cart2", False),
        ("cart?", "Deployment/cart2", True),
        ("*", "Deployment/cart", True),
    ],
)
def test_workloads_are_names_with_or_without_their_kind(pattern: str, workload: str, matches: object) -> None:
    found = policy(f"to: {{hosts: ['*']}}, from: {{workloads: ['{pattern}']}}, via: direct")
    assert (ruled(found, "x.example", 443, f"shop/{workload}") == "r0") is matches


def test_twins_that_say_the_same_way_are_no_contradiction_and_the_graver_one_is_named() -> None:
    rule = "to: {hosts: [x.example]}, via: blocked"
    found = policy(f"name: a, {rule}, severity: low", f"name: b, {rule}, severity: critical")
    decision = found.decide("n", "Deployment/w", "x.example", 443, TODAY)
    assert (decision.rule, decision.severity) == ("b", Severity.CRITICAL)


# ---------------------------------------------------------------- what is not known is not guessed


@pytest.mark.parametrize(
    ("namespace", "workload", "host", "port"),
    [
        ("shop", "Deployment/cart", "x.example", None),
        ("shop", "", "x.example", 443),
        ("", "", "x.example", 443),
        ("shop", "Deployment/cart", "", 443),
        ("shop", "Deployment/cart", "*.example", 443),
        ("shop", "Deployment/cart", "*", 443),
    ],
)
def test_where_too_little_is_known_to_tell_which_rule_holds_nothing_is_decided(
    namespace: str, workload: str, host: str, port: int | None
) -> None:
    found = policy(
        "to: {hosts: ['*']}, via: gateway",
        "to: {hosts: [x.example], ports: [443]}, from: {namespaces: [shop], workloads: [cart]}, via: blocked",
    )
    decision = found.decide(namespace, workload, host, port, TODAY)
    assert (decision.expected, decision.rule) == (None, "")
    assert "r1" in decision.because[0]
    # Where all that it may be says the same, it does not matter which it is.
    agreed = policy("to: {hosts: ['*']}, via: gateway", "to: {hosts: [x.example], ports: [443]}, via: gateway")
    assert agreed.decide(namespace, workload, host, port, TODAY).expected is Path.VIA_GATEWAY


def test_a_wildcard_host_of_the_mesh_falls_under_a_rule_that_takes_all_of_it() -> None:
    found = policy("to: {hosts: ['*.wikipedia.org']}, via: gateway", "to: {hosts: [x.example]}, via: blocked")
    assert ruled(found, "*.wikipedia.org") == "r0"
    assert ruled(found, "*.en.wikipedia.org") == "r0"
    assert ruled(found, "*.org") == ""
    assert ruled(policy(), "*.org") == "default"


# ---------------------------------------------------------------- waivers


def waived(*waivers: str) -> Policy:
    listed = "".join(f"  - {{{each}}}\n" for each in waivers)
    return policy("name: r, to: {hosts: [x.example]}, via: gateway", end=f"  waivers:\n{listed}")


@pytest.mark.parametrize(
    ("day", "namespace", "workload", "reason"),
    [
        ("2027-01-31", "legacy", "Deployment/a", "CHG"),  # the last day counts
        ("2027-02-01", "legacy", "Deployment/a", None),
        ("2027-01-31", "legacy2", "Deployment/a", None),
        ("2027-01-31", "old", "Deployment/a", None),
        ("2027-01-31", "old", "Job/batch-7", "JOB"),
        ("2027-01-31", "", "", None),  # nobody knows who it was, so nobody excused it
    ],
)
def test_a_waiver_excuses_its_workloads_up_to_its_last_day(
    day: str, namespace: str, workload: str, reason: str | None
) -> None:
    found = waived(
        "rule: r, from: legacy/*, reason: CHG, expires: 2027-01-31",
        "rule: r, from: old/Job/batch-*, reason: JOB, expires: '2027-01-31'",
    )
    decision = found.decide(namespace, workload, "x.example", 443, date.fromisoformat(day))
    assert decision.waived == (Waived(reason, "2027-01-31") if reason else None)


def test_the_default_can_be_waived_where_it_denies() -> None:
    found = waived("rule: default, from: legacy/*, reason: CHG, expires: 2027-01-31")
    assert found.decide("legacy", "Deployment/a", "other.example", 443, TODAY).waived == Waived("CHG", "2027-01-31")
    assert found.decide("legacy", "Deployment/a", "x.example", 443, TODAY).waived is None


def test_what_may_violate_two_rules_is_excused_only_from_both() -> None:
    rules = ("name: a, to: {hosts: [x.example]}, via: blocked", "name: b, to: {hosts: [x.example]}, via: blocked")
    first = "  waivers:\n  - {rule: a, from: old/*, reason: A, expires: 2027-01-31}\n"
    second = "  - {rule: b, from: old/*, reason: B, expires: 2027-01-31}\n"
    asked = ("old", "Deployment/w", "x.example", 443, TODAY)
    assert policy(*rules, end=first).decide(*asked).waived is None
    assert policy(*rules, end=first + second).decide(*asked).waived == Waived("A", "2027-01-31")


def test_a_waiver_of_a_rule_does_not_excuse_what_the_default_may_forbid() -> None:
    found = policy(
        "name: a, to: {hosts: [x.example], ports: [25]}, via: blocked",
        end="  waivers:\n  - {rule: a, from: old/*, reason: A, expires: 2027-01-31}\n",
    )
    assert found.decide("old", "Deployment/w", "x.example", 25, TODAY).waived is not None
    assert found.decide("old", "Deployment/w", "x.example", None, TODAY).waived is None


def test_expired_and_unused_rules_and_waivers_are_told() -> None:
    found = waived(
        "rule: r, from: a/*, reason: OLD, expires: 2026-02-28",
        "rule: r, from: b/*, reason: NEW, expires: 2026-03-01",
        "rule: r, from: c/*, reason: USED, expires: 2026-03-01",
    )
    assert found.expired_waivers(TODAY) == (("r", Waived("OLD", "2026-02-28")),)
    used = {("r", Waived("USED", "2026-03-01"))}
    assert found.unused_waivers(used, TODAY) == (("r", Waived("NEW", "2026-03-01")),)
    assert found.unused_rules({"default"}) == ("r",)
    assert found.unused_rules({"r"}) == ()


# ---------------------------------------------------------------- properties

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
        assert all("neither is finer" in each for each in said)


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


# ---------------------------------------------------------------- what is wrong with a file

WRONG = """\
apiVersion: egressaudit.io/v1
kind: EgressPolicy
metadata: {}
spec:
  gateways: [{namespace: istio-egress, nam: gw}]
  rules:
  - name: a
    name: b
    form: {namespaces: [curl]}
    to: {hosts: ["https://x.com"], ports: [0, "80"]}
    via: gatway
  - name: default
    from: {workloads: [deploy/cart]}
    to: {hosts: [x.com], ports: }
    via: blocked
  waivers:
  - {rule: missing, from: legacy, reason: "", expires: 2027-02-31}
  defualt: deny
"""


def test_every_error_is_told_at_once_with_its_line_and_column() -> None:
    assert problems(WRONG) == (
        "p.yaml:1:13: apiVersion: 'egressaudit.io/v1' is not a value here. Did you mean egressaudit.io/v1alpha1?",
        "p.yaml:3:1: metadata.name: is required",
        "p.yaml:5:14: spec.gateways[0].name: is required",
        "p.yaml:5:40: spec.gateways[0].nam: is not a key here. Did you mean name?",
        "p.yaml:8:5: spec.rules[0].name: stands here twice; the first is in line 7",
        "p.yaml:9:5: spec.rules[0].form: is not a key here. Did you mean from?",
        "p.yaml:10:18: spec.rules[0].to.hosts[0]: 'https://x.com' is a URL; name the host alone",
        "p.yaml:10:44: spec.rules[0].to.ports[0]: must be a port from 1 to 65535, and is 0",
        "p.yaml:10:47: spec.rules[0].to.ports[1]: must be a whole number, and is '80'",
        "p.yaml:11:10: spec.rules[0].via: 'gatway' is not a value here. Did you mean gateway?",
        (
            "p.yaml:12:11: spec.rules[1].name: a rule cannot be called default: that is what no rule matches. "
            "Choose another name."
        ),
        (
            "p.yaml:13:24: spec.rules[1].from.workloads[0]: 'deploy/cart' has no kind that Kubernetes has; "
            "write Deployment/cart"
        ),
        "p.yaml:14:33: spec.rules[1].to.ports: must be a list, and is empty",
        "p.yaml:17:12: spec.waivers[0].rule: there is no rule 'missing'. There are a, default.",
        "p.yaml:17:27: spec.waivers[0].from: 'legacy' is not namespace/workload; write legacy/* for all of a namespace",
        "p.yaml:17:43: spec.waivers[0].reason: must not be empty",
        "p.yaml:17:56: spec.waivers[0].expires: '2027-02-31' looks like a date and is none",
        "p.yaml:18:3: spec.defualt: is not a key here. Did you mean default?",
    )


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["to: {hosts: [x.example]}, via: direct", "to: {hosts: [X.EXAMPLE.]}, via: blocked"], "neither is finer"),
        (["to: {hosts: ['*']}, via: direct", "to: {hosts: [a.example, '*']}, via: blocked"], "for * rule r1"),
        (
            [
                "to: {hosts: [x.example]}, from: {workloads: [c*]}, via: direct",
                "to: {hosts: [x.example]}, from: {workloads: ['*t']}, via: blocked",
            ],
            "neither is finer",
        ),
        (
            [
                "to: {hosts: [x.example]}, from: {workloads: [cart]}, via: direct",
                "to: {hosts: [x.example]}, from: {workloads: [Deployment/cart]}, via: blocked",
            ],
            "neither is finer",
        ),
        (
            [
                "to: {hosts: [x.example], ports: [80, 443]}, via: direct",
                "to: {hosts: [x.example], ports: [443]}, via: gateway",
            ],
            "port 443",
        ),
        (
            [
                "to: {hosts: [x.example]}, via: gateway, gateways: [{namespace: e, name: one}]",
                "to: {hosts: [x.example]}, via: gateway, gateways: [{namespace: e, name: two}]",
            ],
            "e/two, rule r0 via-gateway e/one",
        ),
        (
            ["name: r, to: {hosts: [a.example]}, via: direct", "name: r, to: {hosts: [b.example]}, via: direct"],
            "already",
        ),
        (["to: {hosts: [x.example]}, via: direct, gateways: [{namespace: e, name: one}]"], "has no gateways"),
        (["to: {hosts: [x.example]}, via: gateway, gateways: [{namespace: e, name: ones}]"], "Did you mean e/one"),
        (["to: {hosts: [x.example]}, from: {namespaces: []}, via: direct"], "must not be empty"),
        (["to: {hosts: []}, via: direct"], "must not be empty"),
        (["to: {hosts: [x.example], ports: []}, via: direct"], "must not be empty"),
        (["to: {hosts: [x.example]}, from: {namespaces: ['[a]']}, via: direct"], "only * and ? are"),
        (["to: {hosts: [x.example]}, from: {workloads: [Cart]}, via: direct"], "is not a workload"),
        (["to: {hosts: [x.example]}, via: direct, controls: [SC-7]"], "framework/id"),
        (["to: {hosts: [10.0.0.1/8]}, via: direct"], "the network is 10.0.0.0/8"),
        (["to: {hosts: ['a.*.example']}, via: direct"], "whole first label"),
        (["to: {hosts: ['*example']}, via: direct"], "whole first label"),
        (["to: {hosts: ['x.example:443']}, via: direct"], "ports stand under"),
        (["to: {hosts: ['[fd00::1]']}, via: direct"], "brackets"),
        (["to: {hosts: [10.0.0.256]}, via: direct"], "not an IP address"),
        (["to: {hosts: ['']}, via: direct"], "is not a host"),
        (["to: {hosts: ['a b.example']}, via: direct"], "is not a host"),
        (["to: {hosts: x.example}, via: direct"], "must be a list, and is 'x.example'"),
        (["to: {hosts: [x.example]}, via: direct, severity: info"], "critical, high, medium, low"),
        (["to: {hosts: [x.example], ports: [true]}, via: direct"], "must be a whole number, and is True"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_an_error(rules: list[str], said: str) -> None:
    with pytest.raises(PolicyError) as raised:
        policy(*rules)
    assert len(raised.value.problems) == 1
    assert said in raised.value.problems[0]


@pytest.mark.parametrize(
    "rules",
    [
        ["to: {hosts: [x.example], ports: [80]}, via: direct", "to: {hosts: [x.example], ports: [443]}, via: blocked"],
        ["to: {hosts: [x.example], ports: [80]}, via: direct", "to: {hosts: [x.example]}, via: blocked"],
        ["to: {hosts: ['*.a.example']}, via: direct", "to: {hosts: ['*.b.example']}, via: blocked"],
        [
            "to: {hosts: [x.example]}, from: {workloads: [ca*]}, via: direct",
            "to: {hosts: [x.example]}, from: {workloads: [cb*]}, via: blocked",
        ],
        [
            "to: {hosts: [x.example]}, from: {workloads: [Job/cart]}, via: direct",
            "to: {hosts: [x.example]}, from: {workloads: [Deployment/cart]}, via: blocked",
        ],
    ],
)
def test_rules_that_never_meet_do_not_contradict_each_other(rules: list[str]) -> None:
    assert len(policy(*rules).rules) == 2


def test_a_contradiction_is_found_among_many_rules_for_one_host() -> None:
    rules = [
        f"to: {{hosts: ['*']}}, from: {{namespaces: [n{n % 3}], workloads: [w{n}]}}, via: {via}"
        for n, via in enumerate(["blocked", "direct"] * 200)
    ]
    assert len(policy(*rules).rules) == 400
    with pytest.raises(PolicyError) as raised:
        policy(*rules, "to: {hosts: ['*']}, from: {namespaces: [n0], workloads: [Deployment/w300]}, via: direct")
    assert len(raised.value.problems) == 1
    assert "rule r400 says direct, rule r300 blocked" in raised.value.problems[0]


def test_a_rule_through_a_gateway_needs_gateways_to_be_named() -> None:
    text = ISSUE.replace("  gateways: [{namespace: istio-egress, name: istio-egressgateway}]\n", "")
    assert problems(text) == (
        (
            "p.yaml:10:10: spec.rules[0].via: spec.gateways names none, so nothing can carry it. "
            "List the allowed ones in spec.gateways."
        ),
    )


@pytest.mark.parametrize("default", ["allow", "mesh"])
def test_what_a_default_does_not_forbid_cannot_be_waived(default: str) -> None:
    end = f"  default: {default}\n  waivers: [{{rule: default, from: a/*, reason: x, expires: 2027-01-31}}]\n"
    assert "forbids nothing" in problems(f"{HEAD}{end}")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "p.yaml:1:1: the file is empty"),
        (b"# nothing\n", "p.yaml:1:1: the file is empty"),
        (
            b"a: [1\nb: 2\n",
            "p.yaml:2:2: is not YAML: expected , or ] here, for the [ in line 1, column 4 is still open",
        ),
        (b"- {a: [b\n", "p.yaml:1:7: is not YAML: [ is never closed"),
        (b"a: [1, }]\n", "p.yaml:1:8: is not YAML: "),
        (b"a: }\n", "p.yaml:1:4: is not YAML: } stands where a value is expected"),
        (b"a: 'x\n", "p.yaml:1:4: is not YAML: the quote ' is never closed"),
        (b'a: "x\\q"\n', "p.yaml:1:6: is not YAML: \\ begins an escape that does not exist"),
        (b'a: "x\\u12"\n', "p.yaml:1:6: is not YAML: \\ begins an escape that does not exist"),
        (b"a: 'it's'\n", "p.yaml:1:8: is not YAML: neither a key nor an entry"),
        (b"\ta: 1\n", "p.yaml:1:1: is not YAML: a tab cannot indent"),
        (b"a: 1\n\tb: 1\n", "p.yaml:2:1: is not YAML: a tab cannot indent"),
        ("é: 1\nb: ü\x00\n".encode(), "p.yaml:2:5: is not YAML: the character '\\x00' is not allowed"),
        (b"hosts: [*.a.example]\n", "p.yaml:1:9: is not YAML: * begins an alias, and this is none. Put the value into"),
        (b"a: !x!y z\n", "p.yaml:1:4: is not YAML: ! begins a tag"),
        (b"a: |x\n", "p.yaml:1:4: is not YAML: | begins a text of several lines"),
        (b"a: @x\n", "p.yaml:1:4: is not YAML: a value cannot begin with @. Put the value into quotes."),
        (b"%YAML 2.0\n---\na: 1\n", "p.yaml:1:1: is not YAML: % cannot begin a line"),
        (b"a: b: c\n", "p.yaml:1:5: is not YAML: a key and its : cannot stand here"),
        (b"a: 1\n- b\n", "p.yaml:2:1: is not YAML: neither a key nor an entry of a list can begin here"),
        (b"a: 1\nb\n", "p.yaml:2:1: is not YAML: the file ends before this is complete"),
        (b"a: &x 1\nb: }\n", "p.yaml:1:4: anchor &x is not read"),
        (b"a: 1\nb: \xff\n", "p.yaml:2:1: the file is not UTF-8"),
        (b"- a\n", "must be a mapping"),
        (b"null\n", "is empty"),
        (b"a: &x 1\nb: *x\n", "p.yaml:1:4: anchor &x is not read"),
        (b"a: 1\n---\nb: 1\n", "p.yaml:2:1: a second document begins here"),
        (b"a: !!python/object:os.system x\n", "has the tag"),
        (b"a: !mine {b: 1}\n", "has the tag '!mine'"),
        (b"1: x\n", "a key that is not text"),
        (b"? [a]\n: x\n", "a key that is not text"),
        (b"apiVersion: egressaudit.io/v1alpha1\nkind: Policy\n", "kind: 'Policy' is not a value here"),
        (b"[" * 100_000, "p.yaml:1:17: this is nested more than 16 levels deep"),
        (b"a: " + b"[" * 17, "p.yaml:1:19: this is nested more than 16 levels deep"),
        (b"{a: " * 100_000, "p.yaml:1:65: this is nested more than 16 levels deep"),
        (b"- " * 50_000, "p.yaml:1:33: this is nested more than 16 levels deep"),
        (b"a: !!bool x\n", "'x' looks like a truth value and is none"),
        (b"a: !!timestamp x\n", "'x' looks like a date and is none"),
        (b"a: !!int ''\n", "'' looks like a number and is none"),
        (b"a: " + b"9" * 5000 + b"\n", "looks like a number"),
        (b"a: " + b"1" + b":1" * 200_000 + b"\n", "looks like a number"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else "",
)
def test_a_file_that_is_no_policy_is_refused_with_its_place(text: bytes, said: str) -> None:
    assert any(said in each for each in problems(text))


def test_aliases_that_would_fill_the_memory_are_refused_at_once() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
    )
    assert "anchor &a" in problems(bomb)[0]


def test_a_file_of_any_size_is_refused_without_reading_it_all(tmp_path: File) -> None:
    large = tmp_path / "large.yaml"
    with large.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(PolicyError, match="larger than 1 MiB"):
        load_policy(large)


def test_a_thousand_errors_are_counted_and_the_first_are_shown() -> None:
    found = problems("".join(f"k{n}: 1\n" for n in range(1000)))
    assert len(found) == 101
    assert found[-1] == "... and 904 more"


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: File) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / name)


@given(st.binary(max_size=200) | st.text("{}[]:,-*&!|>'\"#\n a1", max_size=60).map(str.encode))
def test_whatever_bytes_come_a_policy_or_a_policy_error_comes_back(data: bytes) -> None:
    error = refusal(data)
    assert error is None or error.message.isprintable()
    assert error is None or "\n" not in "".join(error.problems)


def test_a_mark_that_windows_writes_in_front_is_read_over() -> None:
    assert parse_policy(b"\xef\xbb\xbf" + ISSUE.replace("\n", "\r\n").encode()).name == "baseline"


def test_the_starter_is_a_policy() -> None:
    assert parse_policy(STARTER.encode()).name == "baseline"
