"""Which part of a window the logs cover: the logs that were read against the logs that the snapshot says exist.

In: the logs as read, the snapshot, and `collection.json` where there is one. Out: a `model.Coverage`.

Example: a pod ran from 14:00 to 15:00 and its log begins at 14:41, so 41 minutes are a gap (EA302).
"""
