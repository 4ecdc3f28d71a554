"""Kubeconfigs that are read without the official client, each held to what the official client reads of it."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from egressaudit.cluster.api_server import ServerContext
from egressaudit.cluster.official_client import official_context
from egressaudit.cluster.plain_kubeconfig import plain_context

SERVER = "https://api.example.com:6443"
PEM = "-----BEGIN X-----\nYQ==\n-----END X-----\n"
DATA = base64.b64encode(PEM.encode()).decode()


def kubeconfig(cluster: dict[str, Any], user: dict[str, Any], **context: Any) -> dict[str, Any]:
    """One context `x` of a cluster and a user, and one `y` of another cluster."""
    return {
        "clusters": [{"name": "c", "cluster": cluster}, {"name": "d", "cluster": {"server": "https://d.example"}}],
        "users": [{"name": "u", "user": user}, {"name": "v", "user": {"token": "other"}}],
        "contexts": [
            {"name": "x", "context": {"cluster": "c", "user": "u", **context}},
            {"name": "y", "context": {"cluster": "d", "user": "v", "namespace": "shop"}},
        ],
        "current-context": "x",
    }


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def written(folder: Path, document: object) -> Path:
    file = folder / "config"
    file.write_text(yaml.safe_dump(document))
    (folder / "ca.pem").write_text(PEM)
    return file


def facts(found: ServerContext) -> dict[str, object]:
    """What a context says; of files what is in them, for the two readers write files of their own."""
    server = found.server
    files = {each: getattr(server, each) for each in ("ssl_ca_cert", "cert_file", "key_file")}
    return {
        **{key: None if name is None else Path(name).read_text() for key, name in files.items()},
        "context": (found.name, found.namespace),
        "server": (server.host, server.verify_ssl, server.tls_server_name, server.assert_hostname, server.proxy),
        "auth": list(server.auth()),
    }


PLAIN = {
    "as `oc login` writes it": ({"server": SERVER, "insecure-skip-tls-verify": True}, {"token": "sha256~t"}),
    "its CA inside, as kind has it": (
        {"server": SERVER, "certificate-authority-data": DATA},
        {"client-certificate-data": DATA, "client-key-data": DATA},
    ),
    "files beside it, as minikube has it": (
        {"server": SERVER, "certificate-authority": "ca.pem"},
        {"client-certificate": "ca.pem", "client-key": "./ca.pem"},
    ),
    "what is inside counts more than a file": (
        {"server": SERVER, "certificate-authority-data": DATA, "certificate-authority": "/nowhere"},
        {"token": "t"},
    ),
    "another name in TLS": ({"server": SERVER, "tls-server-name": "api.internal"}, {"token": "t"}),
    "a path behind the server, and a slash": ({"server": f"{SERVER}/k8s/c1/"}, {"token": "t"}),
    "no TLS: its certificates are not read": (
        {"server": "http://127.0.0.1:8001", "certificate-authority": "/nowhere"},
        {"token": "t", "client-key": "/nowhere"},
    ),
    "nobody in particular": ({"server": SERVER}, {}),
}


@pytest.mark.parametrize("context", [None, "x", "y"])
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_kubeconfig_means_what_the_official_client_reads_of_it(
    name: str, context: str | None, tmp_path: Path
) -> None:
    file = written(tmp_path, kubeconfig(*PLAIN[name], namespace="ns", extensions=[]))
    plain = plain_context(file, context)
    assert plain is not None
    assert facts(plain) == facts(official_context(str(file), context))


TOKEN = {"token": "t"}
NOT_PLAIN = {
    "a plugin": ({"server": SERVER}, {"exec": {"command": "aws"}}),
    "a provider": ({"server": SERVER}, {"auth-provider": {"name": "oidc"}}),
    "a password": ({"server": SERVER}, {"username": "u", "password": "p"}),
    "a token in a file": ({"server": SERVER}, {"tokenFile": "token"}),
    "a token that is a number": ({"server": SERVER}, {"token": 12345}),
    "an empty token": ({"server": SERVER}, {"token": ""}),
    "impersonation": ({"server": SERVER}, {**TOKEN, "as": "jane"}),
    "a proxy": ({"server": SERVER, "proxy-url": "http://proxy:3128"}, TOKEN),
    "compression switched off": ({"server": SERVER, "disable-compression": True}, TOKEN),
    "no server": ({}, TOKEN),
    "a server without a scheme": ({"server": "api.example.com"}, TOKEN),
    "a CA that is not there": ({"server": SERVER, "certificate-authority": "nowhere.pem"}, TOKEN),
    "a CA that is no base64": ({"server": SERVER, "certificate-authority-data": "%%%"}, TOKEN),
    "a switch that is a text": ({"server": SERVER, "insecure-skip-tls-verify": "false"}, TOKEN),
    "a cluster that is a list": ([SERVER], TOKEN),
}


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_whatever_is_not_plain_is_left_to_the_official_client(name: str, tmp_path: Path) -> None:
    cluster, user = NOT_PLAIN[name]
    assert plain_context(written(tmp_path, kubeconfig(cluster, user)), None) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"current-context": "nowhere"},
        {"current-context": None},
        {"users": []},
        {"clusters": "c"},
        {"contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}] * 2},
    ],
)
def test_a_wrong_kubeconfig_is_left_to_the_official_client_which_says_why(
    change: dict[str, Any], tmp_path: Path
) -> None:
    file = written(tmp_path, kubeconfig({"server": SERVER}, TOKEN) | change)
    assert plain_context(file, None) is None
    assert plain_context(file, "x" if "contexts" in change or "clusters" in change else "nowhere") is None
    assert plain_context(tmp_path / "absent", None) is None


def test_a_proxy_of_the_environment_is_left_to_the_official_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, kubeconfig({"server": SERVER}, TOKEN))
    assert plain_context(file, None) is not None
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert plain_context(file, None) is None


def test_keys_inside_a_kubeconfig_are_ours_alone_and_in_memory(tmp_path: Path) -> None:
    file = written(tmp_path, kubeconfig(*PLAIN["its CA inside, as kind has it"]))
    code = (
        "import os, pathlib, sys; from egressaudit.cluster.plain_kubeconfig import plain_context\n"
        f"server = plain_context(pathlib.Path({str(file)!r}), None).server\n"
        "print(server.key_file, oct(os.stat(server.key_file).st_mode & 0o777))\n"
        "print('kubernetes' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert said[1:] == ["0o600", "False"]
    assert said[0].startswith("/proc/self/fd/")
