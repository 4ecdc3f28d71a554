"""Judge flows: which way each one left, whether that is proven, and whether it is the way it should have gone.

`seen` finds the way (the rules on one page), `outcome` holds it against the way expected. docs/verdicts.md tells
the rules with examples.
"""

from egressaudit.judge.outcome import judge
from egressaudit.judge.seen import Seen, Surroundings, path_seen

__all__ = ["Seen", "Surroundings", "judge", "path_seen"]
