"""Credentials are never shown: not the kubeconfig's, not a proxy's, not a plugin's, whatever is wrong with them."""

from __future__ import annotations

import base64
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import yaml
from support.fault_answers import body, status
from support.fault_api import TOKEN, ApiFault, Object, fault_api, kubeconfig

from faults.cluster_runs import leaked, run_here
from faults.harness import Row, a_place, check, for_each_command, reports_of, rows

COMMANDS = {
    "verify": "verify --host docs.redhat.com --from deploy/curl --timeout 3s -o json={place}/report.json",
    "snapshot": "snapshot -o {place}/mesh.json --request-timeout 1s",
    "audit": "audit -A --until 5s -o json={place}/report.json",
    "analyze": "analyze -o json={place}/report.json",
    "cleanup": "cleanup -A",
}

_PODS = r"^GET /api/v1/pods\?"
_B64 = base64.b64encode(b"pr1vate key").decode()


def _config(user: Object | None = None, **cluster: object) -> Callable[[int], str]:
    return lambda port: kubeconfig(f"http://127.0.0.1:{port}", user, **cluster)


def _tls(user: Object | None = None, **cluster: object) -> Callable[[int], str]:
    return lambda port: kubeconfig(f"https://127.0.0.1:{port}", user, **cluster)


def _plugin(code: str) -> Object:
    api = "client.authentication.k8s.io/v1"
    command = {"apiVersion": api, "command": sys.executable, "args": ["-c", code], "interactiveMode": "IfAvailable"}
    return {"exec": command}


_SAYING = "import sys; print('Bearer pr1vate', file=sys.stderr); print('{\"token\": \"pr1vate')"

CONFIGS: dict[str, Callable[[int], str]] = {
    "a token with a newline in it": _config({"token": "pr1vate\r\nX-Evil: 1"}),
    "a token with a newline after it": _config({"token": f"{TOKEN}\n"}),
    "a token that is not ASCII": _config({"token": "pr1vate\u2603"}),
    "a token with a NUL": _config({"token": "pr1vate\0"}),
    "a password in the server's URL": lambda port: kubeconfig(f"http://jane:pr1vate@127.0.0.1:{port}"),
    "a password in the URL of a server that is down": lambda _: kubeconfig(f"http://jane:pr1vate@127.0.0.1:{_free()}"),
    "a password in the URL of a proxy that is down": lambda _: kubeconfig(
        "http://api.example.com", **{"proxy-url": f"http://jane:pr1vate@127.0.0.1:{_free()}"}
    ),
    "a proxy that refuses": lambda port: kubeconfig(
        "https://api.example.com", **{"proxy-url": f"http://jane:pr1vate@127.0.0.1:{port}"}
    ),
    "an invalid proxy URL": _config(**{"proxy-url": "http://jane:pr1vate@[::1"}),
    "an invalid server URL": lambda _: kubeconfig("http://jane:pr1vate@[::1"),
    "a server of another protocol": lambda _: kubeconfig("ftp://jane:pr1vate@api.example.com"),
    "a plugin that fails and writes to stderr": _config(_plugin(f"{_SAYING}; sys.exit(3)")),
    "a plugin that prints what is not JSON": _config(_plugin(_SAYING)),
    "a plugin that does not exist": _config({"exec": {"apiVersion": "v1", "command": "/pr1vate/plugin"}}),
    "a plugin that returns a token with a newline": _config(
        _plugin(
            "import json; print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', "
            "'status': {'token': 'pr1vate\\nX: 1'}}))"
        )
    ),
    "not YAML": lambda _: "users:\n- user: {token: pr1vate\n  x: [",
    "a tag": lambda _: "users: !!python/name:pr1vate.x",
    "a list": lambda _: "[pr1vate]",
    "a token alone": lambda _: "token: pr1vate",
    "bytes": lambda _: "token: pr1vate\udcff",
    "a key that is not base64": _tls({"client-key-data": "pr1vate!", "client-certificate-data": "pr1vate!"}),
    "a key that is not a key": _tls({"client-key-data": _B64, "client-certificate-data": _B64}),
    "an invalid certificate authority": _tls(**{"certificate-authority-data": _B64}),
    "a key in a file that does not exist": _tls({"client-key": "/nowhere/k", "client-certificate": "/nowhere/c"}),
    "a user of another kind": lambda port: kubeconfig(f"http://127.0.0.1:{port}").replace("users:", "users: 7\nx:"),
    "an invalid namespace": lambda port: kubeconfig(f"http://127.0.0.1:{port}").replace(
        "namespace: curl", "namespace: ../../x"
    ),
}

_UNUSABLE = "no audit was performed: the kubeconfig cannot be used (DIR/kubeconfig):"
_NO_HEADER = "… have characters that a header cannot have, such as newlines / …"
_NOBODY = "no audit was performed: the API server http://127.0.0.1:… cannot be reached: the connection was refused / …"

CONFIG_ROWS = rows(f"""
    a token with a newline in it                  | each     | 1 | {_NO_HEADER}
    a token with a newline after it               | snapshot | 0 | 18 objects, 2 pods
    a token that is not ASCII                      | snapshot | 0 | 18 objects, 2 pods
    a token with a NUL                             | each     | 1 | {_NO_HEADER}
    a password in the server's URL                 | snapshot | 0 | 18 objects, 2 pods
    a password in the URL of a server that is down | each     | 1 | {_NOBODY}
    a password in the URL of a proxy that is down  | each     | 1 | no audit was performed: the API server http://api.example.com cannot be reached: … / …
    a proxy that refuses                           | snapshot | 1 | no audit was performed: the API server https://api.example.com cannot be reached: … / …
    an invalid proxy URL                     | snapshot | 1 | no audit was performed: the URL of the proxy is invalid / …
    an invalid server URL                    | snapshot | 1 | no audit was performed: the URL of the server is invalid / …
    a server of another protocol                   | snapshot | 1 | no audit was performed: the URL of the server is invalid / …
    a plugin that fails and writes to stderr                  | each     | 1 | no audit was performed: the credentials plugin of context c failed / Run the plugin's command by itself …
    a plugin that prints what is not JSON          | snapshot | 1 | no audit was performed: the credentials plugin of context c failed / …
    a plugin that does not exist                     | snapshot | 1 | no audit was performed: the credentials plugin of context c failed / …
    a plugin that returns a token with a newline    | snapshot | 1 | {_NO_HEADER}
    not YAML                                       | each     | 1 | {_UNUSABLE} it is not YAML (line 3, column … / …
    a tag                                          | snapshot | 1 | {_UNUSABLE} it is not YAML (line 1, column 8) / …
    a list                                         | snapshot | 1 | {_UNUSABLE} it is not a kubeconfig, … / …
    a token alone                                  | snapshot | 1 | {_UNUSABLE} … / …
    bytes                                          | snapshot | 1 | {_UNUSABLE} it is not UTF-8 / …
    a key that is not base64                       | snapshot | 1 | {_UNUSABLE} a certificate or key in it is not base64 / …
    a key that is not a key                           | snapshot | 1 | {_UNUSABLE} its client certificate and key cannot be used: not PEM, encrypted, or not a pair / …
    an invalid certificate authority                      | snapshot | 1 | {_UNUSABLE} its certificate-authority holds no certificate / …
    a key in a file that does not exist              | snapshot | 1 | {_UNUSABLE} it is not a kubeconfig, or its context names a cluster, a user or a file that does not exist / …
    a user of another kind                         | snapshot | 1 | {_UNUSABLE} it is not a kubeconfig, … / …
    an invalid namespace                       | snapshot | 1 | {_UNUSABLE} the namespace of context c is not a name / …
""")  # fmt: skip


def _free() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("row", for_each_command(CONFIG_ROWS), ids=str)
def test_a_kubeconfig_that_is_wrong(
    row: Row, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    command = COMMANDS[row.command]
    with a_place(*reports_of(command)) as place, fault_api() as api:
        ran = run_here(command, place, api, capfd, CONFIGS[row.fault](api.port))
        check(row, ran)
        assert leaked(ran) == []


# ---------------------------------------------------------------- what the server says

SAYINGS = {
    "our token": f"no such token: {TOKEN}",
    "our Authorization": f"request had Authorization: Bearer {TOKEN}",
    "another's token": "token Bearer pr1vate-of-another is expired",
    "a JSON Web Token": "invalid: eyJwcjF2YXRlIjoxfQ.pr1vate.pr1vate",
    "a password in a URL": "dial https://jane:pr1vate@10.0.0.1/",
    "OpenShift's token": "sha256~pr1vate",
    "a key": "-----BEGIN PRIVATE KEY----- pr1vate",
    "a query": "GET https://x/?access_token=pr1vate",
    "a terminal's escapes": "\x1b[31mred\x07\u202e",
    "a megabyte": "x" * 1_000_000,
}


@pytest.mark.parametrize("code", [400, 401, 403, 503])
@pytest.mark.parametrize("saying", SAYINGS)
def test_what_a_server_says_is_shown_without_secrets(saying: str, code: int, capfd: pytest.CaptureFixture[str]) -> None:
    command = f"{COMMANDS['analyze']} --request-timeout 200ms"
    with a_place("report.json") as place, fault_api(ApiFault(_PODS, status(code, SAYINGS[saying]))) as api:
        ran = run_here(command, place, api, capfd)
        assert ran.code == 1
        assert leaked(ran) == []
        assert len(ran.err) < 3000
        assert ran.err.replace("\n", "").isprintable()


def test_an_answer_that_is_no_json_is_not_quoted(capfd: pytest.CaptureFixture[str]) -> None:
    with a_place() as place, fault_api(ApiFault(_PODS, body(b"pr1vate", kind="text/plain"))) as api:
        ran = run_here(COMMANDS["snapshot"], place, api, capfd)
        assert (ran.code, leaked(ran)) == (1, [])


# ---------------------------------------------------------------- certificates


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ("expired", "its certificate has expired"),
        ("other name", "its certificate is for another address"),
        ("other authority", "its certificate is not trusted"),
        ("no TLS", "it does not speak TLS at this port"),
    ],
)
def test_a_certificate_is_told_by_what_is_wrong_with_it(
    made: str, says: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from datetime import UTC, datetime

    authority, other = trustme.CA(), trustme.CA()
    past = datetime(2020, 1, 1, tzinfo=UTC)
    issued = {
        "expired": lambda: authority.issue_cert("127.0.0.1", not_before=past, not_after=past.replace(year=2021)),
        "other name": lambda: authority.issue_cert("10.9.9.9"),
        "other authority": lambda: other.issue_cert("127.0.0.1"),
        "no TLS": lambda: None,
    }[made]()
    trusted = base64.b64encode(authority.cert_pem.bytes()).decode()
    with a_place() as place, fault_api(certificate=issued) as api:
        config = kubeconfig(f"https://127.0.0.1:{api.port}", **{"certificate-authority-data": trusted})
        assert yaml.safe_load(config)
        ran = run_here(COMMANDS["snapshot"], place, api, capfd, config)
    assert (ran.code, ran.said.partition(" / ")[0].rpartition(": ")[2]) == (1, says)


@pytest.mark.parametrize(
    "host",
    [
        "jane:pr1vate@docs.redhat.com",
        "https://jane:pr1vate@docs.redhat.com/",
        "https://jane:pr1vate@docs.redhat.com:none/",
        "ftp://jane:pr1vate@docs.redhat.com",
        "http://jane:pr1vate @docs.redhat.com",
        "http://jane:pr1vate@[::1",
    ],
)
def test_a_password_in_a_host_is_not_shown(host: str, capfd: pytest.CaptureFixture[str]) -> None:
    with a_place("report.json") as place, fault_api() as api:
        ran = run_here("verify -o json={place}/report.json --host", place, api, capfd, words=[host])
        assert (ran.code, leaked(ran), api.asked) == (2, [], [])
        assert "credentials are never sent" in ran.err
