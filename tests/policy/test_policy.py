"""What a policy decides: which rule holds, what is not known, who is excused."""

from __future__ import annotations

from datetime import date

import pytest
from support.policies import ISSUE, TODAY, policy

from egressaudit.model import ObjectRef, Path, Severity, Waived
from egressaudit.policy import Policy, parse_policy
from egressaudit.policy.hosts import Host, HostPattern

GATEWAY = ObjectRef("istio-egress", "istio-egressgateway")


WAYPOINT = ObjectRef("egress-gateway", "waypoint")


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
        ("bücher.example", "xn--bcher-kva.example", True),
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


def test_a_name_of_any_length_that_a_sender_writes_is_compared_at_once():
    # Punycode takes the square of a label's length, and no label is longer than 63 (RFC 1035 2.3.4).
    sent = "".join(chr(0x4E00 + n) for n in range(20_000))
    assert Host.of(f"{sent}.example").name == f"{sent}.example"
    assert Host.of("ü" * 63).name.startswith("xn--")


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
