"""NIST SP 800-53 Revision 5: boundary protection, information flow, and the logs themselves.

In: nothing. Out: `FRAMEWORK`. Example: SC-7(8) is assessed by which flows went through a gateway or waypoint.
"""

from __future__ import annotations

from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl
from egressaudit.model import Path

_AROUND = ("EA101", "EA102", "EA103")
_UNWANTED = ("EA104", "EA105")
_THROUGH = (Path.VIA_GATEWAY, Path.VIA_WAYPOINT)

FRAMEWORK = Framework(
    name="nist-800-53",
    title="NIST SP 800-53",
    source="NIST SP 800-53 Revision 5, Security and Privacy Controls for Information Systems and Organizations "
    "(Release 5.1.1), with the assessment procedures of SP 800-53A Revision 5",
    url="https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final",
    verified="ids, titles and objectives by NIST's own OSCAL catalogue (usnistgov/oscal-content, 5.1.1, HIGH "
    "baseline); SC-7(10), which is in no baseline, by copies of the publication",
    remark="An objective of an audit is a part of the control's own: it speaks of the window, of outbound traffic, and "
    "of what proxies of the mesh log. An audit is never enough for a control.",
    controls=(
        MappedControl(
            "AC-4",
            "Information Flow Enforcement",
            "AC-4",
            "Each outbound flow of a workload is held against the policy's rules, with the lines that prove its way.",
            "Flows inside the system; flows between systems that no proxy of the mesh logs; whether the authorizations "
            "in the policy were approved, and by whom.",
            (*_AROUND, *_UNWANTED, "EA106"),
            objective="In the window, every outbound flow of the audited logs went the way that the policy "
            "approves for its workload, host and port, or was refused.",
            proof=(*_THROUGH, Path.BLOCKED),
            part_of=("ac-4_obj",),
        ),
        MappedControl(
            "AU-3",
            "Content of Audit Records",
            "AU-3",
            "Shows lines of the proxies as they are: time, source, destination, outcome and, under mTLS, identity.",
            "Any record but access lines; whether their fields are those that the organization asks for.",
            ("EA304", "EA305"),
        ),
        MappedControl(
            "AU-6",
            "Audit Record Review, Analysis, and Reporting",
            "AU-6",
            "A run is a review of the access logs of its window, with a report.",
            "How often it is done, who reads it, and what is done about it.",
        ),
        MappedControl(
            "AU-9",
            "Protection of Audit Information",
            "AU-9",
            "Names logs that differ from what was collected, that differ between copies, or that a workload could "
            "have forged. A bundle lets a change after collection be seen.",
            "Protection before collection: access to nodes and log stores. Confidentiality.",
            ("EA304", "EA313", "EA315", "EA320", "EA323"),
        ),
        MappedControl(
            "AU-12",
            "Audit Record Generation",
            "AU-12",
            "Coverage names the proxies that should log and don't, or not everything, and the time without a log.",
            "Components other than the mesh's proxies; whether the right event types were selected (AU-2).",
            ("EA301", "EA302", "EA307", "EA308", "EA312"),
        ),
        MappedControl(
            "SC-7",
            "Boundary Protection",
            "SC-7 (a), (c)",
            "Each outbound flow is traced to the gateway or waypoint that carried it, or around it.",
            "Inbound traffic; internal interfaces; subnetworks (b); pods and ports that no proxy captures; network "
            "paths beside the mesh.",
            (*_AROUND, *_UNWANTED),
            objective="In the window, every outbound flow of the audited logs left through an approved "
            "egress gateway or waypoint, or as the policy approves, and no pod of the snapshot is outside capture.",
            proof=_THROUGH,
            part_of=("sc-7_obj.a-1", "sc-7_obj.a-2", "sc-7_obj.c"),
        ),
        MappedControl(
            "SC-7(3)",
            "Access Points",
            "SC-7(3)",
            "Lists the gateways and waypoints through which traffic left, and every flow that left elsewhere.",
            "External connections beside the mesh: nodes, routers, VPNs, ingress. How many are acceptable.",
            _AROUND,
            objective="In the window, no outbound flow of the audited logs left elsewhere than through an "
            "approved egress gateway or waypoint, or as the policy approves, and no pod of the snapshot is outside "
            "capture.",
            proof=_THROUGH,
            part_of=("sc-7.3_obj",),
        ),
        MappedControl(
            "SC-7(4)",
            "External Telecommunications Services",
            "SC-7(4) (b), (d), (e)",
            "A policy is a traffic flow policy; its waivers are exceptions with a reason and a last day. Those that "
            "have run out or excuse nothing are findings.",
            "Confidentiality and integrity on the way (c); control plane traffic, such as BGP and DNS (f) to (h); who "
            "granted a waiver.",
            ("EA403", "EA404"),
        ),
        MappedControl(
            "SC-7(5)",
            "Deny by Default — Allow by Exception",
            "SC-7(5)",
            "Everything that left is held against the policy's rules, and the lines show what the mesh refused.",
            "Inbound traffic; what nobody tried in the window; enforcement outside the mesh, as by a NetworkPolicy.",
            (*_AROUND, *_UNWANTED),
            objective="In the window, no outbound flow of the audited logs left that the policy doesn't allow, "
            "and the mesh refused at least one that no rule of it names.",
            proof=(Path.BLOCKED,),
            by_default=True,
            part_of=("sc-7.5_obj-1", "sc-7.5_obj-2"),
        ),
        MappedControl(
            "SC-7(8)",
            "Route Traffic to Authenticated Proxy Servers",
            "SC-7(8)",
            "Each flow that left is joined to the line of the gateway or waypoint that carried it.",
            "Whether that proxy authenticates who uses it; inspection of content; protocols that the mesh can't carry.",
            _AROUND,
            objective="In the window, every outbound flow that should leave through an egress gateway or waypoint did "
            "so by that proxy's own log line, and no pod of the snapshot is outside capture.",
            proof=_THROUGH,
            part_of=("sc-7.8_obj",),
        ),
        MappedControl(
            "SC-7(10)",
            "Prevent Exfiltration",
            "SC-7(10)",
            "Names every external host that workloads reached and that no rule allows. `verify --bypass` tries to get "
            "out around the gateway, which is an exfiltration test (b).",
            "What was sent; covert channels; an allowed host that is misused; other ways out than the network.",
            (*_AROUND, *_UNWANTED, "EA202", "EA306", "EA325"),
        ),
        MappedControl(
            "SC-7(18)",
            "Fail Secure",
            "SC-7(18)",
            "Finds waypoints that are asked for and not bound, so that traffic goes on without them.",
            "Every other failure of a gateway or waypoint; nothing is made to fail.",
            ("EA407",),
        ),
        MappedControl(
            "SC-7(21)",
            "Isolation of System Components",
            "SC-7(21)",
            "Shows per workload which external systems it reached, and which way.",
            "Isolation of components from each other: flows inside the mesh are counted and not judged.",
            (*_AROUND, *_UNWANTED, "EA306"),
        ),
        MappedControl(
            "SI-4(4)",
            "Inbound and Outbound Communications Traffic",
            "SI-4(4) (b)",
            "Outbound traffic of a window is examined for what the policy doesn't allow; a baseline shows what is new.",
            "Inbound traffic; content; anything between two runs.",
            (*_AROUND, *_UNWANTED),
        ),
    ),
)
"""Its controls, in the order of their ids."""
