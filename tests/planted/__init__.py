"""A mesh with everything planted in it, and the audit of it held against what was planted."""
