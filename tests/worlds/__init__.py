"""Simulated meshes that know the truth of every flow, and what the judge makes of their logs.

`draw.py` draws a world from a seed: `mesh.py` its objects, `traffic.py` its flows and the lines that each proxy logs of them,
`losses.py` what got lost, `adversary.py` what a tenant did, `truth.py` what a policy says of each flow. `run.py` writes the
world's folder and runs the judge, `compare.py` holds the report against the truth, `report.py` counts over many worlds.
`broken.py` draws worlds in which all is well but one fault of `fault_table.py`, and `tests/injected/in_worlds.py` holds
what is named first to it.
"""
