"""HTML: reports as pages to look at, each one file with everything that it needs inside.

    audit    report ──▶ audit_data (JSON) ──┐
                └─────▶ audit_facts ────────┴──▶ page_file: template, styles and scripts of page/, libraries of vendor/
    verify   report ──▶ verify_page ────────────▶ page_file: template and styles

In: an `AuditReport` or a `VerifyReport`. Out: a file that asks no network for anything.
"""
