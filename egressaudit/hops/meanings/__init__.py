"""What the words in a proxy's line mean: response flags, details, cluster and route names, ztunnel's errors.

Each table is data: one row a word, with what happened, what that proves, and where the fact is from. `explain` tells
them, and `tools/log_fields_page.py` writes docs/log-fields.md from them.

In: a value as a proxy logged it. Out: its `Meaning`, or None for a word that no table has.
Example: `flag_meanings("UF,URX")` has the rows of UF and URX.
"""

from egressaudit.hops.meanings.code_details import CODE_DETAILS, detail_meaning
from egressaudit.hops.meanings.known_names import CLUSTERS, DIRECTIONS, ROUTES, cluster_words, route_meaning
from egressaudit.hops.meanings.meaning import Meaning, Proves, meaning_of
from egressaudit.hops.meanings.response_flags import RESPONSE_FLAGS, flag_meanings
from egressaudit.hops.meanings.termination_details import TERMINATION_DETAILS, termination_meaning
from egressaudit.hops.meanings.transport_failures import TRANSPORT_FAILURES, failure_meaning
from egressaudit.hops.meanings.ztunnel_errors import ZTUNNEL_ERRORS, error_meaning

__all__ = [
    "CLUSTERS",
    "CODE_DETAILS",
    "DIRECTIONS",
    "RESPONSE_FLAGS",
    "ROUTES",
    "TERMINATION_DETAILS",
    "TRANSPORT_FAILURES",
    "ZTUNNEL_ERRORS",
    "Meaning",
    "Proves",
    "cluster_words",
    "detail_meaning",
    "error_meaning",
    "failure_meaning",
    "flag_meanings",
    "meaning_of",
    "route_meaning",
    "termination_meaning",
]
