"""Manifests: every form that kubectl reads, the line of each field, and an error with its line for what is none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egressaudit.errors import NotFound, UsageError
from egressaudit.evidence.manifests import read_manifests
from egressaudit.evidence.written_places import WrittenPlaces
from egressaudit.model import Fault

EGRESS = """\
# ü: a place counts characters, not bytes
apiVersion: v1
kind: List
items:
  - apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata:
      name: docs
      namespace: egress
    spec:
      hosts: [docs.redhat.com]
      gateways:
        - egress/gw
      http:
        - match: [{port: 80}]
          route:
            - destination: {host: gw}
---
{"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
 "metadata": {"name": "gw"},
 "spec": {"selector": {"istio": "gw"},
          "servers": []}}
---
"""


@pytest.fixture
def egress(tmp_path: Path) -> Path:
    file = tmp_path / "egress.yaml"
    file.write_text(EGRESS, encoding="utf-8")
    return file


def test_documents_lists_and_json_are_read_and_a_namespace_is_added(egress: Path) -> None:
    found = read_manifests([str(egress)], "shop")
    named = [(each.value["kind"], each.value["metadata"]) for each in found]
    assert named == [
        ("VirtualService", {"name": "docs", "namespace": "egress"}),
        ("Gateway", {"name": "gw", "namespace": "shop"}),
    ]


def test_what_has_no_namespace_gets_none(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
    [found] = read_manifests([str(tmp_path)], "shop")
    assert "namespace" not in found.value["metadata"]


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("", 5),
        ("spec.gateways", 12),
        ("spec.http[0]", 15),
        ("spec.http[0].match[0].port", 15),
        ("spec.http[0].route", 16),
        ("spec.http[7].route", 14),
        ("spec.tls[0]", 10),
        ("nothing", 5),
    ],
)
def test_a_field_has_its_line_or_that_of_the_nearest_one_above_it(egress: Path, field: str, line: int) -> None:
    places = WrittenPlaces(read_manifests([str(egress)], "shop"))
    written = places.written(Fault.of("x", "", "VirtualService egress/docs", field=field))
    assert str(written) == f"{egress}:{line}"


def test_fields_of_json_and_of_a_snapshot_have_their_lines_too(egress: Path, tmp_path: Path) -> None:
    places = WrittenPlaces(read_manifests([str(egress)], "shop"))
    assert str(places.written(Fault.of("x", "", "Gateway shop/gw", field="spec.servers"))) == f"{egress}:22"
    objects = [dict(each.value) for each in read_manifests([str(egress)], "shop")]
    snapshot = tmp_path / "mesh.json"
    snapshot.write_text(json.dumps({"version": 1, "objects": objects}, indent=1))
    written = WrittenPlaces((), snapshot).written(Fault.of("x", "", "Gateway shop/gw", field="spec.selector"))
    assert written is not None
    assert snapshot.read_text().splitlines()[written.line - 1].strip() == '"selector": {'


def test_what_is_in_no_file_has_no_place(tmp_path: Path) -> None:
    assert WrittenPlaces().written(Fault.of("x", "", "Gateway a/b")) is None
    assert WrittenPlaces().written(Fault.of("x", "")) is None
    broken = tmp_path / "mesh.json"
    broken.write_text('{"objects": [{"kind": "Gateway"}, nonsense')
    assert WrittenPlaces((), broken).written(Fault.of("x", "", "Gateway a/b")) is None


OBJECT = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no object in "),
        ("---\n---\n# nothing\n", "there is no object in "),
        ("a: [", "f.yaml:1: this is not YAML: "),
        ("\t", "f.yaml:1: this is not YAML: "),
        (f"{OBJECT}---\nkind: Service\n", "f.yaml:5: this object has no apiVersion"),
        (f"{OBJECT}---\n- a\n", "f.yaml:5: this is not a Kubernetes object"),
        ("just text", "f.yaml:1: this is not a Kubernetes object"),
        ("apiVersion: v1\nkind: 7\n", "f.yaml:1: this object has no kind"),
        ("apiVersion: v1\nkind: Service\n", "f.yaml:1: this Service has no metadata.name"),
        ("apiVersion: v1\nkind: Service\nmetadata: 7\n", "f.yaml:1: this Service has no metadata.name"),
        (f"a: &x [1]\nb: *x\n{OBJECT}", "f.yaml:2: aliases (*x) are not read"),
        ("a: " + "[" * 100 + "]" * 100, "f.yaml:1: this is nested more than 64 levels deep"),
        ("a: !!python/object:os.system {}", "f.yaml:1: a value in this object has a tag that does not fit it"),
        ("a: 1\n---\na: !!int x", "f.yaml:1: this object has no apiVersion"),
        (f"{OBJECT}---\na: !!int x", "f.yaml:5: a value in this object has a tag that does not fit it"),
        ("? {a: b}\n: c", "f.yaml:1: a value in this object has a tag that does not fit it"),
    ],
)
def test_what_is_no_manifest_is_an_error_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_manifests([str(file)], "default")
    assert says in caught.value.message
    assert caught.value.hint


ODD = ("a: &x [", "*x", "!!int ", "? ", "{", "]", "\t", "\0", "\ufeff", "\x85", "\u2028")
PIECES = st.sampled_from([*EGRESS.splitlines(keepends=True), *ODD])
ANY = st.one_of(st.text(), st.lists(PIECES).map("".join)).map(lambda text: text.encode("utf-8", "replace"))


@given(ANY | st.binary())
def test_any_bytes_are_manifests_or_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    found, said = (), str(file)
    try:
        found = read_manifests([str(file)], "shop")
    except UsageError as error:
        said = error.message
    assert str(file) in said
    # As YAML counts lines.
    lines = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", data.decode("utf-8", "replace")))
    assert all(1 <= each.place.written("spec.http[0]").line <= lines for each in found)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="is missing"):
        read_manifests([str(tmp_path / "absent.yaml")], "default")
    (tmp_path / "f.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(UsageError, match=r"f.yaml:2: this is not UTF-8"):
        read_manifests([str(tmp_path / "f.yaml")], "default")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"there is no \.yaml, \.yml, \.json file in"):
        read_manifests([str(tmp_path / "empty")], "default")
