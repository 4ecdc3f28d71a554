"""What is wrong with a policy file, and where."""

from __future__ import annotations

from pathlib import Path as File

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.policies import HEAD, ISSUE, policy

from egressaudit.bypass import named_attempts
from egressaudit.errors import PolicyError
from egressaudit.policy import STARTER, load_policy, parse_policy


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
        "p.yaml:1:13: apiVersion: 'egressaudit.io/v1' is not allowed here. Did you mean egressaudit.io/v1alpha1?",
        "p.yaml:3:1: metadata.name: is required",
        "p.yaml:5:14: spec.gateways[0].name: is required",
        "p.yaml:5:40: spec.gateways[0].nam: unknown key. Did you mean name?",
        "p.yaml:8:5: spec.rules[0].name: duplicate key; the first one is in line 7",
        "p.yaml:9:5: spec.rules[0].form: unknown key. Did you mean from?",
        "p.yaml:10:18: spec.rules[0].to.hosts[0]: 'https://x.com' is a URL; write only the host",
        "p.yaml:10:44: spec.rules[0].to.ports[0]: must be a port from 1 to 65535, but is 0",
        "p.yaml:10:47: spec.rules[0].to.ports[1]: must be a whole number, but is '80'",
        "p.yaml:11:10: spec.rules[0].via: 'gatway' is not allowed here. Did you mean gateway?",
        (
            "p.yaml:12:11: spec.rules[1].name: a rule cannot be called default: that name means that no rule matched. "
            "Choose another name."
        ),
        ("p.yaml:13:24: spec.rules[1].from.workloads[0]: 'deploy/cart' has an unknown kind; write Deployment/cart"),
        "p.yaml:14:33: spec.rules[1].to.ports: must be a list, but is empty",
        "p.yaml:17:12: spec.waivers[0].rule: unknown rule 'missing'. The known ones are a, default.",
        (
            "p.yaml:17:27: spec.waivers[0].from: 'legacy' is not namespace/workload; "
            "write legacy/* for the whole namespace"
        ),
        "p.yaml:17:43: spec.waivers[0].reason: must not be empty",
        "p.yaml:17:56: spec.waivers[0].expires: '2027-02-31' looks like a date but isn't one",
        "p.yaml:18:3: spec.defualt: unknown key. Did you mean default?",
    )


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            ["to: {hosts: [x.example]}, via: direct", "to: {hosts: [X.EXAMPLE.]}, via: blocked"],
            "neither is more specific",
        ),
        (["to: {hosts: ['*']}, via: direct", "to: {hosts: [a.example, '*']}, via: blocked"], "for *, rule r1"),
        (
            [
                "to: {hosts: [x.example]}, from: {workloads: [c*]}, via: direct",
                "to: {hosts: [x.example]}, from: {workloads: ['*t']}, via: blocked",
            ],
            "neither is more specific",
        ),
        (
            [
                "to: {hosts: [x.example]}, from: {workloads: [cart]}, via: direct",
                "to: {hosts: [x.example]}, from: {workloads: [Deployment/cart]}, via: blocked",
            ],
            "neither is more specific",
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
            "e/two, rule r0 says via-gateway e/one",
        ),
        (
            ["name: r, to: {hosts: [a.example]}, via: direct", "name: r, to: {hosts: [b.example]}, via: direct"],
            "already",
        ),
        (["to: {hosts: [x.example]}, via: direct, gateways: [{namespace: e, name: one}]"], "cannot have gateways"),
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
        (["to: {hosts: ['x.example:443']}, via: direct"], "put ports under"),
        (["to: {hosts: ['[fd00::1]']}, via: direct"], "brackets"),
        (["to: {hosts: [10.0.0.256]}, via: direct"], "not an IP address"),
        (["to: {hosts: ['']}, via: direct"], "is not a host"),
        (["to: {hosts: ['a b.example']}, via: direct"], "is not a host"),
        (["to: {hosts: x.example}, via: direct"], "must be a list, but is 'x.example'"),
        (["to: {hosts: [x.example]}, via: direct, severity: info"], "critical, high, medium, low"),
        (["to: {hosts: [x.example], ports: [true]}, via: direct"], "must be a whole number, but is True"),
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
    assert "rule r400 says direct, rule r300 says blocked" in raised.value.problems[0]


def test_a_rule_through_a_gateway_needs_gateways_to_be_named() -> None:
    text = ISSUE.replace("  gateways: [{namespace: istio-egress, name: istio-egressgateway}]\n", "")
    assert problems(text) == (
        (
            "p.yaml:10:10: spec.rules[0].via: spec.gateways is empty, so nothing can carry this traffic. "
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
            "p.yaml:2:2: is not YAML: expected , or ] here, because the [ in line 1, column 4 is still open",
        ),
        (b"- {a: [b\n", "p.yaml:1:7: is not YAML: [ is never closed"),
        (b"a: [1, }]\n", "p.yaml:1:8: is not YAML: "),
        (b"a: }\n", "p.yaml:1:4: is not YAML: found } where a value is expected"),
        (b"a: 'x\n", "p.yaml:1:4: is not YAML: the quote ' is never closed"),
        (b'a: "x\\q"\n', "p.yaml:1:6: is not YAML: \\ starts an unknown escape"),
        (b'a: "x\\u12"\n', "p.yaml:1:6: is not YAML: \\ starts an unknown escape"),
        (b"a: 'it's'\n", "p.yaml:1:8: is not YAML: neither a key nor a list entry"),
        (b"\ta: 1\n", "p.yaml:1:1: is not YAML: a tab cannot indent"),
        (b"a: 1\n\tb: 1\n", "p.yaml:2:1: is not YAML: a tab cannot indent"),
        ("é: 1\nb: ü\x00\n".encode(), "p.yaml:2:5: is not YAML: the character '\\x00' is not allowed"),
        (
            b"hosts: [*.a.example]\n",
            "p.yaml:1:9: is not YAML: * starts an alias, and this isn't one. Put the value into",
        ),
        (b"a: !x!y z\n", "p.yaml:1:4: is not YAML: ! starts a tag"),
        (b"a: |x\n", "p.yaml:1:4: is not YAML: | starts a multi-line text"),
        (b"a: @x\n", "p.yaml:1:4: is not YAML: a value cannot start with @. Put the value into quotes."),
        (b"%YAML 2.0\n---\na: 1\n", "p.yaml:1:1: is not YAML: % cannot start a line"),
        (b"a: b: c\n", "p.yaml:1:5: is not YAML: a key and its : are not allowed here"),
        (b"a: 1\n- b\n", "p.yaml:2:1: is not YAML: neither a key nor a list entry can start here"),
        (b"a: 1\nb\n", "p.yaml:2:1: is not YAML: the file ends before this is complete"),
        (b"a: &x 1\nb: }\n", "p.yaml:1:4: anchor &x is not allowed"),
        (b"a: 1\nb: \xff\n", "p.yaml:2:1: the file is not UTF-8"),
        (b"- a\n", "must be a mapping"),
        (b"null\n", "is empty"),
        (b"a: &x 1\nb: *x\n", "p.yaml:1:4: anchor &x is not allowed"),
        (b"a: 1\n---\nb: 1\n", "p.yaml:2:1: a second document starts here"),
        (b"a: !!python/object:os.system x\n", "has the tag"),
        (b"a: !mine {b: 1}\n", "has the tag '!mine'"),
        (b"1: x\n", "a key that is not text"),
        (b"? [a]\n: x\n", "a key that is not text"),
        (b"apiVersion: egressaudit.io/v1alpha1\nkind: Policy\n", "kind: 'Policy' is not allowed here"),
        (b"[" * 100_000, "p.yaml:1:17: this is nested more than 16 levels deep"),
        (b"a: " + b"[" * 17, "p.yaml:1:19: this is nested more than 16 levels deep"),
        (b"{a: " * 100_000, "p.yaml:1:65: this is nested more than 16 levels deep"),
        (b"- " * 50_000, "p.yaml:1:33: this is nested more than 16 levels deep"),
        (b"a: !!bool x\n", "'x' looks like a boolean but isn't one"),
        (b"a: !!timestamp x\n", "'x' looks like a date but isn't one"),
        (b"a: !!int ''\n", "'' looks like a number but isn't one"),
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


NOTHING_THERE = "rule free says direct, so there is nothing to get around"
NO_WAY_AROUND = """\
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: a}
spec:
  gateways: [{namespace: egress, name: gw}]
  rules:
  - {name: docs, to: {hosts: [docs.example.com]}, via: gateway}
  - {name: free, to: {hosts: [free.example.com]}, via: direct}
  bypass: BYPASS
"""


# One row: the bypass section, and what is wrong with it.
@pytest.mark.parametrize(
    ("section", "errors"),
    [
        ("{}", ()),
        ("{rules: [docs], with: [uid-1337, host-network]}", ()),
        (
            "{rules: [doc, free, 7]}",
            (
                "p.yaml:9:20: spec.bypass.rules[0]: unknown rule 'doc'. Did you mean docs?",
                f"p.yaml:9:25: spec.bypass.rules[1]: {NOTHING_THERE}. Remove it here.",
                "p.yaml:9:31: spec.bypass.rules[2]: must be text, but is 7. Put it into quotes.",
            ),
        ),
        ("{rules: []}", ("p.yaml:9:19: spec.bypass.rules: must not be empty",)),
        (
            "{with: [uid-0]}",
            ("p.yaml:9:19: spec.bypass.with[0]: 'uid-0' is not allowed here. Did you mean uid-1337?",),
        ),
        ("{rule: [docs]}", ("p.yaml:9:12: spec.bypass.rule: unknown key. Did you mean rules?",)),
        ("[docs]", ("p.yaml:9:11: spec.bypass: must be a mapping of keys, but is a list",)),
    ],
)
def test_the_bypass_section_names_rules_and_attempts_that_there_are(section: str, errors: tuple[str, ...]) -> None:
    text = NO_WAY_AROUND.replace("BYPASS", section)
    assert (problems(text) if errors else ()) == errors
    if not errors:
        found = parse_policy(text.encode()).bypass
        assert found is not None
        assert found.rules == ({"docs"} if "docs" in section else set())
        assert found.named <= set(named_attempts())
    assert parse_policy(NO_WAY_AROUND.replace("  bypass: BYPASS\n", "").encode()).bypass is None


def test_the_policys_names_of_attempts_are_those_of_the_catalogue() -> None:
    text = NO_WAY_AROUND.replace("BYPASS", f"{{with: [{', '.join(named_attempts())}]}}")
    found = parse_policy(text.encode()).bypass
    assert found is not None
    assert found.named == set(named_attempts())
