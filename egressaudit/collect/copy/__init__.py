"""The logs of a window, copied into a folder: each line once and whole, with an account of what is missing.

In: a cluster, the logs, since and until. Out: files, and an `evidence.collection.Collection` that says what they cover.
"""
