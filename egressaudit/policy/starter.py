"""The commented policy that `egressaudit policy init` writes.

Example: `egressaudit policy check` accepts it as it is, and calls it `baseline`.
"""

STARTER = """\
# Which workload may reach which external host, and which way. `egressaudit policy schema` lists all keys.
# Check this file with `egressaudit policy check FILE`. If several rules match, docs/policy.md says which one applies.
apiVersion: egressaudit.io/v1alpha1
kind: EgressPolicy
metadata:
  name: baseline
spec:
  # The egress gateways and waypoints that may carry traffic out. Use the name of the Gateway, or of the
  # Deployment that runs it. Rules can narrow these lists, but not widen them.
  gateways:
  - {namespace: istio-egress, name: istio-egressgateway}
  # waypoints:
  # - {namespace: egress-gateway, name: waypoint}

  # The most specific rule that matches applies. The order of the rules does not matter.
  rules:
  - name: redhat-docs
    # Who sends. Use globs with * and ?; write workloads as `name` or `Kind/name`. Default: everyone.
    from: {namespaces: [curl], workloads: ["*"]}
    # Where to. Hosts are names, *.suffix, *, addresses or networks (10.0.0.0/8). Default for ports: any.
    to: {hosts: [docs.redhat.com, "*.redhat.com"], ports: [80, 443]}
    via: gateway  # gateway | waypoint | direct | blocked
    severity: high  # of a violation: critical | high | medium | low
    controls: [nist-800-53/SC-7, pci-dss-v4/1.3.2]

  - name: no-mail
    to: {hosts: ["*"], ports: [25, 465, 587]}
    via: blocked
    severity: critical

  # What applies if no rule matches: deny (nothing may leave), allow (the flow is not judged),
  # or mesh (the mesh configuration decides).
  default: deny

  # Exceptions. A waived violation is shown but not counted. A waiver is valid through its expiry day, in UTC.
  waivers: []
  # - {rule: redhat-docs, from: legacy/*, reason: CHG-1234, expires: 2027-01-31}
"""
