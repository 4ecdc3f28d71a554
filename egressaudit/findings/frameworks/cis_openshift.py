"""CIS Red Hat OpenShift Container Platform Benchmark: the same two recommendations, under OpenShift's numbers.

In: nothing. Out: `FRAMEWORK`. Example: 5.2.4 is about hostNetwork, as 5.2.5 of the Kubernetes benchmark.
"""

from __future__ import annotations

from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl

FRAMEWORK = Framework(
    name="cis-openshift",
    title="CIS Red Hat OpenShift Container Platform Benchmark",
    source="CIS Red Hat OpenShift Container Platform 4 Benchmark v1.9.0",
    url="https://www.cisecurity.org/benchmark/kubernetes",
    verified="ids and titles by ComplianceAsCode/content (controls/cis_ocp_190); the benchmark may not be copied",
    remark="The benchmark asks for settings, not for traffic: an audit passes or fails none of its recommendations. It "
    "has none about OpenShift Service Mesh.",
    controls=(
        MappedControl(
            "5.2.4",
            "Containers that share the host's network",
            "Section 5.2.4",
            "Names the pods of the snapshot that use their node's network: none of their traffic is captured.",
            "The recommendation is about security context constraints: which pods could be started.",
            ("EA306",),
        ),
        MappedControl(
            "5.3.2",
            "All namespaces have network policies",
            "Section 5.3.2",
            "For pods outside capture, says where the network policies of the snapshot let their traffic go.",
            "Namespaces without a blind spot.",
            ("EA306",),
        ),
    ),
)
