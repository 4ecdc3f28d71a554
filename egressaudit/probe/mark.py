"""The mark by which a log line is recognised as one of our own probes.

In: a line's text. Out: whether it has the User-Agent of `curl_argv`, or a ztunnel names a pod of `probe_pod` in it.

Whoever sends a request can write the one and, with a pod of that name, the other. So the mark explains a flow and never
excuses it: what is marked is judged like all else.
"""

from __future__ import annotations

import re

from egressaudit.probe.pod import NAME

_MARK = re.compile(rf'egressaudit/[\w.+-]{{1,40}} \([0-9a-f]{{16}}\)|"{NAME}-[a-z0-9-]{{1,63}}"')


def is_marked(line: str) -> bool:
    """Whether a line carries the mark. Never a proof of anything."""
    return _MARK.search(line) is not None
