"""Who we are and where the cluster is, from a kubeconfig or the pod's own account.

In: `~/.kube/config`. Out: `Identity`: the official client's configuration for https://api.example.com:6443, TLS made
ready, and the headers of impersonation.

What is wrong is said in words of our own: the messages of YAML, of the client and of credentials plugins quote what
they read, and that has secrets in it.
"""

from __future__ import annotations

import binascii
import contextlib
import logging
import os
import re
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config as kube_config
from kubernetes.client import Configuration
from kubernetes.config.config_exception import ConfigException
from urllib3.util import create_urllib3_context

from egressaudit import __version__
from egressaudit.cluster.key_memory import keep_keys_in_memory
from egressaudit.errors import ClusterError, Unauthorized, UsageError

_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_CONTEXTS = "`kubectl config get-contexts` lists the contexts; choose one with --context."
LOG_IN = "Log in again (for OpenShift: `oc login`), or choose another context with --context."

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WRONG = (ConfigException, OSError, KeyError, TypeError, AttributeError, ValueError, RecursionError)
"""What the client raises for a file that is no kubeconfig; `yaml.YAMLError` is said with its place."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What one context says."""

    configuration: Configuration
    tls: ssl.SSLContext
    namespace: str
    context: str
    headers: tuple[tuple[str, str], ...]


def load_identity(
    *, kubeconfig: str | None, context: str | None, as_user: str | None, as_groups: tuple[str, ...]
) -> Identity:
    """By kubeconfig (`--kubeconfig`, else KUBECONFIG, else ~/.kube/config), else by the pod's own account.

    KUBECONFIG may name several files. UsageError for what cannot be impersonated, ClusterError if no file can be used,
    Unauthorized if a credentials plugin fails.
    """
    headers = _headers(as_user, as_groups)
    files = kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
    configuration = Configuration()
    configuration.retries = False
    with contextlib.ExitStack() as stack:
        folder = None
        if not keep_keys_in_memory():
            # The client would keep these files to the end of the process; TLS is made ready of them now.
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="egressaudit-", ignore_cleanup_errors=True))
        try:
            present = [file for file in files.split(os.pathsep) if file and Path(file).expanduser().exists()]
            if not present and not kubeconfig and context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
                kube_config.load_incluster_config(client_configuration=configuration)
                return Identity(configuration, _tls(configuration), _account_namespace(), "in-cluster", headers)
            if not present:
                raise ClusterError(
                    f"no kubeconfig found at {files}, and not running inside a pod",
                    hint="Name a kubeconfig with --kubeconfig or KUBECONFIG, or log in to the cluster first.",
                )
            joined = os.pathsep.join(present)
            namespace, name = _context_of(joined, context)
            with plugin_failures() as failed:
                kube_config.load_kube_config(
                    joined, context=context, client_configuration=configuration, temp_file_path=folder
                )
            if failed and not (configuration.api_key or configuration.cert_file):
                raise Unauthorized(f"the credentials plugin of context {name} failed", hint=PLUGIN)
            return Identity(configuration, _tls(configuration), namespace, name, headers)
        except yaml.YAMLError as error:
            raise _unusable(files, f"it is not YAML{_place(error)}") from error
        except _WRONG as error:
            raise _unusable(files, _why(error)) from error


PLUGIN = (
    "Run the plugin's command by itself to see what it says: where there is no terminal, nothing that it writes is "
    f"shown, for that may hold credentials. {LOG_IN}"
)


@contextlib.contextmanager
def plugin_failures() -> Iterator[list[int]]:
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


def _headers(as_user: str | None, as_groups: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if as_groups and as_user is None:
        raise UsageError("--as-group needs --as", hint="Kubernetes impersonates groups only together with a user.")
    for option, said in (("--as", () if as_user is None else (as_user,)), ("--as-group", as_groups)):
        for each in said:
            if not fits_header(each):
                raise UsageError(
                    f"{option} {each!r} cannot be sent",
                    hint="It must not be empty, and must not hold control characters or spaces at its ends.",
                )
    fixed = [("User-Agent", f"egressaudit/{__version__}"), ("Accept", "application/json")]
    if as_user is not None:
        fixed += [("Impersonate-User", as_user), *(("Impersonate-Group", group) for group in as_groups)]
    return tuple(fixed)


def fits_header(value: str) -> bool:
    """Whether a header can carry it, as UTF-8 (golang.org/x/net/http/httpguts, ValidHeaderFieldValue)."""
    controls = any(ord(each) < 0x20 or ord(each) == 0x7F or 0xD800 <= ord(each) <= 0xDFFF for each in value)
    return bool(value) and value == value.strip() and not controls


def _tls(given: Configuration) -> ssl.SSLContext:
    """As urllib3 makes it, so that requests and streams accept the same servers."""
    context = create_urllib3_context(cert_reqs=None if given.verify_ssl else ssl.CERT_NONE)
    if given.verify_ssl:
        context.check_hostname = given.assert_hostname is not False
        data = getattr(given, "ca_cert_data", None)
        if given.ssl_ca_cert or data:
            try:
                context.load_verify_locations(cafile=given.ssl_ca_cert, cadata=data)
            except ssl.SSLError as error:
                raise _BadFile("its certificate-authority holds no certificate") from error
        else:
            context.load_default_certs()
    if given.cert_file:
        try:
            # A password that is empty: without one OpenSSL would ask for it on the terminal.
            context.load_cert_chain(given.cert_file, given.key_file, password="")
        except ssl.SSLError as error:
            raise _BadFile("its client certificate and key cannot be used: not PEM, encrypted, or no pair") from error
    return context


class _BadFile(ValueError):
    """`str()` is what is wrong with the kubeconfig, in words of our own."""


def _why(error: BaseException) -> str:
    if isinstance(error, _BadFile):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, binascii.Error):
        return "a certificate or key in it is not base64"
    if isinstance(error, OSError) and error.errno:
        return f"{os.strerror(error.errno).lower()}{f': {error.filename}' if error.filename else ''}"
    return "it is not a kubeconfig, or its context names a cluster, a user or a file that is not there"


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""


def _unusable(files: str, why: str) -> ClusterError:
    return ClusterError(f"the kubeconfig cannot be used ({files}): {why}", hint=_CONTEXTS)


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
        asked = f"it has no context {wanted}" if wanted is not None else "its current context is not there"
        raise _BadFile(f"{asked}; its contexts: {there}")
    namespace = str((chosen.get("context") or {}).get("namespace") or "default")
    if not _NAMESPACE.fullmatch(namespace):
        raise _BadFile(f"the namespace of context {chosen.get('name')} is not a name")
    return namespace, str(chosen.get("name") or "")


def _contexts(files: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in files.split(os.pathsep):
        document = yaml.safe_load(Path(file).expanduser().read_text("utf-8"))
        listed = document.get("contexts") if isinstance(document, dict) else None
        found += [each for each in listed or () if isinstance(each, dict) and "name" in each]
    return found


def _account_namespace() -> str:
    with contextlib.suppress(OSError, UnicodeError):
        return _ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() or "default"
    return "default"
