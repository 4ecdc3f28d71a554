"""Faults of a way that istiod makes: one function each, with its slug and its sentence, as on the page `fault_texts`.

In: the rule or the proxy that decides. Out: a `model.Fault`, e.g. `not_listening(gw, 8443)`: `egress/gw does not listen
on port 8443, where the host is sent`.
"""
# ruff: noqa: D103  the sentence says what each of them is

from __future__ import annotations

from egressaudit.model import Fault, ObjectRef, RuleRef


def sent_to_other_host(by: RuleRef, host: str, other: str) -> Fault:
    return Fault.of("sent-to-other-host", f"{by} sends {host} to {other}, another host", by.object, field=by.field)


def sent_past_gateway(by: RuleRef, host: str, cluster: str) -> Fault:
    message = f"{by} takes {host} first, and sends it to {cluster}"
    return Fault.of("sent-past-gateway", message, by.object, field=by.field)


def cluster_missing(by: RuleRef, proxy: ObjectRef, host: str) -> Fault:
    message = f"{by} sends {host} to a cluster that {proxy} does not have"
    return Fault.of("cluster-missing", message, by.object, field=by.field)


# ---------------------------------------------------------------- what a gateway makes of a call that reaches it


def not_listening(proxy: ObjectRef, port: int) -> Fault:
    return Fault.of("not-listening", f"{proxy} does not listen on port {port}, where the host is sent", proxy)


def server_name_not_served(proxy: ObjectRef, port: int, host: str) -> Fault:
    message = f"{proxy} serves other server names on port {port} than {host} is sent with"
    return Fault.of("server-name-not-served", message, proxy)


def no_route_at_gateway(proxy: ObjectRef, port: int, host: str) -> Fault:
    return Fault.of("no-route-at-gateway", f"{proxy} has no route for {host} on port {port}", proxy)


def other_tls_at_gateway(proxy: ObjectRef, port: int, host: str) -> Fault:
    message = f"{proxy} takes other TLS on port {port} than {host} is sent with"
    return Fault.of("other-tls-at-gateway", message, proxy)


def not_http_at_gateway(proxy: ObjectRef, port: int, host: str) -> Fault:
    message = f"{proxy} takes HTTP on port {port}, and {host} is sent as something else"
    return Fault.of("not-http-at-gateway", message, proxy)
