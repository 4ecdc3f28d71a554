"""istiod itself is the oracle of the route model: random configurations, and the same answer to every call.

    dice ──▶ draw_services, draw_rules, draw_routes, draw_ambient ──▶ draw ──▶ a case: objects, proxies, calls
                                                                       │
                                     program: tools/istiod_oracle ◀────┴────▶ compare: egressaudit.mesh.routes

A case is drawn from a seed and a number alone, so `5/17` names one for ever, as long as the drawing stays the same.
`kept.jsonl.xz` has 1,000 cases with istiod's answers, which need neither Go nor istiod; `report` prints the figures.

Like `worlds/` this package shares no code with the other tests: it would share their mistakes.
"""
