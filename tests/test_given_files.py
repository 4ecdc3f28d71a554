"""What a user names is read to its end, or refused for what it is."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from egressaudit import given_files
from egressaudit.errors import NotRead, why_refused
from egressaudit.given_files import is_pipe, open_given, read_given


def late(path: Path, *pieces: bytes) -> threading.Thread:
    """Somebody who opens a pipe at once and writes slowly."""

    def write() -> None:
        with path.open("wb", buffering=0) as stream:
            for each in pieces:
                time.sleep(0.3)
                stream.write(each)

    writer = threading.Thread(target=write)
    writer.start()
    return writer


def test_a_pipe_is_read_to_its_end_however_slowly_it_comes(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    writer = late(pipe, b"one\n", b"two\n")
    assert read_given(pipe) == b"one\ntwo\n"
    writer.join()
    assert is_pipe(pipe)
    assert not is_pipe(tmp_path / "none")


def test_a_pipe_without_a_writer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_files, "_PATIENCE", 0.2)
    os.mkfifo(pipe := tmp_path / "pipe")
    with pytest.raises(NotRead, match="a pipe that nobody writes to"):
        open_given(pipe)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_was_read_ahead_comes_first(size: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bcd")
    number = os.open(tmp_path / "file", os.O_RDONLY)
    with given_files._Ahead(number, b"a") as stream:
        found = b""
        while data := stream.read(size):
            found += data
    assert found == b"abcd"


def test_what_was_read_ahead_comes_first_into_a_buffer_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bcd")
    buffer = bytearray(8)
    with given_files._Ahead(os.open(tmp_path / "file", os.O_RDONLY), b"a") as stream:
        assert [stream.readinto(buffer), bytes(buffer[:1])] == [1, b"a"]
        assert [stream.readinto(buffer), bytes(buffer[:3])] == [3, b"bcd"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
        (Path.mkdir, "it is a folder"),
        (lambda path: path.write_bytes(b"12345"), "it is larger than 4 bytes"),
        (lambda path: None, "No such file or directory"),
    ],
)
def test_what_is_nothing_to_read_says_what_it_is(make: Callable[[Path], object], why: str, tmp_path: Path) -> None:
    make(tmp_path / "it")
    with pytest.raises(OSError, match=r".") as refused:
        read_given(tmp_path / "it", 4)
    assert why_refused(refused.value) == why


def test_what_is_always_empty_is_an_empty_file() -> None:
    assert read_given(Path(os.devnull)) == b""
