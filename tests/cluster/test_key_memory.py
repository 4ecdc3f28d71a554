"""Inline keys of a kubeconfig are in memory alone, whoever reads it."""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import yaml

from egressaudit.cluster import key_memory
from egressaudit.cluster.api_server import ServerContext
from egressaudit.cluster.key_memory import path_of
from egressaudit.cluster.official_client import official_context
from egressaudit.cluster.plain_kubeconfig import plain_context
from egressaudit_lab.kube.kubeconfig import kubeconfig


def officially(file: Path) -> ServerContext | None:
    return official_context(str(file), None)


def plainly(file: Path) -> ServerContext | None:
    return plain_context(file, None)


@pytest.mark.parametrize("read", [officially, plainly])
def test_inline_keys_are_never_files(
    read: Callable[[Path], ServerContext | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, temporary = tmp_path / "kubeconfig", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    authority = trustme.CA()
    client = authority.issue_cert("client.example.com")
    made = kubeconfig("https://127.0.0.1:1", authority.cert_pem.bytes(), "")
    chain, key = b"".join(each.bytes() for each in client.cert_chain_pems), client.private_key_pem.bytes()
    made["users"][0]["user"] = {
        "client-certificate-data": base64.b64encode(chain).decode(),
        "client-key-data": base64.b64encode(key).decode(),
    }
    file.write_text(yaml.safe_dump(made))
    found = read(file)
    assert found is not None
    assert list(temporary.iterdir()) == []
    names = (found.server.ssl_ca_cert, found.server.cert_file, found.server.key_file)
    assert [Path(str(each)).read_bytes() for each in names] == [authority.cert_pem.bytes(), chain, key]
    assert all(str(each).startswith("/proc/self/fd/") for each in names)
    # Whole, and again for each connection: OpenSSL reads the pair.
    for _ in range(2):
        ssl.create_default_context().load_cert_chain(str(names[1]), str(names[2]))


def test_without_such_memory_it_is_a_file_that_only_we_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_memory, "_DESCRIPTORS", tmp_path / "none")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = Path(path_of(b"a key of this test alone"))
    assert file.parent == tmp_path
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"a key of this test alone", 0o600)
