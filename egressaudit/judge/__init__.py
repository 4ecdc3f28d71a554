"""Judge lines, flows and groups of flows. Pure: facts in, verdicts out.

    facts ──▶ fate ──┬──▶ chain ──▶ verdict     one probe: where its chain of lines ends
                     └──▶ groups                 a window: groups of flows that SQL joined
                              both by the one table in `outcome`

docs/evidence.md explains the rules with examples.
"""
