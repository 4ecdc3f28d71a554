"""What the environment declares beside the command line: ranges that are outside the cluster.

In: EGRESSAUDIT_OUTSIDE. Out: networks as text. Example: `10.200.0.0/16, fd00:5::/64` gives both.
"""

from __future__ import annotations

import os

from egressaudit.errors import UsageError
from egressaudit.mesh.places import networks

OUTSIDE = "EGRESSAUDIT_OUTSIDE"
"""Networks that are outside although their addresses are private, or loopback as in the lab; joined by commas."""


def declared_outside() -> tuple[str, ...]:
    """The networks of EGRESSAUDIT_OUTSIDE, such as `("10.200.0.0/16",)`; UsageError if one is not a network."""
    named = [each.strip() for each in os.environ.get(OUTSIDE, "").split(",") if each.strip()]
    for each in named:
        if not networks((each,)):
            raise UsageError(
                f"{OUTSIDE}: {each!r} is not a network", hint="Write networks as 10.200.0.0/16,fd00:5::/64."
            )
    return tuple(named)
