"""The history: what audits found, run by run, in one DuckDB file, for comparing and for judging past days again.

In: what is kept of a report, and all that judging its flows reads. Out: the same, by run or over a span of days.
Example: `History(File("egress.duckdb")).runs()` has a `RunSummary` for each audit that was stored.

A history holds no line of a log, and of a snapshot only what judging reads.
"""
