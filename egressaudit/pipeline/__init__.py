"""The stories, each a composition of rooms: one file for each, and no work of its own in any.

    verify       follow, probe, wait ─▶ replay
    replay       parse ─▶ join ─▶ judge ─▶ report
    collecting   snapshot, choose, copy ─▶ a folder for audit
    audit        read ─▶ join ─▶ judge ─▶ findings ─▶ report
    audit_live   collecting ─▶ audit
    infer        read ─▶ join ─▶ policy
    parse        read ─▶ rows or tables ─▶ a format

Nothing else runs a room; rooms use only the types of those below them (pyproject.toml, import-linter).
"""
