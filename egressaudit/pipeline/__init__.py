"""The stories, each a composition of rooms: `verify` (probe and judge), `replay` (judge again), `audit` (a window).

    verify   follow, probe, wait ─▶ replay
    replay   parse ─▶ join ─▶ judge ─▶ report
    audit    read ─▶ join ─▶ judge ─▶ findings ─▶ report

Nothing else runs a room; rooms use only the types of those below them (pyproject.toml, import-linter).
"""
