"""The official Kubernetes client: kubeconfigs of any kind with their plugins, the pod's own account, its pool.

In: kubeconfig files, and the name of a context. Out: a `ServerContext`, e.g. of https://api.example.com:6443.
It takes 0.2 seconds to import; `plain_kubeconfig` says when it is not needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import urllib3
from kubernetes import config as kube_config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.rest import should_bypass_proxies
from kubernetes.config.config_exception import ConfigException

from egressaudit.cluster.api_server import ApiServer, ServerContext
from egressaudit.cluster.key_memory import path_of


def _in_memory(content: str | bytes, temp_file_path: str | None = None, force_recreate: bool = False) -> str:  # noqa: ARG001, FBT001, FBT002  the client's signature
    return path_of(content.encode() if isinstance(content, str) else content)


# It would write keys to TMPDIR, where a killed run leaves them. This is the one seam that it has.
kube_config.kube_config._create_temp_file_with_content = _in_memory  # noqa: SLF001

_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def official_context(files: str, context: str | None) -> ServerContext:
    """The context of this name in kubeconfigs that are read as one; ValueError and others if they are wrong."""
    configuration = _configuration()
    try:
        kube_config.load_kube_config(files, context=context, client_configuration=configuration)
        contexts, active = kube_config.list_kube_config_contexts(files)
    except ConfigException as error:
        raise ValueError(str(error)) from error
    chosen: Mapping[str, Any] = active or {}
    if context is not None:
        chosen = next((each for each in contexts if each["name"] == context), {})
    namespace = str((chosen.get("context") or {}).get("namespace") or "default")
    return ServerContext(str(chosen.get("name") or ""), namespace, _server(configuration))


def pods_own_context() -> ServerContext:
    """The account of the pod that this runs in; ValueError if it cannot be used."""
    configuration = _configuration()
    try:
        kube_config.load_incluster_config(client_configuration=configuration)
    except ConfigException as error:
        raise ValueError(str(error)) from error
    return ServerContext("in-cluster", _account_namespace(), _server(configuration))


def _configuration() -> Configuration:
    configuration = Configuration()
    configuration.retries = False
    return configuration


def _server(configuration: Configuration) -> ApiServer:
    host = str(configuration.host).rstrip("/")
    proxy = configuration.proxy

    def auth() -> Sequence[tuple[str, str]]:
        settings: dict[str, Any] = dict(configuration.auth_settings())
        return [(str(each["key"]), str(each["value"])) for each in settings.values() if each.get("value")]

    def pool(size: int) -> urllib3.PoolManager:
        # The client's pool (TLS, proxies), without its models: objects stay as the server wrote them.
        configuration.connection_pool_maxsize = size
        made: urllib3.PoolManager = ApiClient(configuration).rest_client.pool_manager
        return made

    return ApiServer(
        host=host,
        auth=auth,
        pool=pool,
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
    with contextlib.suppress(OSError):
        return _ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() or "default"
    return "default"
