"""What the network itself lets pods send: NetworkPolicies and their like, egress firewalls, and egress addresses.

In: the objects of a snapshot. Out: for a pod, whether it could leave the cluster if no proxy carried its traffic.
"""

from egressaudit.mesh.network import admin_policies, egress_firewalls, egress_ips, enforcers, network_policies

POLICY_KINDS = frozenset(
    each.name for module in (network_policies, admin_policies, egress_firewalls) for each in module.RESOURCES
)
"""The kinds that decide where the network lets pods go."""
RESOURCES = (
    *network_policies.RESOURCES,
    *admin_policies.RESOURCES,
    *egress_firewalls.RESOURCES,
    *egress_ips.RESOURCES,
    *enforcers.RESOURCES,
)
