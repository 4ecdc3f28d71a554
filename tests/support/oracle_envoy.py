"""One real Envoy that writes every access line twice: as Istio's text, and the same fields as JSON.

Its listeners and routes end in every way that Envoy has a word for. The text goes to standard output, among Envoy's
own application log, as in a container; the JSON goes to a file, each object with the whole text line in `LINE`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from egressaudit_lab.addresses import AddressBook
from egressaudit_lab.programs import find_programs
from egressaudit_lab.proxies import envoy_parts as parts
from egressaudit_lab.proxies.envoy_parts import JSON_FORMAT, TEXT_FORMAT, AccessLog, Config
from egressaudit_lab.proxies.envoy_process import Envoy
from egressaudit_lab.world import ContainerLog
from support.oracle_upstreams import Upstreams, serve_upstreams

LINE = "whole_line"
"""The JSON key that holds the text line of the same exchange: what pairs the two."""

HTTP = ("sidecar", "edge", "odd", "encrypted", "timed")
"""Listeners that speak HTTP."""

TCP = ("raw-good", "raw-rude", "raw-refused", "raw-empty", "raw-denied", "raw-idle")
"""Listeners that proxy bytes."""

SNI = "sni"
"""The listener that chooses by SNI."""

HOSTS = (
    "good", "hang", "rude", "garbage", "partial", "refused", "retried", "empty", "missing", "direct", "redirect",
    "denied", "not-tls", "wrong-ca", "wrong-name", "evil-name", "evil-line", "inside",
)  # fmt: skip
"""`NAME.example` is a virtual host, and what becomes of its requests."""

_FLUSH = 1.2
"""Envoy flushes its logs once a second; see `lab.envoy_process`."""


@dataclass(frozen=True)
class BothLogs(AccessLog):
    """Two loggers everywhere, unfiltered."""

    file: str = ""

    def always(self) -> list[Config]:
        fields = JSON_FORMAT | {LINE: TEXT_FORMAT.removesuffix("\n")}
        name = "extensions.access_loggers.file.v3.FileAccessLog"
        config = parts.typed(name, path=self.file, log_format={"json_format": fields})
        return [*super().always(), {"name": "envoy.access_loggers.file", "typed_config": config}]

    def only_flag(self, flag: str) -> list[Config]:
        return self.always()


@dataclass(frozen=True)
class Oracle:
    """The running Envoy: where its listeners are, and after the block what it wrote."""

    places: dict[str, tuple[str, int]]
    text: list[bytes]
    documents: list[bytes]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Oracle]:
    """An Envoy and its upstreams; when the block ends, all that it wrote is in `text` and `documents`."""
    book, log, file = AddressBook(), ContainerLog(), folder / "access.json"
    names = [*HTTP, *TCP, SNI]
    oracle = Oracle({name: (book.host(name), 10000 + n) for n, name in enumerate(names)}, [], [])
    async with AsyncExitStack() as stack:
        stack.callback(book.close)
        upstreams = await serve_upstreams(stack, book.host("up"))
        admin = (book.host("admin"), 10900)
        config = _bootstrap(oracle.places, BothLogs(file=str(file)), upstreams, book, admin)
        (folder / "envoy.json").write_text(json.dumps(config))
        envoy = Envoy(find_programs().envoy, folder / "envoy.json", log, lambda line: line)
        stack.push_async_callback(envoy.stop)
        await envoy.start(admin)
        yield oracle
        written = -1
        while written != (written := file.stat().st_size):  # noqa: ASYNC110  Envoy does not say when it has flushed
            await asyncio.sleep(_FLUSH)
    oracle.text.extend([entry.line async for entry in log.read()])
    oracle.documents.extend(file.read_bytes().removesuffix(b"\n").split(b"\n"))


# ---------------------------------------------------------------- the configuration


def _bootstrap(
    places: dict[str, tuple[str, int]], log: AccessLog, upstreams: Upstreams, book: AddressBook, admin: tuple[str, int]
) -> Config:
    def http(name: str, *, edge: bool = False, **settings: object) -> Config:
        made = parts.http_manager(name, _virtual_hosts(), log, edge=edge, filters=_filters())
        made["typed_config"] |= settings
        return made

    chains: dict[str, list[Config]] = {
        "sidecar": [{"filters": [http("sidecar")]}],
        "edge": [{"filters": [http("edge", edge=True)]}],
        "odd": [{"filters": [http("odd", **_LENIENT)]}],
        "timed": [{"filters": [http("timed", request_timeout="0.3s", stream_idle_timeout="0.2s")]}],
        "encrypted": [
            {
                "filters": [http("encrypted")],
                "transport_socket": _server_tls(upstreams.authority),
                "transport_socket_connect_timeout": "0.3s",
            }
        ],
        SNI: [
            {"filter_chain_match": {"server_names": [f"{name}.example"]}, "filters": [parts.tcp_proxy(cluster, log)]}
            for name, cluster in (("good", _name("tls")), ("refused", _name("refused")), ("empty", "BlackHoleCluster"))
        ],
    }
    for name in TCP:
        cluster = {"empty": "BlackHoleCluster", "denied": _name("good"), "idle": _name("hang")}
        end = name.removeprefix("raw-")
        proxy = parts.tcp_proxy(cluster.get(end, _name(end)), log)
        if end == "idle":
            proxy["typed_config"]["idle_timeout"] = "0.2s"
        chains[name] = [{"filters": [*([_network_rbac()] if end == "denied" else []), proxy]}]
    listeners = [
        parts.listener(
            name,
            *place,
            chains[name],
            log,
            listener_filters=[parts.tls_inspector()] if name in (SNI, "encrypted") else [],
        )
        for name, place in places.items()
    ]
    everything = parts.routed("inside", 80, _name("good"), "") | {"domains": ["*"]}
    manager = parts.http_manager("inside", [everything], log, edge=False)
    inside = parts.listener("inside", "", 0, [{"filters": [manager]}], log, internal_listener={})
    del inside["address"]
    made = parts.bootstrap("oracle", admin, [*listeners, inside], _clusters(upstreams, book))
    listening = parts.typed("extensions.bootstrap.internal_listener.v3.InternalListener")
    made["bootstrap_extensions"] = [{"name": "envoy.bootstrap.internal_listener", "typed_config": listening}]
    return made


_LENIENT: Config = {
    "normalize_path": False,
    "http_protocol_options": {"accept_http_10": True, "allow_absolute_url": True, "allow_custom_methods": True},
    "stream_idle_timeout": "0.2s",
    "common_http_protocol_options": {"max_stream_duration": "0.4s", "idle_timeout": "0.5s"},
}


def _name(kind: str) -> str:
    return f"outbound|80||{kind}.example"


def _virtual_hosts() -> list[Config]:
    hosts = []
    for name in HOSTS:
        route: Config = {"name": f"ns.{name}.0", "match": {"prefix": "/"}}
        match name:
            case "direct":
                route["direct_response"] = {"status": 502}
            case "redirect":
                route["redirect"] = {"https_redirect": True}
            case "retried":
                hosts.append(parts.routed("retried.example", 80, _name("rude"), "default"))
                continue
            case "empty":
                route["route"] = {"cluster": "BlackHoleCluster"}
            case _:
                route["route"] = {"cluster": _name(name), "timeout": "0.1s"}
        hosts.append({"name": name, "domains": [f"{name}.example", f"{name}.example:*"], "routes": [route]})
    return hosts


def _filters() -> list[Config]:
    """RBAC that denies one path, and faults that a header asks for."""
    denied = {"url_path": {"path": {"prefix": "/denied"}}}
    policy = {"permissions": [denied], "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"ns[a]-policy[deny]-rule[0]": policy}}
    always = {"numerator": 100}
    fault = parts.typed(
        "extensions.filters.http.fault.v3.HTTPFault",
        abort={"header_abort": {}, "percentage": always},
        delay={"header_delay": {}, "percentage": always},
    )
    return [
        {
            "name": "envoy.filters.http.rbac",
            "typed_config": parts.typed("extensions.filters.http.rbac.v3.RBAC", rules=rules),
        },
        {"name": "envoy.filters.http.fault", "typed_config": fault},
    ]


def _network_rbac() -> Config:
    policy = {"permissions": [{"any": True}], "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"ns[a]-policy[deny]-rule[0]": policy}}
    config = parts.typed("extensions.filters.network.rbac.v3.RBAC", rules=rules, stat_prefix="tcp.")
    return {"name": "envoy.filters.network.rbac", "typed_config": config}


def _clusters(upstreams: Upstreams, book: AddressBook) -> list[Config]:
    def to(kind: str, place: tuple[str, int], tls: Config | None = None) -> Config:
        made = parts.cluster(_name(kind), [place], book.host("source"))
        return made if tls is None else made | {"transport_socket": tls}

    at, trusted = upstreams.places, upstreams.authority.cert_pem.bytes().decode()
    stranger = trustme.CA().cert_pem.bytes().decode()
    return [
        *(to(kind, place) for kind, place in at.items() if kind not in upstreams.evil),
        to("refused", (book.nobody, 9)),
        to("not-tls", at["good"], _client_tls(trusted, "tls.example")),
        to("wrong-ca", at["tls"], _client_tls(stranger, "tls.example")),
        to("wrong-name", at["tls"], _client_tls(trusted, "another.example")),
        # Why it failed names the names in the certificate, which the upstream chose.
        *(to(kind, at[kind], _client_tls(pem, "another.example")) for kind, pem in upstreams.evil.items()),
        parts.blackhole_cluster(),
        _internal_cluster(),
    ]


def _internal_cluster() -> Config:
    """As a waypoint's upstream: the host is written `envoy://inside/10.0.0.9:80`."""
    made = parts.cluster(_name("inside"), [], "")
    del made["upstream_bind_config"]
    address = {"envoy_internal_address": {"server_listener_name": "inside", "endpoint_id": "10.0.0.9:80"}}
    made["load_assignment"]["endpoints"] = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return made


def _server_tls(authority: trustme.CA) -> Config:
    issued = authority.issue_cert("good.example")
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems).decode()
    pair = {
        "certificate_chain": {"inline_string": chain},
        "private_key": {"inline_string": issued.private_key_pem.bytes().decode()},
    }
    context = parts.typed(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={"tls_certificates": [pair], "alpn_protocols": ["h2", "http/1.1"]},
    )
    return {"name": "tls", "typed_config": context}


def _client_tls(trusted: str, name: str) -> Config:
    validation = {
        "trusted_ca": {"inline_string": trusted},
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": name}}],
    }
    context = parts.typed(
        "extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni=name,
        common_tls_context={"validation_context": validation},
    )
    return {"name": "tls", "typed_config": context}
