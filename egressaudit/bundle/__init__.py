"""The evidence bundle: one file with an audit's report and what it was judged from, for people who don't trust us.

archive ─▶ manifest ─▶ members ─▶ log trees ─▶ shown lines
bytes      digests     as listed   every line    by their proofs

In: what an audit read, and its report. Out: `audit.tar.zst`, and whether one is what it claims to be. docs/bundle.md
has the format. Judging a bundle again is the pipeline's (`pipeline/rejudging.py`): nothing here judges.
"""
