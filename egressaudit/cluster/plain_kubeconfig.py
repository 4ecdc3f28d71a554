"""Kubeconfigs that hold all there is to know: one file, a token or a client certificate, no proxy, no plugin.

In: a file and the name of a context. Out: its `ServerContext`, or None for anything else: that is left to
`official_client`. Example: the file of `oc login` has the server's URL and a token.

Importing the official client takes longer than all else that a command does before its first request. What is read
here means the same there (kubernetes/config/kube_config.py); a test holds both to each other.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import yaml

from egressaudit.cluster.api_server import ApiServer, ServerContext
from egressaudit.cluster.key_memory import path_of

_CLUSTER = {
    "server",
    "certificate-authority",
    "certificate-authority-data",
    "insecure-skip-tls-verify",
    "tls-server-name",
    "extensions",
}
_USER = {"token", "client-certificate", "client-certificate-data", "client-key", "client-key-data"}
_CONTEXT = {"cluster", "user", "namespace", "extensions"}


class _NotPlainError(Exception):
    """Something that only the official client knows, or whose mistake it explains."""


def plain_context(file: Path, context: str | None) -> ServerContext | None:
    """The context of this name, else the current one; None if any part of it is not plain, or is wrong."""
    if getproxies().keys() - {"no"}:
        return None
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        current = document["current-context"]
        # The official client refuses a file whose current context leads nowhere, also where another one is asked for.
        _named(document, "clusters", _named(document, "contexts", current)["context"]["cluster"])
        return _context(document, current if context is None else context, file)
    except (_NotPlainError, OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return None


def _context(document: Mapping[str, Any], name: object, file: Path) -> ServerContext:
    context = _named(document, "contexts", name)["context"]
    cluster = _named(document, "clusters", context["cluster"])["cluster"]
    user = _named(document, "users", context["user"])["user"]
    if context.keys() - _CONTEXT or cluster.keys() - _CLUSTER or user.keys() - _USER:
        raise _NotPlainError
    return ServerContext(str(name), _text(context, "namespace") or "default", _server(cluster, user, file))


def _server(cluster: Mapping[str, Any], user: Mapping[str, Any], file: Path) -> ApiServer:
    host, insecure = (_text(cluster, "server") or "").rstrip("/"), cluster.get("insecure-skip-tls-verify", False)
    token, tls_server_name = _text(user, "token"), _text(cluster, "tls-server-name")
    if not host.startswith(("https://", "http://")) or not isinstance(insecure, bool):
        raise _NotPlainError
    secure = host.startswith("https://")
    ca = _file(cluster, "certificate-authority", file) if secure else None
    certificate = _file(user, "client-certificate", file) if secure else None
    key = _file(user, "client-key", file) if secure else None

    return ApiServer(
        host=host,
        auth=lambda: () if token is None else (("authorization", f"Bearer {token}"),),
        verify_ssl=not insecure,
        ssl_ca_cert=ca,
        cert_file=certificate,
        key_file=key,
        tls_server_name=tls_server_name,
    )


def _named(document: Mapping[str, Any], part: str, name: object) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = [each for each in document[part] if each["name"] == name]
    if len(found) != 1 or not isinstance(name, str):
        raise _NotPlainError
    return found[0]


def _text(part: Mapping[str, Any], key: str) -> str | None:
    if key not in part:
        return None
    value = part[key]
    if not isinstance(value, str) or not value:
        raise _NotPlainError
    return value


def _file(part: Mapping[str, Any], key: str, kubeconfig: Path) -> str | None:
    """The file that a kubeconfig names, or has inside itself, which counts more."""
    inside, named = _text(part, f"{key}-data"), _text(part, key)
    if inside is not None:
        return path_of(base64.b64decode(inside, validate=True))
    if named is None:
        return None
    found = os.path.normpath(kubeconfig.absolute().parent / named)
    if not Path(found).is_file():
        raise _NotPlainError
    return found
