"""Attacks of a tenant that pretends: to be a proxy by its marks or its parts, or to call another host than it does."""

from __future__ import annotations

from worlds import objects as k8s
from worlds.adversary import FAR, NS, Attacker, proxy_alone
from worlds.endings import BY_NAME
from worlds.lines import socket
from worlds.model import Host, Line


def lying_name(me: Attacker) -> None:
    name = me.host.name if me.host else "docs.example.com"
    me.note(me.passthrough(me.thief(), FAR, me.rng.choice((80, 443)), name, lie=True), "lying-name", decidable=True)


def forged_header(me: Attacker) -> None:
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


def marked_as_ztunnel(me: Attacker) -> None:
    """The sender itself wears ztunnel's label."""
    pod = me.thief({"app": "ztunnel", "app.kubernetes.io/name": "ztunnel"})
    me.note(me.passthrough(pod, FAR, 443, "cdn.example.net"), "marked-as-ztunnel", decidable=True)


def fake_ztunnel(me: Attacker) -> None:
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


def marked_as_gateway(me: Attacker) -> None:
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


def fake_gateway(me: Attacker) -> None:
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


def rogue_gateway(me: Attacker) -> None:
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
