"""HTML: the report of `audit` as one page to look at, with everything that it needs inside.

    report ──▶ audit_data (JSON) ──┐
       └─────▶ audit_facts ────────┴──▶ page_file: template, styles and scripts of page/, libraries of vendor/

In: an `AuditReport`. Out: one file, which asks no network for anything; `audit_page.AUDIT` writes it.
"""
