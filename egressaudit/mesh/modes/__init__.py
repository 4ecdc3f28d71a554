"""How pods' traffic comes under the mesh's eyes, sidecar or ambient, and what of it does not.

In: pods of a snapshot. Out: what provably escapes capture, and the blind spots of a window's audit.
"""
