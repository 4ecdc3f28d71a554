"""Logs out of a cluster: followed while probes are sent, or copied for a window of time; no line lost or read twice.

    follow/follower ── reader ──┬─ resume        all logs; one log in its thread; which lines were read already
    copy/many_logs ── one_log ── log_copy        many logs; one with the run before a restart; one stream into a file

In: a cluster and the logs that are wanted. Out: `LogLine`s as they come, or files and a `Collection` about them.
"""
