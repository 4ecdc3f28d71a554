"""Label selectors: each row's answer is that of apimachinery's own `labels.Parse` and `Matches`."""

from __future__ import annotations

import pytest
from support.scenarios import mesh as scenario_mesh

from egressaudit.errors import NotFound, UsageError
from egressaudit.model import ObjectRef
from egressaudit.probe.source import SourceChoice, chosen_pod
from egressaudit.selectors import Selector

LABELS = {"app": "shop", "tier": "back", "empty": "", "size": "12", "example.com/part-of": "x", "in": "in"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("app=shop", True),
        ("app==shop", True),
        ("app=cart", False),
        ("missing=shop", False),
        ("app!=shop", False),
        ("app!=cart", True),
        ("missing!=shop", True),
        ("app in (shop,cart)", True),
        ("app in(cart)", False),
        ("missing in (shop)", False),
        ("app notin (shop, cart)", False),
        ("app notin (cart)", True),
        ("missing notin (shop)", True),
        ("app", True),
        ("missing", False),
        ("!app", False),
        ("!missing", True),
        ("! missing", True),
        ("app=shop,tier!=front,!missing", True),
        ("app=shop,tier=front", False),
        (" app = shop ,\ttier in ( back ) ", True),
        # The empty text is a value: of a label that has it, not of one that is absent.
        ("empty=", True),
        ("app=,tier", False),
        ("missing=", False),
        ("missing!=", True),
        ("empty in ()", True),
        ("empty in (x,)", True),
        ("empty in (,x)", True),
        ("app in (x,,shop)", True),
        ("app notin ()", True),
        # Words of the syntax are keys and values too.
        ("in in (in)", True),
        ("in=in", True),
        ("in", True),
        ("notin notin (in)", True),
        ("size>11", True),
        ("size>12", False),
        ("size<13", True),
        ("app>1", False),
        ("missing<1", False),
        ("example.com/part-of=x", True),
        ("app=shop,app=cart", False),
    ],
)
def test_what_a_selector_matches(text: str, *, matches: bool) -> None:
    assert Selector.parse(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        (",", "expected a label's key, found ','"),
        ("app=shop,", "expected a label's key at the end"),
        (",app=shop", "expected a label's key, found ','"),
        ("app=shop,,tier", "expected a label's key, found ','"),
        ("=shop", "expected a label's key, found '='"),
        ("!", "expected a label's key at the end"),
        ("!!app", "expected a label's key, found '!'"),
        ("!app=shop", "expected a comma or the end, found '='"),
        ("app shop", "expected =, ==, !=, in, notin, > or < after 'app', found 'shop'"),
        ("app!shop", "found '!'"),
        ("app=shop cart", "expected a comma or the end, found 'cart'"),
        ("app=shop=cart", "expected a comma or the end, found '='"),
        ("app===shop", "expected a label's value, found '='"),
        ("app=!shop", "expected a label's value, found '!'"),
        ("app in shop", "in needs its values in parentheses"),
        ("app in", "in needs its values in parentheses"),
        ("app in (shop", "expected a comma or ) after 'shop'"),
        ("app in (shop cart)", "expected a comma or ) after 'shop'"),
        ("app in (shop=cart)", "expected a comma or ) after 'shop'"),
        ("app in (!shop)", "expected a label's value, found '!'"),
        ("app in (shop) tier", "expected a comma or the end, found 'tier'"),
        ("app IN (shop)", "found 'IN'"),
        ("app=)", "expected a comma or the end, found ')'"),
        ("size>big", "> needs a whole number, found 'big'"),
        ("size>9223372036854775808", "> needs a whole number"),
        ("size>", "> needs a whole number, found ''"),
        ("-app=shop", "'-app' cannot be a label's key"),
        ("app=-shop", "'-shop' cannot be a label's value"),
        ("app=shöp", "'shöp' cannot be a label's value"),
        ("app=a/b", "'a/b' cannot be a label's value"),
        (f"app={'a' * 64}", "cannot be a label's value"),
        (f"{'a' * 64}=b", "cannot be a label's key"),
        ("/app=shop", "'/app' cannot be a label's key"),
        ("a/b/c=shop", "'a/b/c' cannot be a label's key"),
        ("Example.com/app=shop", "'Example.com/app' cannot be a label's key"),
        (f"{'a.' * 126}aa/app", "cannot be a label's key"),
    ],
)
def test_a_malformed_selector_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        Selector.parse(text)
    assert refused.value.message.startswith(f"-l {text!r} is not a label selector: ")
    assert said in refused.value.message
    assert "app!=shop" in refused.value.hint


def test_a_selector_is_shown_as_it_was_written() -> None:
    assert str(Selector.parse("app in (b, a)")) == "app in (b, a)"


# ---------------------------------------------------------------- where it chooses a source


def choice(selector: str) -> SourceChoice:
    return SourceChoice(None, Selector.parse(selector), None, "curl")


@pytest.mark.parametrize("selector", ["app=curl", "app", "app!=shop", "app in (shop,curl)", "!missing"])
def test_verify_sends_from_a_pod_that_the_selector_matches(selector: str) -> None:
    assert chosen_pod(scenario_mesh("istio-apis"), choice(selector)).ref == ObjectRef("curl", "curl-5d8f-0")


@pytest.mark.parametrize("selector", ["app=shop", "app!=curl", "app notin (curl)", "!app"])
def test_verify_says_that_a_selector_matches_no_pod(selector: str) -> None:
    with pytest.raises(NotFound) as none:
        chosen_pod(scenario_mesh("istio-apis"), choice(selector))
    assert none.value.message == f"found no pod for -l {selector!r} in namespace curl"
    assert none.value.hint == "Pods in namespace curl: curl/curl-5d8f-0."
