"""Inline keys of a kubeconfig are in memory alone."""

from __future__ import annotations

import base64
import ssl
import tempfile
from pathlib import Path

import pytest
import trustme
import yaml
from kubernetes.config import kube_config

from egressaudit.cluster import Cluster
from egressaudit_lab.kube.kubeconfig import kubeconfig


def test_inline_keys_are_never_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, temporary = tmp_path / "kubeconfig", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(tempfile, "mkstemp", None)
    authority = trustme.CA()
    client = authority.issue_cert("client.example.com")
    made = kubeconfig("https://127.0.0.1:1", authority.cert_pem.bytes(), "")
    chain, key = b"".join(each.bytes() for each in client.cert_chain_pems), client.private_key_pem.bytes()
    made["users"][0]["user"] = {
        "client-certificate-data": base64.b64encode(chain).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    file.write_text(yaml.safe_dump(made))
    Cluster.connect(kubeconfig=str(file))
    assert list(temporary.iterdir()) == []
    paths = [kube_config._create_temp_file_with_content(content) for content in (chain, key)]
    assert [Path(each).read_bytes() for each in paths] == [chain, key]
    assert all(each.startswith("/proc/self/fd/") for each in paths)
    # Whole, and again for each connection: OpenSSL reads the pair.
    for _ in range(2):
        ssl.create_default_context().load_cert_chain(*paths)
