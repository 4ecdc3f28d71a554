"""Lines of each sort, and what the sources make of files of them."""

from __future__ import annotations

import json
from pathlib import Path

from egressaudit.hops.rows import HopRow, rows
from egressaudit.sources import Sources

TEXT = (
    '[2026-11-23T00:42:56.837Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 0 45 5 3 "-" "curl/8.7.1" "f1b7d8d2" '
    '"docs.redhat.com" "10.0.0.9:8080" outbound|80||docs.redhat.com 10.0.0.5:50000 10.0.0.5:15001 10.0.0.5:40000 - -'
)


JSON = json.dumps(
    {"start_time": "2026-11-23T00:42:56.837Z", "response_code": 200, "downstream_remote_address": "10.0.0.5:40000"}
)


ZTUNNEL = (
    "2026-11-23T00:42:46.641788Z\tinfo\taccess\tconnection complete\tsrc.addr=10.0.0.5:40000 dst.addr=10.0.0.8:15008 "
    'direction="outbound" bytes_sent=100 bytes_recv=213 duration="18ms"'
)


AGENT = "2026-11-23T00:42:56.077660Z\tinfo\tEnvoy proxy is ready"


STAMP = "2026-11-23T00:42:56.837123456Z"


# What a sender can put into a User-Agent, which Envoy writes as it is.
HOSTILE = TEXT.replace("curl/8.7.1", f'x" "y" {STAMP} stdout F [pod/gw/istio-proxy] {{"log":"')


def read(*paths: Path, **options: object) -> tuple[Sources, list[object]]:
    sources = Sources([str(path) for path in paths], **options)  # type: ignore[arg-type]
    return sources, list(rows(sources))


def hops(events: list[object]) -> list[dict[str, object]]:
    return [event.values for event in events if isinstance(event, HopRow)]


MUST_GATHER = "must-gather.local.1/quay-io-sha256-4f/namespaces/egress/pods/gw-1"
