"""Log lines of a generated mesh: as Envoy and ztunnel write them, in text or JSON, and a writer that counts them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path as File
from typing import NamedTuple

from egressaudit.model import LineCount, LogSource

ACCESS, UNCLEAN, OTHER, UNPARSED = "access", "unclean", "other", "unparsed"

_HELD = 1500
"""Lines of one log that are held back to be put in order; real logs are in the order in which requests end."""

# Istio 1.23 and later: pilot/pkg/model/telemetry_logging.go, EnvoyTextLogFormat.
_TEXT = '[%s] "%s %s %s" %s %s %s - "%s" %s %s %s %s "%s" "%s" "%s" "%s" "%s" %s %s %s %s %s %s\n'
_KEYS = (
    *("start_time", "method", "path", "protocol", "response_code", "response_flags", "response_code_details"),
    *("upstream_transport_failure_reason", "bytes_received", "bytes_sent", "duration", "upstream_service_time"),
    *("x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host", "upstream_cluster"),
    *("upstream_local_address", "downstream_local_address", "downstream_remote_address", "requested_server_name"),
    "route_name",
)
"""What `_TEXT` holds, in its order, by the names of Istio's JSON format."""

_AGENTS = ("curl/8.11.0", "python-requests/2.32.3", "Go-http-client/2.0", "Mozilla/5.0 (X11; Linux x86_64)", "okhttp/5")
_OTHERS = (
    "info\txdsproxy\tconnected to delta upstream XDS server: istiod.istio-system.svc:15012",
    "info\tcache\tgenerated new workload certificate",
    "warning\tenvoy config external/envoy/source/common/config/grpc_stream.h:155\tgRPC config stream closed",
)


class Exchange(NamedTuple):
    """What one Envoy says about a request or connection; `-` for nothing."""

    request: tuple[str, str, str]
    code: int
    authority: str
    upstream: str
    cluster: str
    own: str
    local: str
    remote: str
    name: str = "-"
    route: str = "-"
    details: str = "via_upstream"
    flags: str = "-"
    failure: str = "-"
    forwarded: str = "-"
    agent: str = ""


class Tunnel(NamedTuple):
    """What one ztunnel says about a connection; '' for nothing."""

    source: str
    workload: str
    namespace: str
    reached: str
    inner: str = ""
    service: str = ""
    direction: str = "outbound"
    error: str = ""


class Clock:
    """Moments in milliseconds since the epoch, as text."""

    def __init__(self) -> None:
        self._seconds: dict[int, str] = {}

    def text(self, moment: int) -> str:
        """`2026-11-07T08:00:00.123`, without the Z."""
        second, rest = divmod(moment, 1000)
        known = self._seconds.get(second)
        if known is None:
            known = self._seconds[second] = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{known}.{rest:03d}"


class Logs:
    """Writes the logs of many proxies below a folder as `namespace/pod/container.log`, and counts their lines."""

    def __init__(self, folder: File, rng: random.Random, *, form: str = "text") -> None:
        self._rng, self._folder, self._json, self._clock = rng, folder, form == "json", Clock()
        self._held: defaultdict[LogSource, list[str]] = defaultdict(list)
        self._counts: defaultdict[LogSource, dict[str, int]] = defaultdict(
            lambda: {ACCESS: 0, UNCLEAN: 0, OTHER: 0, UNPARSED: 0}
        )

    def envoy(self, log: LogSource, moment: int, said: Exchange, duration: int, kind: str = ACCESS) -> None:
        """Write the access line of an Envoy."""
        bits = self._rng.getrandbits(128)
        (method, path, protocol), tcp = said.request, said.request[0] == "-"
        values = (
            self._clock.text(moment) + "Z",
            *(method, path, protocol, said.code, said.flags, said.details, said.failure),
            *(bits >> 100 & 1023, bits & 65535, duration, "-" if tcp or said.code != 200 else duration),
            *(said.forwarded, "-" if tcp else said.agent or _AGENTS[bits % 5], "-" if tcp else _uuid(bits)),
            *(said.authority, said.upstream, said.cluster, said.own, said.local, said.remote, said.name, said.route),
        )
        self.write(log, _as_json(values) if self._json else _TEXT % values, kind)

    def ztunnel(self, log: LogSource, moment: int, said: Tunnel, duration: int) -> None:
        """Write the access line of a ztunnel; its time is when the connection ended."""
        bits = self._rng.getrandbits(64)
        reached = {"dst.addr": said.reached, "dst.hbone_addr": said.inner, "dst.service": said.service}
        fields: dict[str, object] = {
            "src.addr": said.source,
            "src.workload": said.workload,
            "src.namespace": said.namespace,
            **{key: value for key, value in reached.items() if value},
            "direction": said.direction,
            "bytes_sent": bits & 4095,
            "bytes_recv": bits >> 40,
            "duration": f"{duration}ms",
            **({"error": said.error} if said.error else {}),
        }
        time, level = f"{self._clock.text(moment + duration)}{bits % 1000:03d}Z", "error" if said.error else "info"
        if self._json:
            start = {"level": level, "time": time, "scope": "access", "message": "connection complete"}
            self.write(log, json.dumps(start | fields, separators=(",", ":")) + "\n", ACCESS)
            return
        words = " ".join(
            f"{key}={value}" if key.endswith("addr") or isinstance(value, int) else f'{key}="{value}"'
            for key, value in fields.items()
        )
        self.write(log, f"{time}\t{level}\taccess\tconnection complete\t{words}\n", ACCESS)

    def other(self, log: LogSource, moment: int) -> None:
        """Write a line of the proxy's application log."""
        time, said = f"{self._clock.text(moment)}000Z", self._rng.choice(_OTHERS)
        if self._json:
            level, scope, message = said.split("\t")
            said = json.dumps({"level": level, "time": time, "scope": scope, "msg": message})
        self.write(log, f"{said}\n" if self._json else f"{time}\t{said}\n", OTHER)

    def broken(self, log: LogSource, moment: int) -> None:
        """Write an access line that was cut."""
        time = f"{self._clock.text(moment)}Z"
        cut = f'{{"start_time":"{time}","method":"GET","pa' if self._json else f'[{time}] "GET /cut HTTP/1.1" 200 - via'
        self.write(log, cut + "\n", UNPARSED)

    def write(self, log: LogSource, line: str, kind: str) -> None:
        """Write any line, its end included."""
        self._counts[log][kind] += 1
        held = self._held[log]
        held.append(line)
        if len(held) >= _HELD:
            self._flush(log)

    def close(self) -> dict[LogSource, LineCount]:
        """Write what is held back; the account of each log."""
        for log in list(self._held):
            self._flush(log)
        counts = {}
        for log, count in self._counts.items():
            access = count[ACCESS] + count[UNCLEAN]
            counts[log] = LineCount(
                read=access + count[OTHER] + count[UNPARSED],
                access=access,
                unclean=count[UNCLEAN],
                other=count[OTHER],
                unparsed=count[UNPARSED],
            )
        return counts

    def _flush(self, log: LogSource) -> None:
        held = self._held[log]
        held.sort()
        file = self._folder / f"{log}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            stream.writelines(held)
        held.clear()


def _uuid(bits: int) -> str:
    digits = f"{bits:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _as_json(values: tuple[object, ...]) -> str:
    said = {
        # Envoy writes null for what is absent, but `-` for no flags; a header is text.
        key: None if value == "-" and key != "response_flags" else str(value) if key.endswith("service_time") else value
        for key, value in zip(_KEYS, values, strict=True)
    }
    said["connection_termination_details"] = None
    return json.dumps(said, separators=(",", ":")) + "\n"
