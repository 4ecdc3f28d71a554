"""The model says what istiod said, of every kept configuration: no Go, no istiod.

`python tools/istiod.py --only SEED/NUMBER` shows a case that fails, reduced to what matters.
"""

from collections import Counter

import pytest

from istiod import kept
from istiod.compare import disagreements
from istiod.draw import KINDS
from istiod.figures import Figures
from istiod.limits import LIMITS


@pytest.fixture(scope="module")
def figures():
    found = Figures()
    for case, answer in kept.read():
        found.add(case, answer, disagreements(case, answer))
    return found


def test_the_model_says_what_istiod_says(figures):
    classes = Counter((each.kind, each.classes) for each in figures.found)
    examples = {
        (each.kind, each.classes): f"{each.case} {each.about}: {each.istiod} | {each.model}" for each in figures.found
    }
    assert not figures.found, "\n".join(f"{count} {examples[key]}" for key, count in classes.most_common(10))


def test_every_named_limit_is_still_one(figures):
    assert bool(LIMITS) == bool(figures.limited)


def test_a_thousand_configurations_are_kept():
    pairs = [*kept.read()]
    assert len(pairs) == kept.CASES
    assert kept.PATH.stat().st_size < 2_000_000
    kinds = Counter(case["kind"] for case, _ in pairs)
    assert {*kinds} == {*KINDS}
    assert min(kinds.values()) >= 50


def test_waypoints_have_tunnels_and_gateways_behind_them():
    said = [
        choice
        for case, answer in kept.read()
        for asked, answered in zip(case["proxies"], answer["proxies"], strict=True)
        for each in answered["answers"]
        for choice in each["choices"]
        if asked["kind"] == "waypoint"
    ]
    assert any(each.get("tunnel") for each in said)
    assert any(to["name"].startswith("outbound|") for each in said for to in each.get("clusters", ()))


def test_istiod_says_everything_that_it_can_say():
    """What proves little if it never happens: each act and each reason, at each kind of proxy that can have it."""
    said = Counter(
        (asked["kind"], choice["act"], choice.get("reason", "").partition(" ")[0])
        for case, answer in kept.read()
        for asked, answered in zip(case["proxies"], answer["proxies"], strict=True)
        for each in answered["answers"]
        for choice in each["choices"]
    )
    for kind, reasons in _REASONS.items():
        for act, reason in reasons:
            assert said[kind, act, reason], (kind, act, reason)


_REASONS = {
    "sidecar": {
        ("send", ""), ("passthrough", ""), ("refuse", "block-all"), ("refuse", "no-cluster"), ("refuse", "no-route"),
        ("answer", "redirect"), ("answer", "fault"), ("answer", "direct-response"),
    },
    "router": {
        ("send", ""), ("refuse", "no-listener"), ("refuse", "no-filter-chain"), ("refuse", "tls-error"),
        ("refuse", "protocol-error"), ("refuse", "no-route"), ("refuse", "no-cluster"), ("answer", "redirect"),
    },
    "waypoint": {
        ("send", ""), ("refuse", "no-filter-chain"), ("refuse", "no-cluster"), ("refuse", "no-route"),
    },
}  # fmt: skip
