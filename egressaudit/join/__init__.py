"""Which lines belong together.

probe_hops   the hops of one probe, from curl's own socket and the nonce; says where it cannot choose
window_hops  the logs of a window into an engine, which joins millions of hops to groups of flows
"""
