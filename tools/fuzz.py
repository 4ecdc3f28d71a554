"""Feed all grammars, dialects and wrappers anything at all: no exception but ours, no hang, no runaway time.

    python tools/fuzz.py --seconds 600

Hypothesis makes the inputs: bytes, words of the dialects in any order, real lines with pieces cut, doubled and put in.
An input that takes longer than LIMIT seconds of processor time, or raises, ends the run with that input.
"""

from __future__ import annotations

import argparse
import gzip
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from egressaudit.errors import EgressAuditError
from egressaudit.hops.dialects import FormatError, FormatSet, cluster_name, json_format, text_format
from egressaudit.hops.dialects.envoy.default_text import ISTIO
from egressaudit.hops.line_parser import LineParser
from egressaudit.mesh import configured_formats
from egressaudit.model import Hop, LogLine, LogSource, OtherLine, Reporter, Unparsed
from egressaudit.sources import Sources
from egressaudit.sources.unwrapping import unwrapped
from egressaudit.sources.wrappers import Wrapper, unwrap

LIMIT = 20.0
"""Seconds of processor time for one input of up to 1 MiB; most take microseconds."""

LINES = tuple(
    """\
[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 301 - via_upstream - "-" 0 0 24 24 "10.128.2.30" "curl/8.11.0" "79551af2" \
"docs.redhat.com" "23.55.176.201:80" outbound|80||docs.redhat.com 10.128.2.29:49766 10.128.2.29:80 10.128.2.30:38296 - -
2025-10-24T08:08:35.242159Z\tinfo\taccess\tconnection complete\tsrc.addr=[fd01::b0]:56288 dst.addr=[fd01::af]:15008 \
direction="outbound" bytes_sent=78 bytes_recv=540 duration="957ms" error="said \\"no\\"\\n"
{"start_time":"2024-11-07T14:35:52.428Z","response_code":200,"downstream_remote_address":"10.0.0.1:2","path":"\\303"}
{"level":"info","time":"2026-08-10T08:19:58.950669Z","scope":"access","message":"connection complete",\
"src.addr":"10.244.0.6:57866","dst.addr":"10.0.0.1:80","direction":"outbound","duration":"1006ms"}
2022-12-01T07:52:40.051666Z\tinfo\tEnvoy proxy is ready
2025-01-30T12:10:13.682034460Z stdout F x
{"log":"x\\n","stream":"stdout","time":"2025-01-30T12:10:13.682034460Z"}
[pod/gw-1/istio-proxy] x
outbound_.80_.v1_.gw.ns.svc.cluster.local
""".splitlines()
)
FORMATS = (
    ISTIO.format_string + " %HOSTNAME%",
    "%REQ(A)%|%START_TIME(%s.%3f)%,%UPSTREAM_HOST% %UPSTREAM_TRANSPORT_FAILURE_REASON%",
    '%START_TIME%\t%REQ(A)%\t%RESPONSE_CODE%\t"%REQ(B)%"',
)
WORDS = st.sampled_from(
    ['"', " ", "\t", "\\", "{", "}", "[", "]", ":", ",", "=", "|", "%", "(", ")", "\x00", "\x1b", "\udcff", "é", "-",
     "0", "99999999999999999999", "access", "REQ", "START_TIME", "%Y", "HTTP/1.1", "null", '\\"', "\\u{", "\\303",
     "\n", "@", "_."]
)  # fmt: skip


@dataclass(frozen=True)
class Input:
    """A text in which `piece` stands `times` times at `at`: short to print, however long it is."""

    around: str
    piece: str = ""
    times: int = 0
    at: int = 0

    @property
    def text(self) -> str:
        return self.around[: self.at] + self.piece * self.times + self.around[self.at :]


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    """A line, or nearly one, or nothing like one; now and then of 1 MiB."""
    text = draw(st.sampled_from(LINES) | st.lists(WORDS, max_size=30).map("".join) | st.text(max_size=60))
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        text = draw(
            st.sampled_from(
                [text[:start] + text[end:], text[:end] + text[start:], text[:start] + draw(WORDS) + text[start:]]
            )
        )
    if draw(st.integers(0, 40)) == 0:
        piece = draw(WORDS | st.sampled_from([' "', '" "', " - ", "a=", 'a="', "[[", '{"a":', '\\"', text or "x"]))
        return Input(text, piece, 1024 * 1024 // len(piece), draw(st.integers(0, len(text))))
    return Input(text)


def parse_lines(text: str) -> None:
    source = LogSource("n", "p", "c")
    sets = [None, *(FormatSet(text_format(each), wary=True) for each in FORMATS)]
    sets.append(FormatSet(json_format({"a": "%START_TIME%", "b": {"c": ["%REQ(A)% %PROTOCOL%"]}}, omit_empty=True)))
    for formats in sets:
        parser = LineParser(formats)
        for reporter in Reporter:
            parsed = parser.parse(LogLine(source, 1, text), reporter)
            assert isinstance(parsed, Hop | OtherLine | Unparsed)
            # Escapes of UTF-8 that is none: what was read can be counted and written.
            assert isinstance(parsed, Hop) or parsed.line.text == text


def read_formats(text: str) -> None:
    for read in (text_format, json_format):
        try:
            for each in read(text[:10_000]):
                assert each.fields
                each.read("x")
        except FormatError as error:
            if error.column < 1:
                raise AssertionError(error) from error
    with suppress(ValueError):
        configured_formats([{"accessLogFormat": text}, {"kind": "Telemetry", "spec": {"accessLogging": [text]}}, text])


def name_clusters(text: str) -> None:
    cluster_name(text)


def take_wrappers_off(text: str) -> None:
    for wrapper in Wrapper:
        unwrap(text, wrapper)
    lines = [(line, "") for line in text.split("\n")]
    assert len(list(unwrapped(lines))) <= len(lines)


def read_bytes(text: str) -> None:
    """The text as a file: as it is, packed, and packed and then damaged where the text says."""
    # A million empty lines are a million lines: what is looked for here is a break, not the time of many lines.
    plain = text.encode("utf-8", "replace")[:65536]
    packed = gzip.compress(plain, 1)
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1) as tar:
        member = tarfile.TarInfo("namespaces/n/pods/p/istio-proxy/istio-proxy/logs/current.log")
        member.size = len(plain)
        tar.addfile(member, BytesIO(plain))
    at = len(text) % len(packed)
    damaged = packed[:at] + plain[:3] + packed[at + 3 :]
    with TemporaryDirectory() as folder:
        for n, data in enumerate(
            (plain, packed, archive.getvalue(), damaged, archive.getvalue()[:-9], plain[:9] + packed)
        ):
            file = Path(folder) / f"{n}.log"
            file.write_bytes(data)
            try:
                for _, lines in Sources([str(file)]):
                    for line in lines:
                        assert line.line.number >= 1
            except EgressAuditError:
                pass


TARGETS: tuple[Callable[[str], None], ...] = (parse_lines, read_formats, name_clusters, take_wrappers_off, read_bytes)


def timed(target: Callable[[str], None], text: str) -> None:
    """Run a target on one input. AssertionError where it took too long."""
    began = time.process_time()
    target(text)
    took = time.process_time() - began
    assert took < LIMIT, f"{target.__name__} took {took:.1f} s on {len(text)} characters: {text[:80]!r}"


def run(examples: int) -> None:
    """Feed every target so many inputs."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs())
    def feed(made: Input) -> None:
        for target in TARGETS:
            timed(target, made.text)

    feed()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    until = time.monotonic() + parser.parse_args().seconds
    inputs = 0
    while time.monotonic() < until:
        run(500)
        inputs += 500
    print(f"{inputs} inputs, {len(TARGETS)} targets, nothing found")


if __name__ == "__main__":
    main()
