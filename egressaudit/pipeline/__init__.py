"""The stages composed: offline (a capture to a report) and live (collect a capture, then exactly the offline path).

probe ──▶ collect ─┐
                   ├─▶ parse ─▶ join ─▶ judge ─▶ report
logs on disk ──────┘
"""
