"""Which way the configuration steers a host: through which gateway or waypoint, by which of the APIs.

In: the objects of a snapshot and one host and port. Out: `model.Claim`: the way, what says so, and what is wrong.

`istio` (VirtualService, Gateway), `gateway_api` (HTTPRoute and its like) and `waypoint` (ambient) read one API each.
"""
