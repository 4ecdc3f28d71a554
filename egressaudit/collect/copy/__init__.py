"""The logs of a window, copied into a folder: each line once and whole, and an account of what could not be had.

In: a cluster, the logs, since and until. Out: files, and an `evidence.collection.Collection` that says what they cover.
"""
