"""Envoy's access lines: Istio's default text, and text or JSON of any format string.

In: one line's text. Out: its fields by `columns.HOP_COLUMNS`, and whether a sender can have written them (`clean`).
"""
