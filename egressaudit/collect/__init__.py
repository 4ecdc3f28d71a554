"""Logs from a cluster: followed while probes are sent, or copied for a window of time. No line is lost or read twice.

    follow/follower ── reader ──┬─ resume        all logs; one log in its thread; which lines were already read
    copy/many_logs ── one_log ── log_copy        many logs; one with the run before a restart; one stream into a file
                      └─ proven                  what a copied log provably covers

In: a cluster and the logs that `selection` chose. Out: lines as they come, or a folder and its `Collection`.
"""
