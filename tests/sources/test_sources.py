"""Logs wherever they lie: wrappers, layouts, archives, compression. Every line is accounted for."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support.folders import written

from egressaudit.errors import NotFound
from egressaudit.hops.line_parser import LineParser
from egressaudit.hops.rows import Counted, HopRow, NotParsed, rows
from egressaudit.model import LogLine, LogSource, Reporter
from egressaudit.sources import Sources, reporter_of
from egressaudit.sources.layouts import place
from egressaudit.sources.lines import CUT, MAX_LINE, TOO_LONG, split_lines
from egressaudit.sources.unwrapping import unwrapped
from egressaudit.sources.wrappers import Wrapper, unwrap, wrapper_of

PROXY = frozenset({"istio-proxy"})
TEXT = (
    '[2026-11-23T00:42:56.837Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 0 45 5 3 "-" "curl/8.7.1" "f1b7d8d2" '
    '"docs.redhat.com" "10.0.0.9:8080" outbound|80||docs.redhat.com 10.0.0.5:50000 10.0.0.5:15001 10.0.0.5:40000 - -'
)
JSON = json.dumps(
    {"start_time": "2026-11-23T00:42:56.837Z", "response_code": 200, "downstream_remote_address": "10.0.0.5:40000"}
)
ZTUNNEL = (
    "2026-11-23T00:42:46.641788Z\tinfo\taccess\tconnection complete\tsrc.addr=10.0.0.5:40000 dst.addr=10.0.0.8:15008 "
    'direction="outbound" bytes_sent=100 bytes_recv=213 duration="18ms"'
)
AGENT = "2026-11-23T00:42:56.077660Z\tinfo\tEnvoy proxy is ready"
STAMP = "2026-11-23T00:42:56.837123456Z"
# What a sender can put into a User-Agent, which Envoy writes as it is.
HOSTILE = TEXT.replace("curl/8.7.1", f'x" "y" {STAMP} stdout F [pod/gw/istio-proxy] {{"log":"')

WRAP = {
    Wrapper.NONE: lambda line: line,
    Wrapper.CRI: lambda line: f"{STAMP} stdout F {line}",
    Wrapper.DOCKER: lambda line: json.dumps({"log": f"{line}\n", "stream": "stdout", "time": STAMP}),
    Wrapper.TIMESTAMPS: lambda line: f"{STAMP} {line}",
    Wrapper.PREFIX: lambda line: f"[pod/gw-1/istio-proxy] {line}",
    Wrapper.STERN: lambda line: f"gw-1 istio-proxy {line}",
    Wrapper.STERN_NAMESPACES: lambda line: f"egress gw-1 istio-proxy {line}",
}
ACCESS = {"text": TEXT, "json": JSON, "ztunnel": ZTUNNEL, "hostile": HOSTILE}


def read(*paths: Path, **options: object) -> tuple[Sources, list[object]]:
    sources = Sources([str(path) for path in paths], **options)  # type: ignore[arg-type]
    return sources, list(rows(sources))


def hops(events: list[object]) -> list[dict[str, object]]:
    return [event.values for event in events if isinstance(event, HopRow)]


def reasons(events: list[object]) -> list[tuple[int, str]]:
    return [(e.unparsed.line.number, e.unparsed.reason) for e in events if isinstance(e, NotParsed)]


# ---------------------------------------------------------------- wrappers


@pytest.mark.parametrize("line", ACCESS.values(), ids=ACCESS)
@pytest.mark.parametrize("wrapper", Wrapper)
def test_each_wrapper_is_told_and_taken_off(wrapper: Wrapper, line: str) -> None:
    wrapped = WRAP[wrapper](line)
    assert wrapper_of([wrapped]) is wrapper
    assert unwrap(wrapped, wrapper).text == line
    assert not unwrap(wrapped, wrapper).fault


@pytest.mark.parametrize("line", [*ACCESS.values(), AGENT, "", "  ", "a line of text"])
@pytest.mark.parametrize("wrapper", [each for each in Wrapper if each not in (Wrapper.STERN, Wrapper.STERN_NAMESPACES)])
def test_a_line_without_its_logs_wrapper_is_read_as_it_is(wrapper: Wrapper, line: str) -> None:
    assert unwrap(line, wrapper).text == line
    assert not unwrap(line, wrapper).fault


@pytest.mark.parametrize(
    ("text", "wrapper"),
    [
        (AGENT.replace("\t", " "), Wrapper.NONE),  # a copy with blanks for tabs: the time is the agent's own
        (ZTUNNEL.replace("\t", "    "), Wrapper.NONE),
        (f"{STAMP} {AGENT}", Wrapper.TIMESTAMPS),
        ('{"level":"info","time":"x","msg":"log"}', Wrapper.NONE),
        ('{"log":"x","stream":"stdout","time":"t","response_code":200}', Wrapper.NONE),  # a custom JSON format
        ('{"log":"x\\n","log":"y\\n","stream":"stdout","time":"t"}', Wrapper.NONE),
        ('{"log":1,"stream":"stdout","time":"t"}', Wrapper.NONE),
        ('{"log":"x\\n","stream":"stdout","time":"t","attrs":{"a":"b"}}', Wrapper.DOCKER),
        ("no idea", None),
    ],
)
def test_what_a_line_shows_of_its_wrapper(text: str, wrapper: Wrapper | None) -> None:
    assert wrapper_of([text]) is (wrapper or Wrapper.NONE)
    assert wrapper_of([text, WRAP[Wrapper.CRI](TEXT), WRAP[Wrapper.CRI](TEXT)]) is Wrapper.CRI


def test_kubectl_and_stern_can_put_the_time_behind_the_name() -> None:
    assert unwrap(f"[pod/gw-1/istio-proxy] {STAMP} {TEXT}", Wrapper.PREFIX).text == TEXT
    assert unwrap(f"gw-1 istio-proxy {STAMP} {TEXT}", Wrapper.STERN).text == TEXT


def test_only_the_outer_wrapper_is_believed(tmp_path: Path) -> None:
    """An application may print a whole wrapped line."""
    fake = f"[pod/gw-1/istio-proxy] {TEXT}"
    log = written(tmp_path / "x.log", f"[pod/shop-1/istio-proxy] {TEXT}", f"[pod/shop-1/istio-proxy] {fake}")
    _, events = read(log)
    assert [hop["line"] for hop in hops(events)] == [1]


def test_a_line_with_another_wrapper_is_unparsed_and_not_taken_for_an_agents(tmp_path: Path) -> None:
    _, events = read(written(tmp_path / "x.log", TEXT, TEXT, WRAP[Wrapper.CRI](TEXT)))
    assert [hop["line"] for hop in hops(events)] == [1, 2]
    [(number, reason)] = reasons(events)
    assert number == 3
    assert "CRI" in reason


def test_lines_of_other_containers_are_no_hops_whatever_they_say(tmp_path: Path) -> None:
    log = written(tmp_path / "x.log", f"[pod/shop-1/istio-proxy] {TEXT}", f"[pod/shop-1/app] {TEXT}")
    _, events = read(log)
    [hop] = hops(events)
    assert hop["source"] == f"shop-1/istio-proxy@{log}"
    assert [e.count.other for e in events if isinstance(e, Counted)] == [1]
    _, events = read(log, containers=frozenset({"istio-proxy", "app"}))
    assert len(hops(events)) == 2


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, len(TEXT)), max_size=4), wrapper=st.sampled_from([Wrapper.CRI, Wrapper.DOCKER]))
def test_parts_of_a_line_are_joined(cuts: list[int], wrapper: Wrapper) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    parts = [TEXT[a:b] for a, b in pairwise(edges)]
    if wrapper is Wrapper.CRI:
        lines = [f"{STAMP} stdout P {part}" for part in parts[:-1]] + [f"{STAMP} stdout F {parts[-1]}"]
    else:
        logs = [*parts[:-1], f"{parts[-1]}\n"]
        lines = [json.dumps({"log": log, "stream": "stdout", "time": STAMP}) for log in logs]
    # Lines of the other stream may come between the parts.
    between = WRAP[wrapper](AGENT).replace("stdout", "stderr")
    told = list(unwrapped((line, "") for each in lines for line in (each, between)))
    assert [each.line.text for each in told if each.line.text != AGENT] == [TEXT]
    assert not any(each.fault for each in told)


def test_parts_without_an_end_and_parts_without_measure_are_not_parsed() -> None:
    part = (f"{STAMP} stdout P {'x' * 10_000}", "")
    assert [each.fault for each in unwrapped([part])] == [CUT]
    [line] = unwrapped([part] * 200 + [(f"{STAMP} stdout F ", "")])
    assert line.fault == TOO_LONG
    assert len(line.line.text) <= MAX_LINE


LINES = st.lists(
    st.sampled_from([TEXT, JSON, ZTUNNEL, HOSTILE, AGENT, "", TEXT[:80], "broken {"]), min_size=1, max_size=12
)


@settings(deadline=None)
@given(lines=LINES, wrapper=st.sampled_from(list(Wrapper)), hostile=st.text(st.characters(codec="utf-8"), max_size=40))
def test_wrapped_lines_give_the_same_hops_as_bare_ones(lines: list[str], wrapper: Wrapper, hostile: str) -> None:
    agent = hostile.translate({ord("\n"): None, ord("\r"): None})
    bare = [TEXT, *(line.replace("curl/8.7.1", agent) for line in lines)]
    told = list(unwrapped((WRAP[wrapper](line), "") for line in bare))
    parser = LineParser()
    for reporter in (Reporter.SIDECAR, Reporter.ZTUNNEL):
        for number, (line, each) in enumerate(zip(bare, told, strict=True), start=1):
            assert (each.number, each.fault, each.line.text) == (number, "", line)
            source = LogSource("n", "p", "c")
            got = parser.parse(LogLine(source, number, each.line.text), reporter)
            assert got == parser.parse(LogLine(source, number, line), reporter)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=10))
def test_every_line_of_anything_is_accounted_for(parts: list[bytes]) -> None:
    data = b"\n".join(parts)
    told = list(unwrapped(split_lines(io.BytesIO(data))))
    expected = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    assert len(told) == expected
    assert [each.number for each in told] == list(range(1, expected + 1))


# ---------------------------------------------------------------- lines


def test_a_line_without_a_line_end_is_not_parsed_however_whole_it_looks(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text(f"{TEXT}\n{TEXT}")
    _, events = read(log)
    assert [hop["line"] for hop in hops(events)] == [1]
    assert reasons(events) == [(2, CUT)]


def test_a_line_end_of_windows_is_no_part_of_a_field(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(f"{TEXT}\r\n".encode())
    [hop] = hops(read(log)[1])
    assert hop["route_name"] is None
    assert hop["clean"] is True


def test_a_line_without_measure_is_passed_over_and_the_next_one_read(tmp_path: Path) -> None:
    log = written(tmp_path / "x.log", "x" * (3 * MAX_LINE), TEXT)
    _, events = read(log)
    assert [hop["line"] for hop in hops(events)] == [2]
    assert reasons(events) == [(1, TOO_LONG)]


def test_bytes_that_are_not_utf_8_survive(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(TEXT.encode().replace(b"curl/8.7.1", b"\xff\xfe") + b"\n")
    [hop] = hops(read(log)[1])
    assert str(hop["user_agent"]).encode("utf-8", "surrogateescape") == b"\xff\xfe"


# ---------------------------------------------------------------- layouts


MUST_GATHER = "must-gather.local.1/quay-io-sha256-4f/namespaces/egress/pods/gw-1"
PODS = "var/log/pods/egress_gw-1_0f0e0d0c-1111-2222-3333-444444444444"
OTHERS = "logs of other containers"


@pytest.mark.parametrize(
    ("path", "source", "skip"),
    [
        ("evidence/egress/gw-1/istio-proxy.log", "egress/gw-1/istio-proxy", ""),
        ("egress/gw-1/istio-proxy.log.gz", "egress/gw-1/istio-proxy", ""),
        ("logs/today/envoy.log", None, ""),  # any three names: not ours
        ("logs/today/proxy.log", None, ""),
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/current.log", "egress/gw-1/istio-proxy", ""),
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/previous.insecure.log", "egress/gw-1/istio-proxy", ""),
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/rotated/0.log.20250217-072641.gz", "egress/gw-1/istio-proxy", ""),
        (f"{MUST_GATHER}/app/app/logs/current.log", "egress/gw-1/app", OTHERS),
        ("must-gather/host_service_logs/masters/crio_service.log", None, "logs that are not of pods"),
        ("must-gather/audit_logs/kube-apiserver/audit.log.gz", None, "logs that are not of pods"),
        ("must-gather.local.1/must-gather.log", None, "logs that are not of pods"),
        ("bug-report/proxies/egress/gw-1/istio-proxy.log", "egress/gw-1/istio-proxy", ""),
        ("bug-report/proxies/egress/gw-1/proxy.log", "egress/gw-1/istio-proxy", ""),
        ("bug-report/istio/istio-system/istiod-1/discovery.log", "istio-system/istiod-1/discovery", OTHERS),
        (f"{PODS}/istio-proxy/0.log", "egress/gw-1/istio-proxy", ""),
        (f"{PODS}/istio-proxy/3.log.20250217-072641.gz", "egress/gw-1/istio-proxy", ""),
        (f"{PODS}/app/0.log", "egress/gw-1/app", OTHERS),
        (f"var/log/containers/gw-1_egress_istio-proxy-{'0f' * 32}.log", "egress/gw-1/istio-proxy", ""),
        ("a/gateway.log", None, ""),
        ("a/gateway.log.1", None, ""),
        ("a/gateway-2026.log.zst", None, ""),
        ("evidence/mesh.json", None, "files not named *.log"),
        ("namespaces/egress/core/pods.yaml", None, "files not named *.log"),
    ],
)
def test_what_a_path_says(path: str, source: str | None, skip: str) -> None:
    told = place(path, PROXY)
    assert (None if told.source is None else str(told.source), told.skip) == (source, skip)


@pytest.mark.parametrize(
    ("pod", "reporter"),
    [
        ("ztunnel-7l4wt", Reporter.ZTUNNEL),
        ("waypoint-dd5c9497f-59smm", Reporter.WAYPOINT),
        ("egress-waypoint-dd5c9497f-59smm", Reporter.WAYPOINT),
        ("istio-egressgateway-7c9f-x", Reporter.EGRESS_GATEWAY),
        ("egress-gateway-1", Reporter.EGRESS_GATEWAY),
        ("bookinfo-istio-84f7759775-mlbbh", Reporter.EGRESS_GATEWAY),
        ("payment-gateway-1", None),
        ("shop-1", None),
        ("my-ztunnel-1", None),
        ("waypoints-1", None),
    ],
)
def test_what_a_pods_name_says(pod: str, reporter: Reporter | None) -> None:
    assert reporter_of(pod) is reporter


@pytest.mark.parametrize(("line", "reporter"), [(TEXT, None), (JSON, None), (ZTUNNEL, "ztunnel"), (HOSTILE, None)])
def test_without_a_name_the_line_itself_says_whether_a_ztunnel_wrote_it(
    line: str, reporter: str | None, tmp_path: Path
) -> None:
    log = written(tmp_path / "x.txt", line)
    assert [hop["reporter"] for hop in hops(read(log)[1])] == [reporter]
    as_gateway = hops(read(log, reporter=Reporter.EGRESS_GATEWAY)[1])
    assert [hop["reporter"] for hop in as_gateway] == ([] if line == ZTUNNEL else ["egress-gateway"])


def test_logs_of_one_container_keep_different_names(tmp_path: Path) -> None:
    for day in ("monday", "tuesday"):
        written(tmp_path / day / "egress" / "gw-1" / "istio-proxy.log", TEXT)
    names = [hop["source"] for hop in hops(read(tmp_path)[1])]
    later = tmp_path / "tuesday" / "egress" / "gw-1" / "istio-proxy.log"
    assert names == ["egress/gw-1/istio-proxy", f"egress/gw-1/istio-proxy@{later}"]


def test_a_folder_is_read_without_following_links(tmp_path: Path) -> None:
    written(tmp_path / "outside.log", TEXT)
    folder = tmp_path / "folder"
    written(folder / "a.log", TEXT)
    (folder / "link.log").symlink_to(tmp_path / "outside.log")
    (folder / "round").symlink_to(folder)
    (folder / "notes.txt").write_text("x")
    sources, events = read(folder)
    assert len(hops(events)) == 1
    assert sources.skipped == {"links": 2, "files not named *.log": 1}
    assert len(hops(read(folder / "link.log")[1])) == 1  # named itself: followed


# ---------------------------------------------------------------- compression and archives


PACK = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip in members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "zstd": zstandard.compress,
    "zstd in frames": lambda data: zstandard.compress(data[:100]) + zstandard.compress(data[100:]),
}


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_compression_changes_nothing(pack: object, tmp_path: Path) -> None:
    plain = f"{TEXT}\n{JSON}\n{AGENT}\n".encode()
    (tmp_path / "x.log").write_bytes(pack(plain))  # type: ignore[operator]
    sources, events = read(tmp_path / "x.log")
    assert [hop["line"] for hop in hops(events)] == [1, 2]
    assert not sources.broken
    assert sources.bytes_read == sources.bytes_total


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_what_stands_before_a_break_is_kept(pack: object, tmp_path: Path) -> None:
    # Different lines, so that there is more than one block to break between.
    lines = [TEXT.replace("/a", f"/{n:x}{n * 2654435761 % 2**32:x}") for n in range(20_000)]
    packed = bytearray(pack("".join(f"{line}\n" for line in lines).encode()))  # type: ignore[operator]
    del packed[len(packed) * 3 // 4 :]
    (tmp_path / "x.log").write_bytes(packed)
    sources, events = read(tmp_path / "x.log")
    good = hops(events)
    assert 1000 < len(good) < 20_000
    assert [hop["line"] for hop in good] == list(range(1, len(good) + 1))
    assert all(hop["raw"] == line for hop, line in zip(good, lines, strict=False))
    [problem] = sources.broken
    assert "x.log is broken after line" in problem
    [counted] = [e.count for e in events if isinstance(e, Counted)]
    assert counted.access + counted.other + counted.unparsed == counted.read


def test_a_changed_gzip_is_broken_even_where_its_bytes_still_unpack(tmp_path: Path) -> None:
    """Its checksum stands at its end, so lines that were changed may have been read by then: they are no proof."""
    packed = bytearray(gzip.compress(f"{TEXT}\n".encode() * 1000))
    packed[-8] ^= 1
    (tmp_path / "x.log").write_bytes(packed)
    sources, events = read(tmp_path / "x.log")
    assert len(hops(events)) == 1000
    assert "CRC" in sources.broken[0]


def tar_of(*entries: tuple[str, bytes], change: object = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in change or ():  # type: ignore[attr-defined]
            archive.addfile(info)
    return out.getvalue()


LOG = f"{TEXT}\n".encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["tar", "tar.gz", "tar.zst"])
def test_archives_are_read_where_they_lie(pack: object, tmp_path: Path) -> None:
    data = tar_of(
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/current.log", f"{STAMP} {TEXT}\n".encode()),
        (f"{MUST_GATHER}/istio-proxy/istio-proxy/logs/rotated/0.log.20250217-072641.gz", gzip.compress(LOG)),
        (f"{MUST_GATHER}/app/app/logs/current.log", LOG),
        ("must-gather/namespaces/egress/core/pods.yaml", b"kind: PodList\n"),
    )
    (tmp_path / "mg").write_bytes(pack(data))  # type: ignore[operator]
    sources, events = read(tmp_path / "mg")
    names = [str(hop["source"]).partition("@")[0] for hop in hops(events)]
    assert names == ["egress/gw-1/istio-proxy"] * 2
    assert len({hop["source"] for hop in hops(events)}) == 2
    assert sources.skipped == {"logs of other containers": 1, "files not named *.log": 1}
    assert not sources.broken
    assert [path.name for path in tmp_path.iterdir()] == ["mg"]


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def test_evil_members_are_passed_over_and_counted(tmp_path: Path) -> None:
    evil = [
        special("a.log", tarfile.SYMTYPE, "/etc/passwd"),
        special("b.log", tarfile.LNKTYPE, "../../etc/passwd"),
        special("c.log", tarfile.CHRTYPE),
        special("d.log", tarfile.FIFOTYPE),
        special("e.log", tarfile.GNUTYPE_SPARSE),
    ]
    data = tar_of(("../../up.log", LOG), ("x/../../y.log", LOG), ("/abs/z.log", LOG), ("t.log", tar_of()), change=evil)
    (tmp_path / "evil.tar").write_bytes(data)
    sources, events = read(tmp_path / "evil.tar")
    assert [hop["source"] for hop in hops(events)] == [f"{tmp_path / 'evil.tar'}!abs/z.log"]
    assert sources.skipped["links"] == 2
    assert sources.skipped["devices and other special files"] == 2
    assert sources.skipped["names that lead out of the archive"] == 2


def test_an_archive_in_an_archive_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of(("inner.log", tar_of(("a.log", LOG))), ("a.log", LOG)))
    sources, events = read(tmp_path / "x.tar")
    assert len(hops(events)) == 1
    assert sources.skipped == {"archives inside archives": 1}


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:512],  # the member is missing
        lambda data: data[:700],  # the member is cut
        lambda data: data[:1024],  # the end mark is missing
        lambda data: data[:1024] + b"x" * 512 + data[1024:],  # a header that is none
        lambda data: data[:1024] + data[1024:1224],  # a cut header
    ],
)
def test_a_broken_archive_is_not_taken_for_a_short_one(damage: object, tmp_path: Path) -> None:
    whole = tar_of(("a.log", LOG[:400] + b"\n"))
    (tmp_path / "x.tar").write_bytes(damage(whole))  # type: ignore[operator]
    sources, _ = read(tmp_path / "x.tar")
    [problem] = sources.broken
    assert "x.tar" in problem


def test_a_header_that_claims_gigabytes_is_not_believed(tmp_path: Path) -> None:
    header = special("x", tarfile.XHDTYPE)
    header.size = 8 * 1024**3
    (tmp_path / "x.tar").write_bytes(header.tobuf() + bytes(4096))
    sources, _ = read(tmp_path / "x.tar")
    assert "claims" in sources.broken[0]


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"BZh91AY", b"\xfd7zXZ\x00"])
def test_a_format_that_is_not_read_is_said_and_not_taken_for_text(magic: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(magic + bytes(100))
    assert "which is not read" in read(tmp_path / "x.log")[0].broken[0]
    written(tmp_path / "y.log", TEXT)
    sources, events = read(tmp_path)  # the others are read
    assert len(hops(events)) == 1
    assert len(sources.broken) == 1


def test_a_path_that_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Sources([str(tmp_path / "nowhere")])


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    """A line of 64 MiB and then many short ones, from a few KiB of zstd, in less than 40 MiB."""
    import tracemalloc

    blob = zstandard.compress(b"x" * (64 * 1024 * 1024) + b"\n" + b"short line\n" * 1_000_000)
    (tmp_path / "x.log").write_bytes(blob)
    sources = Sources([str(tmp_path / "x.log")])
    tracemalloc.start()
    read_lines = 0
    for _, lines in sources:
        for _line in lines:
            read_lines += 1
            if read_lines == 20_000:
                break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read_lines == 20_000
    assert peak < 40 * 1024 * 1024
