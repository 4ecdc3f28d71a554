"""The fixes of a run of many hosts as one file: each object once."""

from __future__ import annotations

from dataclasses import replace

import yaml
from pipeline.test_verify_many import CURL, run
from support.live_mesh import DOCS, LiveMesh

from egressaudit.pipeline.whole_fix import WholeFix, whole_fix


def fixed(*hosts: str) -> WholeFix | None:
    cluster = LiveMesh()
    report, capture = run(cluster, *hosts, sources=(CURL,))
    return whole_fix(report, capture, cluster)  # type: ignore[arg-type]


def objects(found: WholeFix) -> list[tuple[str, str]]:
    made = [each for each in yaml.safe_load_all(found.yaml) if each]
    return [(each["kind"], each["metadata"]["name"]) for each in made]


def test_each_host_that_failed_has_its_fix_in_one_stream() -> None:
    found = fixed(DOCS, "host-1.example.com", "host-2.example.com")
    assert found is not None
    assert [each.code for each in found.causes] == ["EC13", "EC13"]
    assert found.left == ()
    named = objects(found)
    assert len(named) == len(set(named))
    assert found.yaml.count("host-1.example.com") >= 2
    assert found.yaml.count("host-2.example.com") >= 2


def test_two_fixes_of_one_object_are_not_written_over_each_other() -> None:
    cluster = LiveMesh()
    report, capture = run(cluster, "host-1.example.com", "host-2.example.com", sources=(CURL,))
    first, second = report.verdicts
    # The second is about the first host too, with a fix that differs in a comment alone.
    other = first.causes[0].fixes[0]
    twin = replace(first.causes[0], fixes=(replace(other, yaml=f"# twin\n{other.yaml}"),))
    found = whole_fix(replace(report, verdicts=(first, replace(second, causes=(twin,)))), capture, cluster)  # type: ignore[arg-type]
    assert found is not None
    assert ([each.code for each in found.causes], [each.code for each in found.left]) == (["EC13"], ["EC13"])


def test_what_passed_needs_none() -> None:
    assert fixed(DOCS) is None
