"""The probe: what curl is asked, what it answered, where a redirect leads, and the pod it runs in.

In: a target, e.g. http://docs.example.com/. Out: a `Probe` with what curl said. `source`, `sending` and `leftovers`
talk to a cluster; all else is pure.
"""

from egressaudit.probe.curl import curl_argv, new_nonce, read_result
from egressaudit.probe.host import parse_asked, parse_host, parse_named
from egressaudit.probe.mark import is_marked
from egressaudit.probe.pod import DEFAULT_IMAGE, ProbePodOptions, pod_ready, probe_pod
from egressaudit.probe.redirect import redirect_target

__all__ = [
    "DEFAULT_IMAGE",
    "ProbePodOptions",
    "curl_argv",
    "is_marked",
    "new_nonce",
    "parse_asked",
    "parse_host",
    "parse_named",
    "pod_ready",
    "probe_pod",
    "read_result",
    "redirect_target",
]
