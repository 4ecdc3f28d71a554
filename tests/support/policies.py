"""Policies in a line or two, and what is said of them."""

from __future__ import annotations

from datetime import date

from egressaudit.policy import Policy, parse_policy

TODAY = date(2026, 3, 1)


ISSUE = """\
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: baseline}
spec:
  gateways: [{namespace: istio-egress, name: istio-egressgateway}]
  waypoints: [{namespace: egress-gateway, name: waypoint}]
  rules:
  - name: redhat-docs
    from: {namespaces: [curl], workloads: ["*"]}
    to: {hosts: [docs.redhat.com, "*.redhat.com"], ports: [80, 443]}
    via: gateway            # gateway | waypoint | direct | blocked
    controls: [nist-800-53/SC-7, pci-dss-v4/1.3.2]
    severity: high
  default: deny
  waivers: [{rule: redhat-docs, from: legacy/*, reason: CHG-1234, expires: 2027-01-31}]
"""


HEAD = """\
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata: {name: test}
spec:
  gateways: [{namespace: e, name: one}, {namespace: e, name: two}]
  waypoints: [{namespace: e, name: way}]
"""


def policy(*rules: str, end: str = "") -> Policy:
    """A policy of rules in YAML's flow style, each without its braces; named r0, r1 ... where they have no name."""
    named = [each if each.startswith("name:") else f"name: r{n}, {each}" for n, each in enumerate(rules)]
    listed = "".join(f"  - {{{each}}}\n" for each in named)
    return parse_policy(f"{HEAD}  rules:{' []' if not rules else ''}\n{listed}{end}".encode())
