"""The logs of a run of `verify`, followed while its probes are sent.

In: a cluster and the logs to follow. Out: `LogLine`s as they come, each once, whatever is cut and resumed on the way.
"""
