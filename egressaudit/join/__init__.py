"""Which lines belong together.

`chain` finds the hops of one probe. It starts from curl's own socket and the nonce, and says where it cannot choose.
"""

from egressaudit.join.chain import Vantage, join

__all__ = ["Vantage", "join"]
