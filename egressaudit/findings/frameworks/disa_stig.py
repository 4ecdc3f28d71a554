"""DISA STIG for Red Hat OpenShift Container Platform: information flow, as far as flows can show it.

In: nothing. Out: `FRAMEWORK`. Example: CNTR-OS-000110 asks for a default NetworkPolicy; flows are only beside that.
"""

from __future__ import annotations

from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl

FRAMEWORK = Framework(
    name="disa-stig-openshift",
    title="DISA STIG for OpenShift",
    source="Red Hat OpenShift Container Platform 4.x Security Technical Implementation Guide, version 2, release 3 "
    "(2 July 2025)",
    url="https://public.cyber.mil/stigs/downloads/",
    verified="ids, titles, check and fix texts by the XCCDF itself, as ComplianceAsCode/content keeps it",
    remark="No STIG for Istio, OpenShift Service Mesh or another service mesh was found. The checks of this one look "
    "at NetworkPolicy objects and project templates, which an audit doesn't: it fails or passes none of them.",
    controls=(
        MappedControl(
            "CNTR-OS-000100",
            "Network policy on the namespace controls the flow of information within the platform",
            "V-257514 (SRG-APP-000038-CTR-000105, CCI-001368)",
            "Shows which flows left although they were not to, whatever the network policies say.",
            "The check: whether each user namespace has a NetworkPolicy. Flows within the platform.",
            ("EA101", "EA102", "EA104", "EA105", "EA306"),
        ),
        MappedControl(
            "CNTR-OS-000110",
            "Approved authorizations for controlling the flow of information are enforced",
            "V-257515 (SRG-APP-000039-CTR-000110, CCI-001414)",
            "Outbound flows are held against the authorizations that the policy states.",
            "The check: whether the project template creates a NetworkPolicy.",
            ("EA101", "EA102", "EA103", "EA104", "EA105", "EA306"),
        ),
        MappedControl(
            "CNTR-OS-000390",
            "Ports, protocols, and services adhere to the PPSM CAL",
            "V-257539 (SRG-APP-000142-CTR-000325, CCI-000382)",
            "Lists the external hosts and ports that workloads really used.",
            "The check: the platform's own ports and their registration. The PPSM CAL is not read.",
            ("EA104",),
        ),
    ),
)
