"""CIS Kubernetes Benchmark: two recommendations that decide what can leave around the mesh.

In: nothing. Out: `FRAMEWORK`. Example: a pod with hostNetwork is a blind spot (EA306), which 5.2.5 wants to be rare.
"""

from __future__ import annotations

from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl

FRAMEWORK = Framework(
    name="cis-kubernetes",
    title="CIS Kubernetes Benchmark",
    source="CIS Kubernetes Benchmark v1.9.0 (5.3.2) and v1.23/1.0.1 (5.2.5); other releases may number them otherwise",
    url="https://www.cisecurity.org/benchmark/kubernetes",
    verified="ids and titles by Tenable's published audit files; the benchmark may not be copied",
    remark="The benchmark asks for settings, not for traffic: an audit passes or fails none of its recommendations. It "
    "has none about service meshes or egress gateways.",
    controls=(
        MappedControl(
            "5.2.5",
            "Containers that share the host's network",
            "Section 5.2.5",
            "Names the pods of the snapshot that use their node's network: none of their traffic is captured.",
            "The recommendation is about admission: which pods could be started, not which there are.",
            ("EA306",),
        ),
        MappedControl(
            "5.3.2",
            "All namespaces have NetworkPolicies",
            "Section 5.3.2",
            "For pods outside capture, says where the NetworkPolicies of the snapshot let their traffic go.",
            "Namespaces without a blind spot; whether the network plugin enforces policies, unless that is proven.",
            ("EA306",),
        ),
    ),
)
