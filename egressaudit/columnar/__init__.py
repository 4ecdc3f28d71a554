"""The columnar lane: whole blocks of lines to Arrow arrays, without a step of Python for any line.

It takes only lines whose every byte is where the format has it, and says of them what the careful lane (`dialects`)
says; tests hold the two together line for line. All other lines are the careful lane's.

block ─▶ text_lane ┐
        json_lane  ├─▶ taken: columns of the lines each took
        ztunnel    ┘
"""

from egressaudit.columnar.block import Block, Taken
from egressaudit.columnar.lanes import take
from egressaudit.columnar.schema import ARROW_SCHEMA, CLUSTER_PARTS, constant, schema_of
from egressaudit.columnar.words import PADDING

__all__ = ["ARROW_SCHEMA", "CLUSTER_PARTS", "PADDING", "Block", "Taken", "constant", "schema_of", "take"]
