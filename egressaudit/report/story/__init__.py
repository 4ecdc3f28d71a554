"""One flow of a report told as a story: hop by hop, what each line says, what follows, and the verdict.

    report_file ──▶ told_flow ──▶ told_line ──▶ story_text

In: a JSON report of `verify` or `audit`, which anybody may have written. Out: text for a person.
"""
