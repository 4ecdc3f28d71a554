"""Where network policies and egress firewalls let a pod go: rows that a reader can check by eye."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import yaml
from support.mesh import obj
from support.mesh import plugin as agent

from egressaudit.mesh import RESOURCES, Mesh
from egressaudit.mesh.network.egress_ips import egress_addresses
from egressaudit.mesh.network.egress_rules import Outside
from egressaudit.mesh.network.reach import reach_of
from egressaudit.model import ObjectRef, Pod, ReachState

NETWORKING, POLICY, OVN = "networking.k8s.io/v1", "policy.networking.k8s.io/v1alpha1", "k8s.ovn.org/v1"
INSIDE = (ip_network("10.0.0.0/8"),)


def mesh(text: str, *, host_network: bool = False, **annotations: str) -> Mesh:
    """Pod shop/cart with label app=cart in a namespace labelled team=shop, and these objects."""
    spec = {"nodeName": "n1", "containers": [{"name": "app"}], "hostNetwork": host_network}
    status = {"podIPs": [{"ip": "10.1.0.5"}], "phase": "Running"}
    own = [
        obj("Namespace", "shop", "v1", labels={"team": "shop"}),
        obj("Pod", "shop/cart", "v1", labels={"app": "cart"}, annotations=annotations, spec=spec, status=status),
    ]
    return Mesh.of([*own, *yaml.safe_load_all(text)], [each.name for each in RESOURCES])


def cart(of: Mesh) -> Pod:
    found = of.pod(ObjectRef("shop", "cart"))
    assert found is not None
    return found


def policy(spec: str, name: str = "np", kind: str = "NetworkPolicy", api: str = NETWORKING) -> str:
    where = (
        ""
        if kind.endswith("AdminNetworkPolicy") or kind in ("ClusterNetworkPolicy", "EgressIP")
        else ", namespace: shop"
    )
    return f"---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}{where}}}\nspec: {{{spec}}}\n"


def admin(spec: str, priority: int = 10, name: str = "anp") -> str:
    head = f"priority: {priority}, subject: {{namespaces: {{}}}}, "
    return policy(head + spec, name, "AdminNetworkPolicy", POLICY)


def baseline(spec: str) -> str:
    return policy(
        "subject: {namespaces: {matchLabels: {team: shop}}}, " + spec, "default", "BaselineAdminNetworkPolicy", POLICY
    )


def cluster(spec: str, tier: str = "Admin") -> str:
    head = f"tier: {tier}, priority: 1, subject: {{pods: {{namespaceSelector: {{}}, podSelector: {{matchLabels: {{app: cart}}}}}}}}, "
    return policy(head + spec, "cnp", "ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2")


def firewall(*rules: str, name: str = "default") -> str:
    return policy(f"egress: [{', '.join(rules)}]", name, "EgressFirewall", OVN)


NONE = policy("podSelector: {}, policyTypes: [Egress]")
ALL = policy("podSelector: {}, egress: [{}]")
ANY4, ANY6 = "networks: [0.0.0.0/0]", 'networks: ["::/0"]'
DENY_ALL = "{type: Deny, to: {cidrSelector: 0.0.0.0/0}}"
ALLOW_DOCS = "{type: Allow, to: {dnsName: docs.redhat.com}}"

# what is there ▸ may the pod reach 203.0.113.7:443 (TCP)? ▸ how much of the outside is open?
ROWS = [
    ("", "yes", "open"),
    # NetworkPolicies: a pod that none selects for egress is free
    (NONE, "no", "closed"),
    (policy("podSelector: {}, policyTypes: [Ingress]"), "yes", "open"),
    (policy("podSelector: {}"), "yes", "open"),
    (policy("podSelector: {matchLabels: {app: other}}, policyTypes: [Egress]"), "yes", "open"),
    (policy("podSelector: {matchExpressions: [{key: app, operator: In, values: [cart]}]}, policyTypes: [Egress]"), "no", "closed"),
    (ALL, "yes", "open"),
    # the union of what they allow
    (NONE + policy("podSelector: {}, egress: [{}]", "all"), "yes", "open"),
    (policy("podSelector: {}, egress: [{to: [{podSelector: {}}]}]"), "no", "closed"),
    (policy("podSelector: {}, egress: [{to: [{namespaceSelector: {}}], ports: [{port: 443}]}]"), "no", "closed"),
    (policy("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24}}]}]"), "yes", "partly"),
    (policy("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.7/32]}}]}]"), "no", "partly"),
    (policy("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]"), "no", "closed"),
    (policy("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), "yes", "open"),
    (policy("podSelector: {}, egress: [{ports: [{port: 443}]}]"), "yes", "partly"),
    (policy("podSelector: {}, egress: [{ports: [{port: 80, endPort: 500}]}]"), "yes", "partly"),
    (policy("podSelector: {}, egress: [{ports: [{port: 443, protocol: UDP}]}]"), "no", "partly"),
    (policy("podSelector: {}, egress: [{ports: [{port: https}]}]"), "no", "closed"),
    (policy("podSelector: {}, egress: [{ports: [{protocol: TCP}]}]"), "yes", "partly"),
    # the mesh captures no SCTP either
    (policy("podSelector: {}, egress: [{ports: [{protocol: SCTP}]}]"), "no", "partly"),
    (firewall("{type: Deny, to: {cidrSelector: 0.0.0.0/0}, ports: [{protocol: TCP}, {protocol: UDP}]}"), "no", "partly"),
    # networks that an API server takes, and that plugins may read otherwise than this
    (policy("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 000.0.0.0/0}}]}]"), "maybe", "partly"),
    (policy('podSelector: {}, egress: [{to: [{ipBlock: {cidr: "::ffff:0.0.0.0/96"}}]}]'), "maybe", "partly"),
    (policy('podSelector: {}, egress: [{to: [{ipBlock: {cidr: "::/0"}}]}]'), "no", "closed"),
    (firewall("{type: Allow, to: {cidrSelector: 203.0.113.007/32}}", DENY_ALL), "maybe", "partly"),
    (admin(f"egress: [{{action: Allow, to: [{{networks: [203.0.113.007/32]}}]}}, {{action: Deny, to: [{{{ANY4}}}]}}]"), "maybe", "partly"),
    # administrators come first, in the order of their priorities and rules
    (admin(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]") + ALL, "no", "closed"),
    (admin(f"egress: [{{action: Allow, to: [{{{ANY4}}}]}}]") + NONE, "yes", "open"),
    (admin(f"egress: [{{action: Pass, to: [{{{ANY4}}}]}}, {{action: Deny, to: [{{{ANY4}}}]}}]") + NONE, "no", "closed"),
    (admin(f"egress: [{{action: Pass, to: [{{{ANY4}}}]}}, {{action: Deny, to: [{{{ANY4}}}]}}]"), "yes", "open"),
    (admin(f"egress: [{{action: Deny, to: [{{{ANY4}}}], ports: [{{portNumber: {{protocol: TCP, port: 443}}}}]}}]"), "no", "partly"),
    (admin(f"egress: [{{action: Deny, to: [{{{ANY4}}}], ports: [{{portRange: {{start: 1, end: 400}}}}]}}]"), "yes", "partly"),
    (admin("egress: [{action: Deny, to: [{namespaces: {}}]}]"), "yes", "open"),
    (admin(f"egress: [{{action: Deny, to: [{{{ANY6}}}]}}]"), "yes", "open"),
    (
        admin(f"egress: [{{action: Allow, to: [{{{ANY4}}}]}}]", 5, "first")
        + admin(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]", 6, "second"),
        "yes",
        "open",
    ),
    # of two with one priority either may come first
    (
        admin(f"egress: [{{action: Allow, to: [{{{ANY4}}}]}}]", 5, "a") + admin(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]", 5, "b"),
        "maybe",
        "partly",
    ),
    # the baseline counts where no NetworkPolicy selects the pod
    (baseline(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]"), "no", "closed"),
    (baseline(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]") + ALL, "yes", "open"),
    # the newer API
    (cluster(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]") + ALL, "no", "closed"),
    (cluster(f"egress: [{{action: Accept, to: [{{{ANY4}}}], protocols: [{{tcp: {{destinationPort: {{number: 443}}}}}}]}}]") + NONE, "yes", "partly"),
    (cluster(f"egress: [{{action: Deny, to: [{{{ANY4}}}], protocols: [{{udp: {{}}}}]}}]"), "yes", "partly"),
    (cluster(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]", "Baseline") + ALL, "yes", "open"),
    # names: which addresses they stand for is not known
    (admin(f"egress: [{{action: Allow, to: [{{domainNames: [docs.redhat.com]}}]}}, {{action: Deny, to: [{{{ANY4}}}]}}]"), "maybe", "partly"),
    # kinds of destinations that are not known here may be anything
    (admin("egress: [{action: Deny, to: [{planets: {}}]}]"), "maybe", "partly"),
    # the egress firewall, after all that
    (firewall(DENY_ALL), "no", "closed"),
    (firewall(ALLOW_DOCS, DENY_ALL), "maybe", "partly"),
    (firewall("{type: Allow, to: {cidrSelector: 203.0.113.7/32}}", DENY_ALL), "yes", "partly"),
    (firewall(DENY_ALL, "{type: Allow, to: {cidrSelector: 203.0.113.7/32}}"), "no", "closed"),
    (firewall("{type: Deny, to: {cidrSelector: 0.0.0.0/0}, ports: [{protocol: TCP, port: 443}]}"), "no", "partly"),
    (firewall("{type: Deny, to: {nodeSelector: {}}}"), "yes", "open"),
    (firewall(DENY_ALL, name="other"), "yes", "open"),
    (firewall("{type: Allow, to: {cidrSelector: 0.0.0.0/0}}") + NONE, "no", "closed"),
    (policy(f"egress: [{DENY_ALL}]", "default", "EgressNetworkPolicy", "network.openshift.io/v1"), "no", "closed"),
    # shapes that no server would accept deny nothing
    (policy("podSelector: {}, egress: [7, {to: 7}]"), "yes", "open"),
    (policy("podSelector: {}, policyTypes: 7, egress: 7"), "no", "closed"),
    (firewall("{type: 7, to: [1]}"), "maybe", "open"),
]  # fmt: skip


@pytest.mark.parametrize(("there", "docs", "state"), ROWS)
def test_what_the_network_lets_a_pod_reach(there: str, docs: str, state: str) -> None:
    of = mesh(there)
    to = Outside(ip_address("203.0.113.7"), 443)
    denied = of.network.denied(cart(of), to)
    reach = reach_of(of.world.objects, cart(of), INSIDE)
    assert (bool(denied), reach.state) == (docs == "no", ReachState(state))
    if docs == "no":
        assert set(denied) <= set(reach.by)


@pytest.mark.parametrize("there", [NONE, firewall(DENY_ALL), admin(f"egress: [{{action: Deny, to: [{{{ANY4}}}]}}]")])
def test_no_policy_is_about_a_pod_on_its_nodes_network(there: str) -> None:
    of = mesh(there, host_network=True)
    assert reach_of(of.world.objects, cart(of), INSIDE).state is ReachState.OPEN


def test_the_report_says_what_closes_it_what_is_left_and_what_enforces_it() -> None:
    rule = policy("podSelector: {}, egress: [{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}]}]")
    closed, partly = mesh(NONE + plugin("calico-node")), mesh(rule)
    found = closed.network.reach(cart(closed))
    assert found is not None
    assert (found.by, found.enforcer, found.proven) == (("NetworkPolicy shop/np",), "calico-node", True)
    found = partly.network.reach(cart(partly))
    assert found is not None
    assert (found.left, found.enforcer, found.proven) == (
        ("203.0.113.0/24 (TCP 443), by NetworkPolicy shop/np",),
        "",
        False,
    )


@pytest.mark.parametrize("kind", ["AdminNetworkPolicy", "NetworkPolicy", "Namespace"])
def test_nothing_is_said_where_a_kind_was_not_read(kind: str) -> None:
    """Namespaces too: of one whose labels are not known, a policy that allows may not seem to choose it."""
    of = mesh(NONE)
    without = Mesh.from_json({**of.to_json(), "read": [each for each in of.read if kind not in each]})
    assert without.network.reach(cart(without)) is None
    assert without.network.denied(cart(without), Outside(ip_address("203.0.113.7"), 443)) == ()


@pytest.mark.parametrize(
    ("spec", "status", "found"),
    [
        (
            "egressIPs: [192.0.2.10], namespaceSelector: {matchLabels: {team: shop}}",
            "{node: a, egressIP: 192.0.2.10}",
            [("ip", ("192.0.2.10",), (), False)],
        ),
        (
            "egressIPs: [192.0.2.10], namespaceSelector: {matchLabels: {team: shop}}",
            "",
            [("ip", (), ("192.0.2.10",), False)],
        ),
        ("egressIPs: [192.0.2.10], namespaceSelector: {matchLabels: {team: other}}", "", []),
        ("egressIPs: [192.0.2.10], namespaceSelector: {}, podSelector: {matchLabels: {app: other}}", "", []),
        (
            "egressIPs: [192.0.2.10], namespaceSelector: {}, trafficSelector: {matchLabels: {a: b}}",
            "",
            [("ip", (), ("192.0.2.10",), True)],
        ),
    ],
)
def test_the_address_that_the_outside_sees(spec: str, status: str, found: list[Any]) -> None:
    text = policy(spec, "ip", "EgressIP", OVN) + f"status: {{items: [{status}]}}\n"
    of = mesh(text)
    shown = egress_addresses(of.world.objects, cart(of))
    assert [(each.name, each.addresses, each.waiting, each.in_part) for each in shown] == found


def plugin(name: str, namespace: str = "kube-system", **differs: Any) -> str:
    return f"---\n{yaml.safe_dump(agent(f'{namespace}/{name}', **differs))}"


DAEMON_SET = "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: calico-node, namespace: kube-system}\n"


def openshift(network: str) -> str:
    head = "---\napiVersion: config.openshift.io/v1\nkind: Network\nmetadata: {name: cluster}\n"
    return f"{head}status: {{networkType: {network}}}\n"


# One row: what looks like a plugin that enforces policies, and proves none for a pod on node n1.
@pytest.mark.parametrize(
    "there",
    [
        plugin("calico-node", "shop"),
        # Where a plugin is not installed its namespace may be a tenant's, whom admission keeps off the nodes' network.
        plugin("cilium", "cilium", host_network=False),
        plugin("calico-node", "calico-system", host_network=False),
        # A DaemonSet whose pods run nowhere, on other nodes alone, or not well.
        DAEMON_SET,
        DAEMON_SET + plugin("calico-node", node="n2"),
        plugin("calico-node", ready=False),
        plugin("calico-node", node=""),
        openshift("Own"),
    ],
)
def test_what_may_be_a_tenants_or_runs_elsewhere_enforces_nothing(there: str) -> None:
    of = mesh(NONE + there)
    found = of.network.reach(cart(of))
    assert found is not None
    assert (found.enforcer, found.proven) == ("", False)


# One row: the networks that a pod's annotations attach it to beside the cluster's, and whether policies close it in.
@pytest.mark.parametrize(
    ("annotation", "networks", "proven"),
    [
        ("k8s.v1.cni.cncf.io/networks", "", True),
        # The injector's own, which attaches the pod to nothing; one of that name in the pod's namespace is a tenant's.
        ("k8s.v1.cni.cncf.io/networks", "default/istio-cni", True),
        ("k8s.v1.cni.cncf.io/networks", "istio-cni", False),
        ("k8s.v1.cni.cncf.io/networks", "lan@net1, default/istio-cni", False),
        ("k8s.v1.cni.cncf.io/networks", '[{"name": "lan"}, {"name": "istio-cni", "namespace": "default"}]', False),
        ("v1.multus-cni.io/default-network", "shop/lan", False),
    ],
)
@pytest.mark.parametrize("enforces", [plugin("calico-node"), openshift("OVNKubernetes")])
def test_a_network_of_its_own_is_closed_by_no_policy(
    enforces: str, annotation: str, networks: str, *, proven: bool
) -> None:
    of = mesh(NONE + enforces, **{annotation: networks})
    found = of.network.reach(cart(of))
    assert found is not None
    assert (found.state, found.proven) == (ReachState.CLOSED, proven)


def own(api: str, kind: str, namespace: str = "") -> str:
    where = f", namespace: {namespace}" if namespace else ""
    return f"---\napiVersion: {api}\nkind: {kind}\nmetadata: {{name: allow{where}}}\n"


ADMIN_DENIES = admin(f"egress: [{{action: Deny, to: [{{{ANY4}}}, {{{ANY6}}}]}}]")
SDN = policy(f"egress: [{DENY_ALL}]", "default", "EgressNetworkPolicy", "network.openshift.io/v1")


# One row: what denies all, which plugin is there, and whether that is provably enforced.
@pytest.mark.parametrize(
    ("there", "proven"),
    [
        (NONE + openshift("OVNKubernetes"), True),
        (firewall(DENY_ALL) + openshift("OVNKubernetes"), True),
        (ADMIN_DENIES + openshift("OVNKubernetes"), True),
        # What the plugin that is there does not know: after a change of plugins, objects of the one before stay.
        (SDN + openshift("OVNKubernetes"), False),
        (firewall(DENY_ALL) + plugin("calico-node"), False),
        (ADMIN_DENIES + plugin("cilium"), False),
        # Two of the three modes of OpenShift SDN enforce no NetworkPolicy.
        (NONE + openshift("OpenShiftSDN"), False),
        # Old ones enforce nothing, and this one never does.
        (NONE + plugin("kindnet"), False),
        (NONE + plugin("ovs-cni"), False),
        # A policy of the plugin's own may allow it.
        (NONE + plugin("calico-node"), True),
        (NONE + plugin("calico-node") + own("crd.projectcalico.org/v1", "GlobalNetworkPolicy"), False),
        (NONE + plugin("calico-node") + own("projectcalico.org/v3", "NetworkPolicy", "shop"), False),
        (NONE + plugin("calico-node") + own("projectcalico.org/v3", "NetworkPolicy", "other"), True),
        (NONE + plugin("cilium"), True),
        (NONE + plugin("cilium") + own("cilium.io/v2", "CiliumNetworkPolicy", "shop"), False),
        (NONE + plugin("cilium") + own("cilium.io/v2", "CiliumClusterwideNetworkPolicy"), False),
        (NONE + plugin("antrea-agent") + own("crd.antrea.io/v1beta1", "ClusterNetworkPolicy"), False),
        (NONE + plugin("kube-router") + plugin("cilium") + own("cilium.io/v2", "CiliumNetworkPolicy", "shop"), False),
    ],
)
def test_what_is_closed_is_proven_where_the_plugin_heeds_it_alone(there: str, *, proven: bool) -> None:
    of = mesh(there)
    found = of.network.reach(cart(of))
    assert found is not None
    assert (found.state, found.proven) == (ReachState.CLOSED, proven)


def test_nothing_is_proven_where_the_plugins_own_policies_were_not_read() -> None:
    of = mesh(NONE + plugin("cilium"))
    without = Mesh.from_json({**of.to_json(), "read": [each for each in of.read if not each.startswith("cilium.io/")]})
    found = without.network.reach(cart(without))
    assert found is not None
    assert (found.state, found.proven) == (ReachState.CLOSED, False)
