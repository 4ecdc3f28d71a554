"""The log dialects we read, each from its grammar.

`read_envoy` and `read_ztunnel` tell the dialect of a line by its first characters; who wrote the log decides which of
the two is asked. No dialect of the one is ever tried on the other's lines.
"""

from __future__ import annotations

from egressaudit.hops.dialects.envoy.cluster_name import ClusterName, cluster_columns, cluster_name
from egressaudit.hops.dialects.envoy.default_text import TEXTS, EnvoyText, is_default_format, read_clean, read_text
from egressaudit.hops.dialects.envoy.forged import STARTS_LIKE_ACCESS, recover
from egressaudit.hops.dialects.envoy.formats import (
    FormatError,
    FormatSet,
    Unreadable,
    format_of,
    json_format,
    lacking,
    named_format,
    text_format,
)
from egressaudit.hops.dialects.grammars import grammar_dir
from egressaudit.hops.dialects.json_lines import read_envoy_json, read_ztunnel_json
from egressaudit.hops.dialects.multiline import Blocks
from egressaudit.hops.dialects.other import read_other
from egressaudit.hops.dialects.result import Access, Broken, Other, Reading
from egressaudit.hops.dialects.ztunnel import read_ztunnel_text

__all__ = [
    "STARTS_LIKE_ACCESS",
    "TEXTS",
    "Access",
    "Blocks",
    "Broken",
    "ClusterName",
    "EnvoyText",
    "FormatError",
    "FormatSet",
    "Other",
    "Reading",
    "Unreadable",
    "cluster_columns",
    "cluster_name",
    "format_of",
    "grammar_dir",
    "is_default_format",
    "json_format",
    "lacking",
    "named_format",
    "read_envoy",
    "read_other",
    "read_ztunnel",
    "text_format",
]


def read_envoy(text: str) -> Reading:
    """A line of an Envoy (sidecar, gateway or waypoint) in whichever dialect it is."""
    if text.startswith("{"):
        return read_envoy_json(text)
    if STARTS_LIKE_ACCESS.match(text) is None:
        return read_other(text) or Broken("neither an access line nor a known application log line", 1)
    try:
        # Lark is asked last, for it is slow and, as tests prove, takes nothing more. It says what is wrong.
        return read_clean(text) or recover(text) or read_text(text)
    except ValueError as error:
        return Broken(f"start_time: {error}", 2)


def read_ztunnel(text: str) -> Reading:
    """A line of a ztunnel in whichever dialect it is; only its scope `access` gives access lines."""
    if text.startswith("{"):
        return read_ztunnel_json(text)
    # Its third word is the scope: an access line must be whole, all other scopes are none.
    words = text.split(maxsplit=3)
    other = None if words[2:3] == ["access"] else read_other(text, kind="ztunnel")
    return other or read_ztunnel_text(text)
