"""OSCAL assessment results: what an audit found, as tools of assessors and of governance read it; docs/oscal.md.

In: an `AuditReport`. Out: a JSON document that `results_document` writes. Example: `egressaudit audit -A -o
oscal=results.json`.
"""
