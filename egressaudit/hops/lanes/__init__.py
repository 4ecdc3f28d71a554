"""The columnar lane: whole blocks of lines to Arrow arrays, without a step of Python for any line.

It takes lines whose every byte is where the format has it, and of Envoy's text that is not clean what no sender can
have written. It says of them what the careful lane (`dialects`) says; tests hold the two together line for line. All
other lines are the careful lane's. What reads the bytes is compiled (`native/`, Rust); formats and keys are told it
from the careful lane's own tables (`lanes`).
"""

from egressaudit.hops.lanes.arrow_schema import ARROW_SCHEMA, CLUSTER_PARTS, constant, number_array, schema_of
from egressaudit.hops.lanes.block_lane import Block, Taken, read_block
from egressaudit.hops.lanes.fingerprint import HOP_SCHEMA, HopNames, NamedLog
from egressaudit.hops.lanes.native_tables import PADDING

__all__ = [
    "ARROW_SCHEMA",
    "CLUSTER_PARTS",
    "HOP_SCHEMA",
    "PADDING",
    "Block",
    "HopNames",
    "NamedLog",
    "Taken",
    "constant",
    "number_array",
    "read_block",
    "schema_of",
]
