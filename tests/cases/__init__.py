"""Small inputs with the right answer: attacks, public bug reports, and lines of a real mesh.

`build.py` makes the mesh and the lines; `attacks.py`, `asked.py`, `ended.py`, `reports.py` and `captures.py` have one short entry for each case.
`tests/cases/test_cases.py` runs them all by the command line's own function.
"""
