"""The kubeconfig of the lab's cluster.

In: the server's URL and certificate. Out: a file for `kubectl` and `egressaudit --kubeconfig`.
"""

from __future__ import annotations

import base64

from egressaudit_lab.world import Manifest

NAME = "egressaudit-lab"
"""Of cluster, context and user; it says in every prompt that this is the lab."""


def kubeconfig(url: str, ca_pem: bytes, token: str) -> Manifest:
    """A kubeconfig with one context, its CA and its token inside."""
    authority = base64.b64encode(ca_pem).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [{"name": NAME, "cluster": {"server": url, "certificate-authority-data": authority}}],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}],
    }
