"""Which cluster a snapshot is of: the server, the UID of kube-system, the proxies' versions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.tools import SAMPLES

from egressaudit.mesh import Mesh, made_from, trim
from egressaudit.mesh.identity import plain_server

UID = "7c0e0b2a-7f0e-4b0e-9a55-0d4c8f6f2a11"
SERVER = "https://api.shop.example:6443"


def namespace(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


def test_a_snapshot_keeps_the_server_and_the_uid_of_kube_system_alone() -> None:
    mesh = Mesh.of([namespace("kube-system", uid=UID), namespace("shop", uid="another")], server=SERVER)
    saved = json.loads(json.dumps(mesh.to_json()))
    assert "another" not in json.dumps(saved)
    again = Mesh.from_json(saved)
    assert again == mesh
    made = made_from(again)
    assert (made.server, made.cluster_uid) == (SERVER, UID)


@pytest.mark.parametrize("uid", [None, 7, "", ["x"], {"a": 1}, "x" * 65, "a b", "\x1b[31m", "<script>"])
def test_what_is_no_uid_is_not_kept(uid: object) -> None:
    kept = trim(namespace("kube-system", uid=uid))
    assert "uid" not in kept["metadata"]
    assert trim(kept) == kept


def test_a_snapshot_of_an_older_version_has_neither_and_can_be_read() -> None:
    mesh = Mesh.from_json(json.loads((SAMPLES / "istio-apis" / "mesh.json").read_text("utf-8")))
    made = made_from(mesh)
    assert (made.server, made.cluster_uid) == ("", "")
    assert made.mesh_versions != ()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (SERVER, SERVER),
        ("https://[::1]:6443/k8s/clusters/c-1", "https://[::1]:6443/k8s/clusters/c-1"),
        ("https://user:password@api:6443", ""),
        ("https://api:6443/?token=secret", ""),
        ("https://api:6443/x@y", ""),
        ("https://api:6443#secret", ""),
        ("javascript:alert(1)", ""),
        ("https://api\x1b[31m", ""),
        ("https://api/<script>", ""),
        ("https://a b", ""),
        (["https://api"], ""),
        (None, ""),
    ],
)
def test_of_a_server_only_an_url_without_credentials_is_read(said: object, kept: str) -> None:
    assert plain_server(said) == kept
    assert Mesh.from_json({"version": 1, "objects": [], "server": said}).server == kept


def test_the_versions_are_the_tags_of_the_proxies_images() -> None:
    saved = json.loads((SAMPLES / "whole-mesh" / "mesh.json").read_text("utf-8"))
    images = iter(["istio/proxyv2:1.27.1", "a:5000/istio/proxyv2:1.26.4", f"istio/proxyv2@sha256:{'a' * 64}"])
    for obj in saved["objects"]:
        for container in obj.get("spec", {}).get("containers", ()) if obj["kind"] == "Pod" else ():
            if container["name"] == "istio-proxy":
                container["image"] = next(images, "istio/proxyv2:1.27.1")
    assert made_from(Mesh.from_json(saved)).mesh_versions == ("1.26.4", "1.27.1")
