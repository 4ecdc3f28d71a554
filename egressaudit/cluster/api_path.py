"""Paths of the Kubernetes API, the one place where names go into URLs: each is one segment, whatever is in it.

In: an API version, a plural, and names. Out: `/api/v1/namespaces/shop/pods/cart-1/log`.
Example: the namespace `a/../b` becomes the segment `a%2F..%2Fb`, which is the name of nothing.
"""

from __future__ import annotations

from urllib.parse import quote


def api_path(api_version: str, plural: str = "", namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The path of an API, of a list in it, of an object, or of a part of one; `api_version` is e.g. `apps/v1`."""
    group, slash, version = api_version.partition("/")
    root = ("apis", group, version) if slash else ("api", group)
    where = ("namespaces", namespace) if namespace else ()
    parts = (*root, *where, *filter(None, (plural, name, subresource)))
    return "/" + "/".join(map(_segment, parts))


def _segment(name: str) -> str:
    quoted = quote(name, safe="", errors="surrogateescape")
    # Quoting leaves `.` and `..` as they are, and servers and proxies resolve them.
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")
