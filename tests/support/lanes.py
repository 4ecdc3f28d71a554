"""Every lane over the same lines, held against each other."""

import json
import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from egressaudit.compiled_module import missing
from egressaudit.hops import rows as hops
from egressaudit.hops import tables as bulk
from egressaudit.hops.columns import HOP_COLUMNS
from egressaudit.hops.dialects.envoy.default_text import TEXTS
from egressaudit.hops.dialects.json_lines import ENVOY_KEYS, ZTUNNEL_KEYS
from egressaudit.model import Reporter
from egressaudit.sources import Sources
from support.forged import LINE, TUNNELLED, hostile, sidecar_line, true_lines
from support.log_lines import ISTIO_LINE, JSON_LINE, REAL, ZTUNNEL_LINE

EXAMPLES = int(os.environ.get("COLUMNAR_EXAMPLES", "150"))


SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


compiled = pytest.mark.skipif(bool(missing()), reason=f"about the compiled lane alone, which is not here: {missing()}")


JSON_COMPACT = json.dumps(
    {key: value for key, value in JSON_LINE.items() if key != "something_else"}, separators=(",", ":")
)


TABBED = ZTUNNEL_LINE.replace("Z info access connection complete ", "Z\tinfo\taccess\tconnection complete\t")


AGENT = "2024-11-07T14:35:52.428111Z\tinfo\tEnvoy proxy is ready"


def written(value):
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def by_the_careful_lane(path, reporter=None):
    """The rows, what is not parsed, and the counts; one line after the other."""
    rows, unparsed, counts = [], [], []
    for each in hops.rows(Sources([str(path)], reporter=reporter)):
        match each:
            case hops.HopRow(values):
                rows.append({column: written(values.get(column)) for column in HOP_COLUMNS})
            case hops.NotParsed(_, line):
                unparsed.append(line)
            case hops.LogEnd(_, count):
                counts.append(count)
    return rows, unparsed, counts


def by_both_lanes(path, reporter=None, columns=None, block_size=4096):
    rows, unparsed, counts = [], [], []
    for each in bulk.hop_tables(Sources([str(path)], reporter=reporter), columns, in_order=True, block_size=block_size):
        match each:
            case bulk.HopTable(_, table):
                rows += table.to_pylist()
            case bulk.NotParsed(_, line):
                unparsed.append(line)
            case bulk.TimedLogEnd(_, count):
                counts.append(count)
    return rows, unparsed, counts


def assert_same(path, reporter=None, block_size=4096):
    assert by_both_lanes(path, reporter, block_size=block_size) == by_the_careful_lane(path, reporter)


plain_lines = st.sampled_from(
    [ISTIO_LINE, LINE, sidecar_line(), JSON_COMPACT, json.dumps(JSON_LINE), ZTUNNEL_LINE, TABBED, TUNNELLED, AGENT, ""]
    + [row["line"] for row in REAL]
)


envoys_lines = st.sampled_from(TEXTS).flatmap(true_lines).map(lambda made: made[0])


@st.composite
def mutated(draw, whole=plain_lines | envoys_lines):
    """A line with some of its bytes cut out, doubled or overwritten."""
    line = draw(whole)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(line)))
        line = (
            line[:at]
            + draw(hostile | st.sampled_from(['"', " ", "", "!", "\t", "=", ",", ":"]))
            + line[at + draw(st.integers(0, 2)) :]
        )
    return line


odd_values = st.sampled_from(
    [None, "-", "", "0", 0, 14, -1, "007", 10**17, 1.5, True, [], "a b", "é", "x\\y", "1,2:3{}"]
)


json_values = st.dictionaries(st.sampled_from([*ENVOY_KEYS, "level", "else"]), odd_values, max_size=3)


@st.composite
def json_lines(draw):
    """An object with keys left out, in any order, and odd values; now and then with blanks, or cut."""
    document = {key: value for key, value in JSON_LINE.items() if key != "something_else"} | draw(json_values)
    keys = draw(st.permutations(list(document))) if draw(st.booleans()) else list(document)
    keys = keys[: draw(st.sampled_from([len(keys), len(keys), 9]))]
    separators = draw(st.sampled_from([(",", ":"), (",", ":"), (", ", ": ")]))
    return json.dumps({key: document[key] for key in keys}, separators=separators, ensure_ascii=draw(st.booleans()))


ztunnel_values = st.sampled_from(
    ['"x"', "x", '""', '"a b"', '"a\tb"', '"a=b"', "a=b", "-", "0", "12", '"12"', '"5ms"', "5ms", "x!", '"é"', "1" * 17]
)


@st.composite
def ztunnel_lines(draw):
    """A head and pairs: some of the known keys, in any order, now and then one twice or one that is not known."""
    blank = draw(st.sampled_from(["\t", " ", "  "]))
    level = draw(st.sampled_from(["info", "error", "x1"]))
    keys = draw(st.lists(st.sampled_from([*ZTUNNEL_KEYS, "new.key", "src.addr"]), max_size=6))
    pairs = ["src.addr=10.1.0.5:1", "dst.addr=10.1.0.6:2", 'direction="inbound"', 'duration="7ms"', "bytes_sent=5"]
    pairs = [each for each in pairs if each.split("=")[0] not in keys or draw(st.booleans())]
    pairs += [f"{key}={draw(ztunnel_values)}" for key in keys]
    message = draw(st.sampled_from(["connection complete", "connection opened", "connection failed", "connection"]))
    head = blank.join(["2025-10-24T08:08:35.242159Z", level, "access", message])
    return head + blank + " ".join(draw(st.permutations(pairs)))


@st.composite
def application_lines(draw):
    """What an agent, an Envoy or a ztunnel says of itself, or nearly."""
    time = draw(
        st.sampled_from(
            [AGENT.split("\t", maxsplit=1)[0], "2024-11-07T14:35:52.428Z", "2024-11-07T14:35:52Z", "2024-99-99"]
        )
    )
    level = draw(st.sampled_from(["info", "debug", "warning", "ERROR", "stdout", "Info", "[x]", "-"]))
    scope = draw(st.sampled_from(["envoy main", "access", "xds", "[2024-11-07T", "F {", "", "é", "a\x1fb", "a\r"]))
    more = draw(st.sampled_from(["\t", " ", "  ", ""])).join([scope, draw(st.sampled_from(["ready", "", "x=1", "\t"]))])
    blank = draw(st.sampled_from(["\t", " ", "\t \t"]))
    return blank.join([time, level, more])


# Of one kind, for JSON and ztunnel's lines are left to the careful lane where Envoy's text is beside them.
kinds = st.sampled_from(
    [
        plain_lines | envoys_lines | mutated(),
        plain_lines | envoys_lines | mutated() | json_lines() | ztunnel_lines(),
        json_lines() | st.just(JSON_COMPACT),
        ztunnel_lines() | st.sampled_from([TABBED, TUNNELLED]),
        mutated(json_lines()),
        mutated(ztunnel_lines()),
        application_lines() | mutated(application_lines()) | st.just(ISTIO_LINE) | mutated(st.just(ISTIO_LINE)),
        application_lines() | st.just(TABBED),
        *(mutated(st.just(line)) | st.just(line) for line in (ISTIO_LINE, JSON_COMPACT, TABBED)),
    ]
)


several_templates = st.lists(json_lines(), min_size=1, max_size=3).flatmap(
    lambda some: st.lists(st.sampled_from([*some, JSON_COMPACT]), max_size=12)
)


lines = kinds.flatmap(lambda kind: st.lists(kind, max_size=12)) | several_templates


reporters = st.sampled_from([None, *Reporter])
