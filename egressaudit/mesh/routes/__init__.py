"""What istiod makes of the configuration: which cluster a proxy takes for a call, and by which rule.

In: the objects of a snapshot, a proxy, a `model.Call`. Out: a `model.Step`; and, proxy by proxy, the `model.Way`.

    registered ──▶ sidecar_scope ──▶ virtual_hosts ◀── http_rules ◀── virtual_services ◀── delegates, gateway_api_routes
                          │
                          └────────▶ outbound_listeners ◀── byte_chains, filter_chains
                                              │
         sidecar_proxy ◀──────────────────────┘        what a sidecar does with a call; `gateway`, and ambient's
                                                       `ztunnel_step` and waypoints, do the same for theirs

    served_gateways, listeners ──▶ gateway_merge ──▶ gateway_index ──▶ gateway_chains, gateway_hosts ──▶ gateway
    route_parents, route_rules, route_backends ──▶ gateway_api_routes       `gateway_leg` leads from a step to a gateway

Nothing here says what was meant (that is `mesh.steering`): these modules do what istiod does, also with mistakes. They
are held to istiod's own generator on random configurations (tools/istiod_oracle).
"""
