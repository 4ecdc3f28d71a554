"""PCI DSS 4.0.1: what leaves the cardholder data environment (CDE), in our own words.

In: nothing. Out: `FRAMEWORK`. Example: 1.3.2 is assessed by what left, and by what the mesh refused.
"""

from __future__ import annotations

from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl
from egressaudit.model import Path

_AROUND = ("EA101", "EA102", "EA103")
_UNWANTED = ("EA104", "EA105")

FRAMEWORK = Framework(
    name="pci-dss-v4",
    title="PCI DSS",
    source="Payment Card Industry Data Security Standard, Requirements and Testing Procedures, version 4.0.1",
    url="https://www.pcisecuritystandards.org/document_library/",
    verified="ids and subjects by ComplianceAsCode/content (controls/pcidss_4_ocp4.yml, version 4.0) and public "
    "indexes of 4.0.1; the standard itself may not be copied, so all words here are ours",
    remark="A report speaks of the workloads that it audited. Audit the namespaces of the CDE, and only those, to have "
    "one on the CDE: a violation of any workload in a report counts against each requirement.",
    controls=(
        MappedControl(
            "1.2.4",
            "Accurate data-flow diagrams",
            "Requirement 1.2.4",
            "The flows of a report are data flows as they really were, by workload, host and port.",
            "Which of them carry account data; flows inside the mesh; flows that no proxy logs.",
        ),
        MappedControl(
            "1.2.5",
            "Allowed services, protocols and ports are identified and approved",
            "Requirement 1.2.5",
            "A policy names the hosts and ports that are allowed; what was used and isn't named is a finding.",
            "The approval itself and the business need behind a rule; protocols above TLS that no proxy reads.",
            ("EA104",),
        ),
        MappedControl(
            "1.2.7",
            "Network security controls are reviewed at least every six months",
            "Requirement 1.2.7",
            "Rules and waivers that nothing used, and waivers that have run out, are findings.",
            "The review, who does it and when. A rule without a flow in one window may still be needed.",
            ("EA402", "EA403", "EA404"),
        ),
        MappedControl(
            "1.3.2",
            "Outbound traffic from the CDE is restricted to what is necessary",
            "Requirement 1.3.2",
            "What left is held against the policy's rules, and the lines show what the mesh refused.",
            "Whether a rule is necessary; what nobody tried in the window; pods and ports that no proxy captures; "
            "network controls beside the mesh.",
            (*_AROUND, *_UNWANTED),
            objective="In the window, no outbound flow of the audited logs left that the policy doesn't allow, "
            "none went around its way, and the mesh refused at least one that no rule of the policy names.",
            proof=(Path.BLOCKED,),
            by_default=True,
        ),
        MappedControl(
            "1.4.1",
            "Network security controls stand between trusted and untrusted networks",
            "Requirement 1.4.1",
            "Each outbound flow is traced to the gateway or waypoint that carried it, or around it.",
            "Inbound traffic; whether a gateway is configured as a network security control; other boundaries.",
            _AROUND,
            objective="In the window, every outbound flow of the audited logs left through an approved "
            "egress gateway or waypoint, or as the policy approves, and no pod of the snapshot is outside capture.",
            proof=(Path.VIA_GATEWAY, Path.VIA_WAYPOINT),
        ),
        MappedControl(
            "10.2.1",
            "Audit logs are enabled and active",
            "Requirement 10.2.1",
            "Coverage names the proxies that should log and don't, or not everything.",
            "10.2.1.1 to 10.2.1.7: access lines are not logs of users, administrators or cardholder data.",
            ("EA301", "EA302", "EA307"),
        ),
        MappedControl(
            "10.3.4",
            "Change detection on audit logs",
            "Requirement 10.3.4",
            "A log that is not as it was collected is a finding, and so are two copies that differ.",
            "Changes before collection; alerts.",
            ("EA320", "EA323"),
        ),
    ),
)
"""Of 1.4, only 1.4.1 is here: 1.4.2 to 1.4.5 are about inbound traffic, spoofing, storage and disclosure."""
