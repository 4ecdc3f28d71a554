"""1,000 configurations with istiod's answers, as compact data: judged without Go, by every `make test`.

In and out: `kept.jsonl.xz`, one case with its answer a line. `python tools/istiod.py --keep` writes it again.
"""

from __future__ import annotations

import itertools
import json
import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("kept.jsonl.xz")
CASES, SEED = 1000, 1
_SPARE = ("seconds",)
"""What no comparison needs, or what differs from run to run."""


def read(path: Path = PATH) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each case with its answer."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            yield pair["case"], pair["answer"]


def write(pairs: Iterable[tuple[dict[str, Any], dict[str, Any]]], path: Path = PATH) -> int:
    """Write the first of the pairs without an error. Returns how many there are."""
    answered = ((case, answer) for case, answer in pairs if "error" not in answer)
    count = 0
    with lzma.open(path, "wt", encoding="utf-8", preset=9 | lzma.PRESET_EXTREME) as lines:
        for case, answer in itertools.islice(answered, CASES):
            told = {key: value for key, value in answer.items() if key not in _SPARE}
            lines.write(json.dumps({"case": case, "answer": told}, sort_keys=True, separators=(",", ":")) + "\n")
            count += 1
    return count
