"""What Envoy says in JSON is the truth of what it wrote as text: the parser gives just that, or says that it cannot.

`ORACLE_EXCHANGES=5000 pytest -s tests/oracle/test_oracle.py` sends more than the usual run does, and prints the counts.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import pytest
from support import oracle_envoy
from support.oracle_traffic import exchanges, send_all

from egressaudit.hops.dialects.json_lines import ENVOY_KEYS
from egressaudit.hops.line_parser import LineParser
from egressaudit.model import Hop, LogLine, LogSource, OtherLine, Reporter, Unparsed

pytestmark = pytest.mark.e2e

EXCHANGES = int(os.environ.get("ORACLE_EXCHANGES", "800"))
SEED = int(os.environ.get("ORACLE_SEED", "20260101"))

REASON = "upstream_transport_failure_reason"
QUOTED = {"x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host"}
"""Columns that Istio's text format has in quotes of their own, and that may hold blanks there."""

FLAGS = {"-", "DC", "DPE", "FI", "NC", "NR", "UC", "UF", "UH", "UPE", "UT"}
"""What the usual run must have seen, else it proves little; with them, the ways below."""
DETAILS = {"direct_response", "filter_chain_not_found", "route_not_found", "via_upstream"}
DENIED = "rbac_access_denied_matched_policy[ns[a]-policy[deny]-rule[0]]"


@dataclass(frozen=True)
class Pair:
    """What the parser made of one text line, and the JSON object that Envoy wrote of the same exchange."""

    text: str
    parsed: Hop | OtherLine | Unparsed
    document: str
    truth: dict
    carried: bool
    """Whether the text format can carry all this."""


@dataclass(frozen=True)
class Written:
    """All lines of the text log as they were parsed; the access lines' pairs, and the rests of lines broken off."""

    parsed: list
    pairs: list[Pair]
    rests: list


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What one run of Envoy wrote."""

    async def run():
        async with oracle_envoy.running(tmp_path_factory.mktemp("oracle")) as oracle:
            await send_all(exchanges(SEED, EXCHANGES), oracle.places)
        return oracle

    oracle = asyncio.run(run())
    parser, source = LineParser(), LogSource("n", "p", "c")
    lines = [LogLine(source, n, line.decode("utf-8", "surrogateescape")) for n, line in enumerate(oracle.text, 1)]
    return _paired(
        [parser.parse(line, Reporter.SIDECAR) for line in lines], [each.decode() for each in oracle.documents]
    )


def _paired(parsed, documents):
    by_line, broken_off = {}, Counter()
    for document in documents:
        first, *rest = _ascii(json.loads(document)[oracle_envoy.LINE]).split(b"\n")
        by_line.setdefault(first, []).append(document)
        broken_off.update(rest)
    pairs, rests = [], []
    for each in parsed:
        # Time and client's port make a line its exchange's own; two that are alike in all else may be swapped.
        line = _ascii(each.line.text)
        if found := by_line.get(line):
            document = found.pop()
            values = json.loads(document)
            truth = {key: _converted(key, values.get(key)) for key in ENVOY_KEYS}
            pairs.append(Pair(each.line.text, each, document, truth, _carried(values)))
        elif broken_off[line]:
            broken_off[line] -= 1
            rests.append(each)
    assert not any(by_line.values()), "a JSON object without its text line"
    assert not broken_off.total()
    return Written(parsed, pairs, rests)


def _ascii(line):
    """What text and JSON write alike, whatever becomes of bytes that are not UTF-8."""
    return line.encode("ascii", "ignore")


def _converted(key, value):
    if value in (None, "-"):
        return None
    if key == "start_time":
        return datetime.fromisoformat(value)
    if key == "upstream_service_time":
        return int(value) if value.isdecimal() else None
    return value


def _carried(values):
    """No quote or line end, no blank or emptiness but in the quotes that the format makes; and numbers are numbers."""
    blanks_within = QUOTED | {"connection_termination_details"}
    texts = {key: values[key] for key in ENVOY_KEYS if isinstance(values.get(key), str)}
    # The one number that another than the proxy may write: it is the upstream's header.
    return texts.pop("upstream_service_time", "0").isdecimal() and not any(
        '"' in value or "\n" in value or (key not in blanks_within and (" " in value or not value))
        for key, value in texts.items()
    )


def in_json(value):
    """What JSON says of a value: where it is not UTF-8, Envoy 1.40 writes each of its bytes as a character."""
    if not isinstance(value, str):
        return value
    written = value.encode("utf-8", "surrogateescape")
    try:
        return written.decode()
    except UnicodeDecodeError:
        return written.decode("latin-1")


def said(hop):
    """The hop's values of the 24 columns, as JSON would say them."""
    return {key: in_json(hop.get(key)) for key in ENVOY_KEYS}


def is_clean(parsed):
    """Whether it is a hop whose every field is believed."""
    return isinstance(parsed, Hop) and parsed.clean


def test_no_line_is_lost(written):
    counts = Counter(type(each) for each in written.parsed)
    assert counts.total() == counts[Hop] + counts[OtherLine] + counts[Unparsed]
    assert counts[Hop] + counts[Unparsed] == len(written.pairs) + len(written.rests)


def test_a_clean_line_says_all_that_the_json_says(written):
    for pair in written.pairs:
        if is_clean(pair.parsed):
            assert (pair.text, said(pair.parsed)) == (pair.text, pair.truth)


def test_an_unclean_line_says_nothing_that_the_json_does_not(written):
    for pair in written.pairs:
        if isinstance(pair.parsed, Hop) and not pair.parsed.clean:
            believed = {key: value for key, value in said(pair.parsed).items() if value is not None}
            assert (pair.text, believed) == (pair.text, {key: pair.truth[key] for key in believed})


def test_a_line_is_clean_unless_it_holds_what_the_format_cannot_carry(written):
    for pair in written.pairs:
        assert (pair.text, is_clean(pair.parsed)) == (pair.text, pair.carried)


def test_only_a_line_that_is_broken_off_is_unparsed(written):
    for pair in written.pairs:
        if isinstance(pair.parsed, Unparsed):
            assert "\n" in (pair.truth[REASON] or ""), pair.text


def test_what_an_upstream_breaks_off_a_line_is_no_hop(written):
    """A refused certificate's name holds a line end and then a whole JSON access line."""
    assert any(each.line.text.startswith("{") for each in written.rests)
    assert [each for each in written.rests if not isinstance(each, Unparsed)] == []


def test_the_json_dialect_says_what_a_json_parser_says(written):
    parser, source = LineParser(), LogSource("n", "p", "c")
    for pair in written.pairs:
        hop = parser.parse(LogLine(source, 1, pair.document), Reporter.SIDECAR)
        assert is_clean(hop)
        assert {key: hop.get(key) for key in ENVOY_KEYS} == pair.truth


def test_the_run_was_varied(written):
    kinds, flags, details, terminations = Counter(), Counter(), Counter(), Counter()
    for pair in written.pairs:
        kinds["clean" if is_clean(pair.parsed) else "unclean" if isinstance(pair.parsed, Hop) else "unparsed"] += 1
        flags[str(pair.truth["response_flags"] or "-")] += 1
        details[pair.truth["response_code_details"]] += 1
        terminations[pair.truth["connection_termination_details"]] += 1
    said = f"{EXCHANGES} exchanges, {len(written.pairs)} lines: {dict(kinds)}; {len(written.rests)} rests\n"
    sys.stdout.write(f"\n{said}{dict(flags.most_common())}\n")
    assert set(flags) >= FLAGS
    assert set(details) >= DETAILS | {DENIED}
    assert set(terminations) >= {DENIED, "transport socket timeout was reached"}
    assert kinds["unclean"] > EXCHANGES // 20
