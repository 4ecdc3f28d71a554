"""What istiod makes of the configuration: which cluster a proxy takes for a call, and by which rule.

In: the objects of a snapshot, a proxy, a `model.Call`. Out: a `model.Step`; and, proxy by proxy, the `model.Way`.

    services ──▶ scope ──▶ virtual_services ◀── gateway_api      who knows which hosts and rules
                              │
              ┌───────────────┼──────────────┐
          sidecar          gateway        ambient                 what each kind of proxy does with a call
              └───────────────┴──────▶ follow                     the way from the source to the outside

Nothing here says what was meant (that is `mesh.steering`): these modules do what istiod does, also with mistakes. They
are held to istiod's own generator on random configurations (tools/istiod_oracle).
"""
