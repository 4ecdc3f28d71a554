"""DORA, Regulation (EU) 2022/2554, and its technical standards on ICT risk management, (EU) 2024/1774.

In: nothing. Out: `FRAMEWORK`. Example: point (b) of Article 13 RTS wants data flows documented; a report shows them.
"""

from __future__ import annotations

from egressaudit.findings.frameworks.mapped_control import Framework, MappedControl

_LEFT = ("EA101", "EA102", "EA103", "EA104", "EA105")

FRAMEWORK = Framework(
    name="dora",
    title="DORA",
    source="Regulation (EU) 2022/2554 (OJ L 333, 27.12.2022), and Commission Delegated Regulation (EU) 2024/1774 "
    "(OJ L, 25.6.2024), here `RTS`",
    url="https://eur-lex.europa.eu/eli/reg_del/2024/1774/oj",
    verified="articles and points by public copies of the Official Journal's text (springlex.eu, judict.eu, "
    "dora-info.eu)",
    remark="DORA asks for policies, procedures and tools, and nowhere for proof of the way that outbound traffic took. "
    "An audit is evidence that a tool is used; it meets no article by itself, so none is assessed.",
    controls=(
        MappedControl(
            "Art.10(1)",
            "Detection of anomalous activities",
            "Regulation (EU) 2022/2554, Article 10(1)",
            "Flows that left against the policy are found after the fact, and a baseline shows what is new.",
            "Prompt detection, alerting, incidents, single points of failure.",
            _LEFT,
        ),
        MappedControl(
            "RTS-Art.12(2)(c)(v)",
            "Logging of network traffic activities",
            "Delegated Regulation (EU) 2024/1774, Article 12(2), point (c)(v)",
            "Coverage names the proxies that should log and don't, and the time without a log.",
            "Network performance; logs of anything but proxies of the mesh; retention.",
            ("EA301", "EA302", "EA307", "EA308"),
        ),
        MappedControl(
            "RTS-Art.12(2)(d)",
            "Protection of log information against tampering",
            "Delegated Regulation (EU) 2024/1774, Article 12(2), point (d)",
            "A log that is not as it was collected, or that could be forged, is a finding; a bundle shows later ones.",
            "The protection itself, and changes before collection.",
            ("EA304", "EA313", "EA315", "EA320", "EA323"),
        ),
        MappedControl(
            "RTS-Art.12(2)(e)",
            "Detection of a failure of logging systems",
            "Delegated Regulation (EU) 2024/1774, Article 12(2), point (e)",
            "Gaps and missing logs are findings of every run.",
            "Detection while it happens.",
            ("EA301", "EA302", "EA308", "EA312"),
        ),
        MappedControl(
            "RTS-Art.13(b)",
            "Documentation of network connections and data flows",
            "Delegated Regulation (EU) 2024/1774, Article 13, point (b)",
            "The flows of a report are outbound connections as they really were.",
            "All other connections and data flows of the financial entity.",
        ),
        MappedControl(
            "RTS-Art.13(g)",
            "Securing of traffic between internal networks and the internet",
            "Delegated Regulation (EU) 2024/1774, Article 13, point (g)",
            "Each outbound flow is traced to the gateway or waypoint that carried it, or around it.",
            "How the traffic is secured on its way; inbound traffic; connections beside the mesh.",
            _LEFT,
        ),
        MappedControl(
            "RTS-Art.13(h)",
            "Approval, change and review of firewall rules and connection filters",
            "Delegated Regulation (EU) 2024/1774, Article 13, point (h)",
            "Rules and waivers that nothing used, and waivers that have run out, are findings.",
            "Roles, approvals and the review itself; the intervals that the article asks for.",
            ("EA402", "EA403", "EA404"),
        ),
    ),
)
