"""The commented policy that `egressaudit policy init` writes."""

STARTER = """\
# Which workload may reach which external host, and which way. All keys: `egressaudit policy schema`.
# Check it with `egressaudit policy check FILE`; docs/policy.md says which rule holds where several match.
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata:
  name: baseline
spec:
  # The egress gateways and waypoints that may carry traffic out: the Gateway's name, or that of the
  # Deployment that runs it. Rules may narrow these lists, never widen them.
  gateways:
  - {namespace: istio-egress, name: istio-egressgateway}
  # waypoints:
  # - {namespace: egress-gateway, name: waypoint}

  # The most specific rule that matches holds; their order does not matter.
  rules:
  - name: redhat-docs
    # Who. Globs with * and ?; workloads are `name` or `Kind/name`. Left out: everybody.
    from: {namespaces: [curl], workloads: ["*"]}
    # Where to: names, *.suffix, *, addresses, networks (10.0.0.0/8). Ports left out: any.
    to: {hosts: [docs.redhat.com, "*.redhat.com"], ports: [80, 443]}
    via: gateway  # gateway | waypoint | direct | blocked
    severity: high  # of a violation: critical | high | medium | low
    controls: [nist-800-53/SC-7, pci-dss-v4/1.3.2]

  - name: no-mail
    to: {hosts: ["*"], ports: [25, 465, 587]}
    via: blocked
    severity: critical

  # Where no rule matches: deny (nothing may leave), allow (nothing is judged),
  # mesh (the mesh configuration decides).
  default: deny

  # Exceptions: violations that are shown and not counted, up to and with a day in UTC.
  waivers: []
  # - {rule: redhat-docs, from: legacy/*, reason: CHG-1234, expires: 2027-01-31}
"""
