"""Follow the logs of all hops at once, without losing a line or reading one twice.

follower ── reader ── resume       all logs; one log in its thread; what was read already
"""

from egressaudit.collect.follower import Follower

__all__ = ["Follower"]
