"""The folder of evidence: its names, and files that are whole or does not exist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.probes import SIDECAR_LOG
from support.tools import SAMPLES

from egressaudit.errors import BadLogs, UsageError
from egressaudit.evidence.beside import beside
from egressaudit.evidence.collection import CollectedLog
from egressaudit.evidence.mesh_file import load_mesh, mesh_beside, save_snapshot
from egressaudit.evidence.saved_files import MESH, has_names, is_name, log_path, read_json
from egressaudit.mesh import Mesh, Trust
from egressaudit.model import LogSource

SAMPLE = SAMPLES / "whole-mesh"


@pytest.mark.parametrize("name", ["cart-1", "a", "1", "istio-proxy", "v1.2"])
def test_a_kubernetes_name_may_name_a_file(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "A", "a_b", "-a", "a-", "a\n", "ä"])
def test_nothing_else_may(name: str) -> None:
    assert not is_name(name)
    assert not has_names(LogSource("shop", "cart-1", name))


def test_both_logs_of_a_container_have_their_file() -> None:
    assert log_path(SIDECAR_LOG) == CollectedLog(SIDECAR_LOG).path == f"{SIDECAR_LOG}.log"
    assert log_path(SIDECAR_LOG, previous=True) == CollectedLog(SIDECAR_LOG).previous_path


@pytest.mark.parametrize(
    ("content", "said"), [(None, "is missing"), ("{", "cannot be read"), ("[]", "JSON object"), ("[" * 10**5, "read")]
)
def test_what_is_no_document_is_a_clear_error(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "x.json").write_text(content)
    with pytest.raises(BadLogs, match=said) as caught:
        read_json(tmp_path / "x.json", "Take another.")
    assert caught.value.hint == "Take another."


def test_a_snapshot_is_read_back_and_is_the_same_file_again(tmp_path: Path) -> None:
    mesh = load_mesh(SAMPLE / MESH)
    save_snapshot(mesh.to_json(), tmp_path / MESH)
    again = load_mesh(tmp_path / MESH)
    assert again.to_json() == mesh.to_json()
    save_snapshot(again.to_json(), tmp_path / "second.json")
    assert (tmp_path / "second.json").read_bytes() == (tmp_path / MESH).read_bytes()


def test_a_snapshot_that_is_named_comes_before_one_that_lies_there(tmp_path: Path) -> None:
    save_snapshot({**Mesh.of([]).to_json()}, tmp_path / MESH)
    assert mesh_beside(SAMPLE / MESH, [tmp_path]).pods
    assert not mesh_beside(None, [tmp_path, SAMPLE]).pods
    with pytest.raises(UsageError, match="no mesh snapshot"):
        mesh_beside(None, [tmp_path / "empty"])


def test_only_the_trust_of_this_command_counts_beside_stored_logs(tmp_path: Path) -> None:
    trust = Trust.from_json({"outside": ["10.9.0.0/16"]})
    save_snapshot(Mesh.of([], (), trust).to_json(), tmp_path / MESH)
    assert load_mesh(tmp_path / MESH).trust == trust
    assert mesh_beside(None, [tmp_path]).trust == Trust()


def test_a_folder_gives_its_mesh_and_its_account_and_a_file_only_its_mesh() -> None:
    _, collection = beside((str(SAMPLE),), None)
    assert collection is not None
    assert len(collection.logs) == len(json.loads((SAMPLE / "collection.json").read_text("utf-8"))["logs"])
    log = next(SAMPLE.glob("*/*/*.log"))
    assert beside((str(log),), SAMPLE / MESH)[1] is None
