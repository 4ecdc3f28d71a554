"""Faults injected into working meshes, and whether the cause that is named first is the one that was injected.

In: injectors, each of which breaks one thing and knows its code from the catalogue, and what real Envoys wrote of one
real request then; or a simulated mesh (`tests/worlds`). Out: the rank of the true cause, as `verify` and `audit` name
it. Example: a VirtualService without `mesh` is EC26, rank 1.
"""
