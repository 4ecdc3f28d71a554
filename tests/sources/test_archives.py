"""Compressed logs and archives, whole and damaged."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
import zstandard
from support.folders import written
from support.source_lines import AGENT, JSON, MUST_GATHER, STAMP, TEXT, hops, read

from egressaudit.errors import NotFound
from egressaudit.hops.rows import LogEnd
from egressaudit.sources import Sources

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
    [counted] = [e.count for e in events if isinstance(e, LogEnd)]
    assert counted.access + counted.other + counted.unparsed == counted.read


def test_a_changed_gzip_is_broken_even_where_its_bytes_still_unpack(tmp_path: Path) -> None:
    """Its checksum stands at its end, so lines that were changed may have been read by then: they are no proof."""
    packed = bytearray(gzip.compress(f"{TEXT}\n".encode() * 1000))
    packed[-8] ^= 1
    (tmp_path / "x.log").write_bytes(packed)
    sources, events = read(tmp_path / "x.log")
    assert len(hops(events)) == 1000
    assert "damaged here" in sources.broken[0]


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
    assert "which is not supported" in read(tmp_path / "x.log")[0].broken[0]
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
