"""What a kind of proxy is: its program, its path, its place in a chain, and what people call it."""

from __future__ import annotations

import pytest

from egressaudit.model import Family, Path, Reporter


@pytest.mark.parametrize(
    ("reporter", "family", "path", "place", "noun"),
    [
        (Reporter.SIDECAR, Family.ENVOY, None, "source", "sidecar"),
        (Reporter.EGRESS_GATEWAY, Family.ENVOY, Path.VIA_GATEWAY, "gateway", "egress gateway"),
        (Reporter.WAYPOINT, Family.ENVOY, Path.VIA_WAYPOINT, "waypoint", "waypoint"),
        (Reporter.ZTUNNEL, Family.ZTUNNEL, None, "source", "ztunnel"),
    ],
)
def test_a_reporter_knows_what_it_is(
    reporter: Reporter, family: Family, path: Path | None, place: str, noun: str
) -> None:
    assert (reporter.family, reporter.path, reporter.place, reporter.noun) == (family, path, place, noun)
    assert reporter.at_source is (path is None)


@pytest.mark.parametrize("path", Path)
def test_a_path_through_a_proxy_has_one_kind_of_proxy(path: Path) -> None:
    carriers = [each for each in Reporter if each.path is path]
    assert carriers == ([Reporter.on(path)] if path.value.startswith("via-") else [])
    assert path.word == path.value.removeprefix("via-")
