"""Who we are and where the cluster is, from a kubeconfig or the pod's own account.

In: `~/.kube/config`. Out: `Identity`: the official client's configuration for https://api.example.com:6443, TLS made
ready, and the headers of impersonation.

What is wrong is said in words of our own: the messages of YAML, of the client and of credentials plugins quote what
they read, and that has secrets in it.
"""

from __future__ import annotations

import binascii
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

import yaml
from urllib3.util import create_urllib3_context

from egressaudit import __version__
from egressaudit.cluster.api_server import ApiServer, BadKubeconfig, ServerContext
from egressaudit.cluster.plain_kubeconfig import plain_context
from egressaudit.errors import ClusterError, UsageError

_CONTEXTS = "`kubectl config get-contexts` lists the contexts; choose one with --context."

_NO_PAIR = "its client certificate and key cannot be used: not PEM, encrypted, or not a pair"
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_WRONG = (OSError, KeyError, TypeError, AttributeError, ValueError, RecursionError)
"""What the client raises for a file that is no kubeconfig; `yaml.YAMLError` is said with its place."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A context, ready to be used."""

    context: ServerContext
    tls: ssl.SSLContext
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
    present = [file for file in files.split(os.pathsep) if file and Path(file).expanduser().exists()]
    if not present and (kubeconfig or context is not None or "KUBERNETES_SERVICE_HOST" not in os.environ):
        raise ClusterError(
            f"no kubeconfig found at {files}, and not running inside a pod",
            hint="Name a kubeconfig with --kubeconfig or KUBECONFIG, or log in to the cluster first.",
        )
    try:
        found = _context_of(present, context)
        if not _NAMESPACE.fullmatch(found.namespace):
            raise BadKubeconfig(f"the namespace of context {found.name} is not a name")
        return Identity(found, _tls(found.server), headers)
    except yaml.YAMLError as error:
        raise _unusable(files, f"it is not YAML{_place(error)}") from error
    except _WRONG as error:
        raise _unusable(files, _why(error)) from error


def _context_of(files: list[str], context: str | None) -> ServerContext:
    """The context of these kubeconfigs, or of the pod's own account where there are none."""
    if len(files) == 1 and (plain := plain_context(Path(files[0]).expanduser(), context)) is not None:
        return plain
    # Import here: the official client takes longer to import than all else, and most kubeconfigs are plain.
    from egressaudit.cluster.official_client import official_context, pods_own_context

    return official_context(os.pathsep.join(files), context) if files else pods_own_context()


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


def _tls(given: ApiServer) -> ssl.SSLContext:
    """As urllib3 makes it, so that requests and streams accept the same servers."""
    context = create_urllib3_context(cert_reqs=None if given.verify_ssl else ssl.CERT_NONE)
    if given.verify_ssl:
        context.check_hostname = given.assert_hostname is not False
        data = given.ca_cert_data
        if given.ssl_ca_cert or data:
            try:
                context.load_verify_locations(cafile=given.ssl_ca_cert, cadata=data)
            except ssl.SSLError as error:
                raise BadKubeconfig("its certificate-authority holds no certificate") from error
        else:
            context.load_default_certs()
    if given.cert_file:
        try:
            # A password that is empty: without one OpenSSL would ask for it on the terminal.
            context.load_cert_chain(given.cert_file, given.key_file, password="")
        except ssl.SSLError as error:
            raise BadKubeconfig(_NO_PAIR) from error
    return context


def _why(error: BaseException) -> str:
    if isinstance(error, BadKubeconfig):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, binascii.Error):
        return "a certificate or key in it is not base64"
    if isinstance(error, OSError) and error.errno:
        return f"{os.strerror(error.errno).lower()}{f': {error.filename}' if error.filename else ''}"
    return "it is not a kubeconfig, or its context names a cluster, a user or a file that does not exist"


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""


def _unusable(files: str, why: str) -> ClusterError:
    return ClusterError(f"the kubeconfig cannot be used ({files}): {why}", hint=_CONTEXTS)
