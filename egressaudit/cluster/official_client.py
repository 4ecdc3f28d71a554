"""The official Kubernetes client: kubeconfigs of any kind with their plugins, the pod's own account, its pool.

In: kubeconfig files, and the name of a context. Out: a `ServerContext`, e.g. of https://api.example.com:6443.
It takes 0.2 seconds to import; `plain_kubeconfig` says when it is not needed.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config as kube_config
from kubernetes.client import Configuration
from kubernetes.client.rest import should_bypass_proxies
from kubernetes.config.config_exception import ConfigException

from egressaudit.cluster.api_server import LOG_IN, ApiServer, BadKubeconfig, ServerContext
from egressaudit.cluster.key_memory import path_of
from egressaudit.errors import Unauthorized


def _in_memory(content: str | bytes, temp_file_path: str | None = None, force_recreate: bool = False) -> str:  # noqa: ARG001, FBT001, FBT002  the client's signature
    return path_of(content.encode() if isinstance(content, str) else content)


# It would write keys to TMPDIR, where a killed run leaves them. This is the one seam that it has.
kube_config.kube_config._create_temp_file_with_content = _in_memory  # noqa: SLF001

_PLUGIN = (
    "Run the plugin's command by itself to see what it says: where there is no terminal, nothing that it writes is "
    f"shown, for that may hold credentials. {LOG_IN}"
)
_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def official_context(files: str, context: str | None) -> ServerContext:
    """The context of this name in kubeconfigs that are read as one; ValueError and others if they are wrong.

    Unauthorized if a credentials plugin fails.
    """
    namespace, name = _context_of(files, context)
    configuration = _configuration()
    with _plugin_failures() as failed:
        try:
            kube_config.load_kube_config(files, context=context, client_configuration=configuration)
        except ConfigException as error:
            raise ValueError from error
    if failed and not (configuration.api_key or configuration.cert_file):
        raise Unauthorized(f"the credentials plugin of context {name} failed", hint=_PLUGIN)
    return ServerContext(name, namespace, _server(configuration))


def pods_own_context() -> ServerContext:
    """The account of the pod that this runs in; ValueError if it cannot be used."""
    configuration = _configuration()
    try:
        kube_config.load_incluster_config(client_configuration=configuration)
    except ConfigException as error:
        raise ValueError from error
    return ServerContext("in-cluster", _account_namespace(), _server(configuration))


@contextlib.contextmanager
def _plugin_failures() -> Iterator[list[int]]:
    """Gets an entry for each time that the official client logs that a credentials plugin failed; nothing is printed.

    It logs the failure, with what the plugin wrote, through the root logger, and goes on without credentials
    (kubernetes/config/kube_config.py, _load_from_exec_plugin).
    """
    failed: list[int] = []

    class _Counting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failed.append(record.levelno)

    handler, root = _Counting(logging.ERROR), logging.getLogger()
    others, root.handlers = root.handlers, [handler]
    try:
        yield failed
    finally:
        root.handlers = others


def _context_of(files: str, context: str | None) -> tuple[str, str]:
    """The namespace and the name of the context."""
    wanted = context
    try:
        contexts, active = kube_config.list_kube_config_contexts(files)
    except ConfigException:
        # It has no current context, or one that is not there; a context that is named needs neither.
        contexts, active = _contexts(files), None
    chosen: Mapping[str, Any] | None = active
    if wanted is not None:
        chosen = next((each for each in contexts if each["name"] == wanted), None)
    if chosen is None:
        there = ", ".join(str(each["name"]) for each in contexts[:10]) or "none"
        asked = f"it has no context {wanted}" if wanted is not None else "its current context does not exist"
        raise BadKubeconfig(f"{asked}; its contexts: {there}")
    return str((chosen.get("context") or {}).get("namespace") or "default"), str(chosen.get("name") or "")


def _contexts(files: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in files.split(os.pathsep):
        document = yaml.safe_load(Path(file).expanduser().read_text("utf-8"))
        listed = document.get("contexts") if isinstance(document, dict) else None
        found += [each for each in listed or () if isinstance(each, dict) and "name" in each]
    return found


def _configuration() -> Configuration:
    configuration = Configuration()
    configuration.retries = False
    return configuration


def _server(configuration: Configuration) -> ApiServer:
    host = str(configuration.host).rstrip("/")
    proxy = configuration.proxy

    def auth() -> Sequence[tuple[str, str]]:
        with _plugin_failures() as failed:
            settings: dict[str, Any] = dict(configuration.auth_settings())
        if failed:
            raise Unauthorized("the credentials plugin failed", hint=_PLUGIN)
        return [(str(each["key"]), str(each["value"])) for each in settings.values() if each.get("value")]

    return ApiServer(
        host=host,
        auth=auth,
        verify_ssl=configuration.verify_ssl,
        ssl_ca_cert=configuration.ssl_ca_cert,
        ca_cert_data=getattr(configuration, "ca_cert_data", None),
        cert_file=configuration.cert_file,
        key_file=configuration.key_file,
        assert_hostname=configuration.assert_hostname,
        tls_server_name=configuration.tls_server_name,
        proxy=proxy if proxy and not should_bypass_proxies(host, configuration.no_proxy or "") else None,
    )


def _account_namespace() -> str:
    with contextlib.suppress(OSError, UnicodeError):
        return _ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() or "default"
    return "default"
