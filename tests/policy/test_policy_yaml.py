"""A policy that is not YAML is refused in our own words, whichever PyYAML is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.errors import PolicyError
from egressaudit.policy import parse_policy, yaml_text

READERS = ["CSafeLoader", "SafeLoader"]


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as raised:
        parse_policy(text.encode(), "p.yaml")
    return raised.value.problems


def foreign_words(text: str, reader: str) -> list[str]:
    """What PyYAML itself says of a text."""
    try:
        list(yaml.parse(text, Loader=getattr(yaml, reader)))
    except yaml.YAMLError as error:
        said = [getattr(error, name, None) for name in ("problem", "context", "note", "reason")]
        return [str(error), *(each for each in said if each)]
    return []


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("limit", [None, 40, 1000])
def test_what_pyyaml_says_of_deep_nesting_is_never_passed_on(
    reader: str, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyYAML 6.0.4 limits nesting itself; others may do so too, with any words, and without a place."""
    parse = yaml.parse

    def limited(text: str, Loader: Any) -> Iterator[yaml.Event]:  # noqa: N803  # PyYAML's name
        if limit and text.count("[") > limit:
            raise yaml.YAMLError("foreign words")
        yield from parse(text, Loader=Loader)

    monkeypatch.setattr(yaml, "parse", limited)
    monkeypatch.setattr(yaml_text, "_Loader", getattr(yaml, reader))
    deep = "p.yaml:2:19: this is nested more than 16 levels deep"
    assert problems("ä: 1\nb: " + "[" * 2000) == (deep,)
    assert problems("ä: 1\nb: " + "[" * 500 + "]" * 500) == (deep,)


@pytest.mark.parametrize("error", [yaml.YAMLError("foreign words"), RecursionError("foreign words")])
def test_an_error_without_a_place_is_told_in_our_own_words(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(yaml, "compose", refusing)
    assert problems("a: 1\n") == ("p.yaml:1:1: is not YAML. Check its quotes, brackets and indentation.",)


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text("{}[]:,-*&!|>'\"%@#?\\\n\t\x07 au1", max_size=40))
def test_no_words_of_pyyaml_reach_the_user(reader: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_text, "_Loader", getattr(yaml, reader))
        document = yaml_text.read_yaml(text)
    foreign = foreign_words(text, reader)
    assert document.problems or not foreign
    for problem in document.problems:
        assert not any(each in f"{problem.message} {problem.hint}" for each in foreign)
        assert 1 <= problem.line <= text.count("\n") + 1
        assert 1 <= problem.column <= max(map(len, text.split("\n"))) + 1
