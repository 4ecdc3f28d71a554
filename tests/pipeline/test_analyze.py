"""The whole analysis: of every scenario, of files, and of a cluster that may refuse."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.junk import JUNK, junk_objects
from support.mesh import READ, obj, sidecar
from support.scenarios import NAMES, SCENARIOS, scenario
from support.tools import ROOT

from egressaudit.cluster.refusals import Action
from egressaudit.errors import NotFound
from egressaudit.evidence.mesh_file import save_snapshot
from egressaudit.evidence.written_places import WrittenPlaces
from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.mesh.installation import INSTALLATION
from egressaudit.model import Outcome
from egressaudit.model.analysis import AnalyzeReport, ServedApi
from egressaudit.pipeline.analyze import AnalyzeSettings, analyze, analyze_files, analyzed
from egressaudit.probe import ProbePodOptions, parse_asked
from egressaudit.probe.source import SourceChoice
from egressaudit.report import render
from egressaudit.report.output_formats import names_of
from egressaudit.selectors import Selector

OUTCOMES = {
    "ambient": Outcome.PASS,
    "bypass-closed": Outcome.PASS,
    "bypass-open": Outcome.PASS,
    "forged": Outcome.PASS,
    "gateway-api": Outcome.PASS,
    "gateway-down": Outcome.INCONCLUSIVE,
    "istio-apis": Outcome.PASS,
    "logging-off": Outcome.INCONCLUSIVE,
    "mesh-gateway-missing": Outcome.FAIL,
    "no-service-entry": Outcome.PASS,
    "no-sidecar": Outcome.PASS,
    "noisy": Outcome.PASS,
    "rbac-denied": Outcome.INCONCLUSIVE,
    "redirect-escapes": Outcome.PASS,
    "registry-only": Outcome.PASS,
    "tls-passthrough": Outcome.PASS,
    "upstream-down": Outcome.PASS,
    "waypoint-gateway": Outcome.PASS,
    "waypoint-ignored": Outcome.PASS,
    "whole-mesh": Outcome.FAIL,
}


def complete(name: str) -> Mesh:
    """The snapshot of a scenario of which everything was read."""
    return Mesh.of(scenario(name), READ)


def of(snapshot: Mesh, **settings: Any) -> AnalyzeReport:
    return analyzed(snapshot, AnalyzeSettings(**settings), WrittenPlaces())


@pytest.mark.parametrize("name", NAMES)
def test_each_scenario_has_the_outcome_of_what_it_declares(name: str) -> None:
    assert of(complete(name)).outcome is OUTCOMES[name]


@pytest.mark.parametrize("name", NAMES)
def test_manifests_alone_declare_what_the_cluster_does_that_they_are_deployed_to(name: str) -> None:
    """But for what only a cluster has: which pods are ready."""
    files = [str(SCENARIOS / name / each) for each in ("applied.yaml", "cluster.yaml")]
    found = analyze_files(None, files, AnalyzeSettings())
    shown = {(way.host, way.port, way.path, way.via, way.sources) for way in found.ways}
    deployed = {(way.host, way.port, way.path, way.via, way.sources) for way in of(complete(name)).ways}
    assert shown == deployed
    if name != "gateway-down":
        assert found.outcome is OUTCOMES[name]


def test_the_report_in_the_documents_is_the_one_of_the_scenario() -> None:
    shown = (ROOT / "docs" / "analyze.md").read_text("utf-8")
    _, _, rest = shown.partition("<!-- analyze: mesh-gateway-missing -->\n```\n")
    block = rest.partition("```")[0]
    with contextlib.chdir(SCENARIOS / "mesh-gateway-missing"):
        report = analyze_files(None, ["applied.yaml", "cluster.yaml"], AnalyzeSettings())
    assert block
    assert " ".join(block.split()) in " ".join(str(render(report, "text")).split())


# ---------------------------------------------------------------- what was asked

SHOP = complete("whole-mesh")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([], ["docs.redhat.com:80", "httpbin.org:80"]),
        (["docs.redhat.com"], ["docs.redhat.com:80"]),
        (["docs.redhat.com:443"], ["docs.redhat.com:443"]),
        (["https://docs.redhat.com/a"], ["docs.redhat.com:443"]),
        (["nowhere.example.com"], ["nowhere.example.com:80"]),
        (["DOCS.redhat.com.", "httpbin.org"], ["docs.redhat.com:80", "httpbin.org:80"]),
    ],
)
def test_which_hosts_are_looked_at(asked: list[str], found: list[str]) -> None:
    report = of(SHOP, hosts=tuple(map(parse_asked, asked)))
    assert sorted({f"{way.host}:{way.port}" for way in report.ways}) == found


@pytest.mark.parametrize(
    ("settings", "groups"),
    [
        ({}, ["curl (sidecar)", "payments (ambient)", "shop (sidecar)"]),
        ({"only": "shop"}, ["shop (sidecar)"]),
        ({"sources": (SourceChoice("deploy/ledger", None, None, "payments"),)}, ["payments (ambient)"]),
        ({"sources": (SourceChoice("deploy/batch", None, None, "legacy"),)}, ["legacy (not captured)"]),
        ({"sources": (SourceChoice(None, Selector.parse("app=checkout"), None, "shop"),)}, ["shop (sidecar)"]),
        ({"only": "nowhere"}, ["nowhere (sidecar)"]),
    ],
)
def test_which_sources_are_looked_at(settings: dict[str, Any], groups: list[str]) -> None:
    assert [each.name for each in of(SHOP, **settings).groups] == groups


def test_a_source_that_the_mesh_does_not_capture_goes_around_whatever_is_declared() -> None:
    report = of(SHOP, sources=(SourceChoice("deploy/batch", None, None, "legacy"),))
    assert report.outcome is Outcome.FAIL
    assert "not-captured" in {each.fault.slug for each in report.faults}


def test_a_source_that_is_not_there_is_an_error() -> None:
    with pytest.raises(NotFound, match="found no pod for --from deploy/nobody in namespace shop"):
        of(SHOP, sources=(SourceChoice("deploy/nobody", None, None, "shop"),))


def test_pods_outside_the_mesh_are_counted_in_a_note() -> None:
    assert any("the mesh does not capture what legacy/batch" in note for note in of(SHOP).notes)


def test_a_mesh_that_names_no_host_passes_nothing() -> None:
    report = of(Mesh.of([sidecar("shop/web-0", "10.0.0.1")], READ))
    assert (report.outcome, report.ways) == (Outcome.INCONCLUSIVE, ())
    assert "the mesh names no host outside" in report.notes[-1]


# ---------------------------------------------------------------- files


def test_a_change_is_judged_on_the_snapshot_that_it_would_change(tmp_path: Path) -> None:
    snapshot, change = tmp_path / "mesh.json", tmp_path / "change.yaml"
    save_snapshot(complete("istio-apis").to_json(), snapshot)
    rule = next(each for each in scenario("istio-apis") if each["kind"] == "VirtualService")
    rule["spec"]["gateways"] = [each for each in rule["spec"]["gateways"] if each != "mesh"]
    change.write_text(yaml.safe_dump(rule))
    assert analyze_files(snapshot, (), AnalyzeSettings()).outcome is Outcome.PASS
    changed = analyze_files(snapshot, [str(change)], AnalyzeSettings())
    [found] = changed.faults
    line = change.read_text().splitlines().index("  gateways:") + 1
    assert (changed.outcome, str(found.written)) == (Outcome.FAIL, f"{change}:{line}")


def test_a_fault_of_a_snapshot_has_its_line_there(tmp_path: Path) -> None:
    snapshot = tmp_path / "mesh.json"
    save_snapshot(complete("mesh-gateway-missing").to_json(), snapshot)
    [found] = analyze_files(snapshot, (), AnalyzeSettings()).faults
    assert found.written is not None
    assert snapshot.read_text().splitlines()[found.written.line - 1].strip() == '"gateways": ['


# ---------------------------------------------------------------- a cluster


class StoredCluster:
    """A cluster that has these objects, and that refuses some verbs on some resources."""

    namespace = "default"
    server = "https://api.example:6443"

    def __init__(self, objects: Iterable[dict[str, Any]], refused: Iterable[str] = ()) -> None:
        self._objects = list(objects)
        self._refused = set(refused)
        self.read: tuple[str, ...] = ()
        self.unreadable: tuple[str, ...] = ()

    def objects(self, resources: Iterable[Any]) -> list[dict[str, Any]]:
        wanted = tuple(resources)
        there = [each for each in wanted if each.plural not in self._refused]
        self.read = tuple(each.name for each in there if each.only is None)
        self.unreadable = tuple(f"{each.kind} objects were not read" for each in wanted if each not in there)
        kinds = {(each.group, each.kind) for each in there}
        return [each for each in self._objects if (each["apiVersion"].rpartition("/")[0], each["kind"]) in kinds]

    def further(self, resources: Iterable[Any]) -> list[dict[str, Any]]:
        wanted = {(each.kind, str(each.only)) for each in resources}
        named = (
            (each, f"{each['metadata'].get('namespace', '')}/{each['metadata']['name']}") for each in self._objects
        )
        return [each for each, name in named if (each["kind"], name) in wanted]

    def may(self, actions: Sequence[Action]) -> tuple[bool, ...]:
        return tuple(each.resource not in self._refused for each in actions)

    def apis(self, groups: Iterable[str]) -> tuple[ServedApi, ...]:
        return tuple(ServedApi(each, ("v1",), ()) for each in groups)


SAIL = {
    "apiVersion": "sailoperator.io/v1",
    "kind": "Istio",
    "metadata": {"name": "default"},
    "spec": {"version": "v1.28.0"},
}


def live(cluster: StoredCluster, **settings: Any) -> AnalyzeReport:
    return analyze(cluster, AnalyzeSettings(**settings), lambda _: None)  # type: ignore[arg-type]


def test_a_cluster_says_what_may_be_done_and_what_is_installed() -> None:
    report = live(StoredCluster([*scenario("istio-apis"), SAIL]))
    assert report.outcome is Outcome.PASS
    assert report.live is not None
    assert {each.allowed for each in report.live.permissions} == {True}
    assert report.live.grant == ""
    assert [(each.kind, each.version) for each in report.live.operator] == [("Istio", "v1.28.0")]
    assert "sailoperator.io" in [each.group for each in report.live.apis]


def test_what_may_not_be_read_is_granted_by_what_the_report_shows_and_leaves_it_undecided() -> None:
    report = live(StoredCluster(scenario("istio-apis"), {"telemetries", "istiocnis"}))
    assert report.outcome is Outcome.INCONCLUSIVE
    assert report.live is not None
    [missing] = [each for each in report.live.permissions if each.allowed is False]
    assert (missing.verb, missing.resource, missing.group) == ("list", "telemetries", "telemetry.istio.io")
    [rule] = yaml.safe_load(report.live.grant)["rules"]
    assert rule["resources"] == ["telemetries"]
    assert "IstioCNI objects were not read" in report.notes


def test_of_the_operators_kinds_other_commands_ask_for_those_that_say_where_control_planes_are() -> None:
    asked = {each.kind for each in INSTALLATION} & {each.kind for each in RESOURCES}
    assert asked == {"Istio", "IstioRevision", "ZTunnel"}


@pytest.mark.parametrize(("namespace", "outcome"), [("curl", Outcome.PASS), ("plain", Outcome.FAIL)])
def test_the_probe_pod_is_judged_as_it_would_run(namespace: str, outcome: Outcome) -> None:
    cluster = StoredCluster([*scenario("istio-apis"), obj("Namespace", "plain", "v1")])
    report = live(cluster, namespace=namespace, probe_pod=ProbePodOptions())
    assert report.outcome is outcome
    assert [each.workloads for each in report.groups] == [("Pod/egressaudit-probe",)]


def test_a_probe_pod_needs_a_namespace_that_is_there() -> None:
    with pytest.raises(NotFound, match="found no namespace nowhere"):
        live(StoredCluster(scenario("istio-apis")), namespace="nowhere", probe_pod=ProbePodOptions())


# ---------------------------------------------------------------- objects of any shape


@given(st.lists(junk_objects(), max_size=4), st.sampled_from(names_of("analyze")))
def test_objects_of_any_shape_give_a_report(objects: list[dict[str, Any]], output_format: str) -> None:
    report = of(Mesh.of([*scenario("whole-mesh"), *objects], READ), hosts=(("docs.redhat.com", None),))
    render(report, output_format)


@st.composite
def bent(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A scenario in which some values have a wrong type."""
    objects = scenario(draw(st.sampled_from(["istio-apis", "gateway-api", "ambient", "whole-mesh"])))
    for _ in range(draw(st.integers(1, 4))):
        node: Any = draw(st.sampled_from(objects))
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = draw(st.sampled_from(keys)) if keys else None
            if key is None:
                break
            if not isinstance(node[key], dict | list) or draw(st.booleans()):
                if node is not objects and key not in ("kind", "apiVersion"):
                    node[key] = draw(JUNK)
                break
            node = node[key]
    return objects


@given(bent())
def test_a_configuration_with_wrong_types_gives_a_report(objects: list[dict[str, Any]]) -> None:
    for output_format in names_of("analyze"):
        render(of(Mesh.of(objects, READ)), output_format)
