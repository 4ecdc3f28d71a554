"""One line of each default format, real ones, and one in a format of a user's own."""

import json

from egressaudit.hops.dialects.envoy.default_text import ISTIO
from support.tools import ROOT

REAL = [json.loads(row) for row in (ROOT / "tests" / "lines" / "real.jsonl").read_text().splitlines()]


ISTIO_LINE = (
    '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 301 - via_upstream - "-" 0 0 24 24 "10.128.2.30" "curl/8.11.0" '
    '"79551af2" "docs.redhat.com" "23.55.176.201:80" outbound|80||docs.redhat.com 10.128.2.29:49766 10.128.2.29:80 '
    "10.128.2.30:38296 - -"
)


ZTUNNEL_LINE = (
    "2025-10-24T08:08:35.242159Z info access connection complete src.addr=[fd01:0:0:5::b0]:56288 "
    'src.workload="test-pod" src.namespace="egress-gateway" src.identity="spiffe://cluster.local/ns/egress-gateway/sa/'
    'default" dst.addr=[fd01:0:0:5::af]:15008 dst.hbone_addr=[2001:2::2]:80 dst.service="httpbin.org" '
    'dst.workload="waypoint-5b668759d5-vrnx8" dst.namespace="egress-gateway" dst.identity="spiffe://cluster.local/ns/'
    'egress-gateway/sa/waypoint" direction="outbound" bytes_sent=78 bytes_recv=540 duration="957ms"'
)


JSON_LINE = {
    "start_time": "2022-09-08T12:51:05.656Z",
    "method": "GET",
    "path": "/",
    "protocol": "HTTP/1.1",
    "response_code": 200,
    "response_flags": "-",
    "duration": 15,
    "upstream_service_time": "14",
    "user_agent": "curl/8.11.0",
    "upstream_host": "23.55.176.201:80",
    "upstream_cluster": "outbound|80||docs.redhat.com",
    "upstream_local_address": None,
    "downstream_remote_address": "10.128.2.30:38296",
    "something_else": [1, 2],
}


CUSTOM = ISTIO.format_string.replace('"%UPSTREAM_HOST%"', '"%UPSTREAM_HOST%" "%REQ(X-FOO)%"')


CUSTOM_LINE = (
    '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 200 - via_upstream - "-" 0 0 24 24 "-" "curl/8" "-" "docs.redhat.com" '
    '"23.55.176.201:80" "foo" outbound|80||docs.redhat.com 10.128.2.29:49766 10.128.2.29:80 10.128.2.30:38296 - -'
)
