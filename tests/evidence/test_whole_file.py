"""A file is whole or not there, is its owner's alone, and stays what it was: a link, a pipe, a device."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from pathlib import Path

import pytest

from egressaudit.whole_file import is_regular, private_folder, remove_file, replace_file, whole_file


def test_a_file_is_replaced_in_one_step_and_nothing_else_stays(tmp_path: Path) -> None:
    file = tmp_path / "x"
    replace_file(file, b"old")
    replace_file(file, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
    assert file.read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "no" / "x", b"")


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    replace_file(file, b"old")
    with pytest.raises(ZeroDivisionError):
        write_half(file)
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
    assert file.read_bytes() == b"old"


def write_half(file: Path) -> None:
    with whole_file(file) as stream:
        stream.write(b"half")
        stream.flush()
        _ = 1 / 0


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_new_is_its_owners_alone_and_what_is_there_keeps_its_mode(tmp_path: Path) -> None:
    file, folder = tmp_path / "x", tmp_path / "a" / "b"
    replace_file(file, b"")
    assert mode(file) == 0o600
    file.chmod(0o644)
    replace_file(file, b"new")
    assert (mode(file), file.read_bytes()) == (0o644, b"new")
    remove_file(file)
    replace_file(file, b"newer")
    assert (mode(file), file.read_bytes()) == (0o644, b"newer")
    tmp_path.chmod(0o755)
    private_folder(folder)
    assert (mode(folder), mode(folder.parent), mode(tmp_path)) == (0o700, 0o700, 0o755)
    private_folder(folder)


def test_a_link_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to("file")
    replace_file(link, b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    remove_file(link)
    assert not file.exists()


def test_a_pipe_and_a_device_are_written_as_they_are(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    replace_file(pipe, b"new")
    reader.join(10)
    assert read == [b"new"]
    replace_file(Path(os.devnull), b"new")
    with pytest.raises(OSError, match="No space") as full:
        replace_file(Path("/dev/full"), b"new")
    assert full.value.errno == errno.ENOSPC
    remove_file(pipe)
    assert [is_regular(each) for each in (pipe, Path(os.devnull), tmp_path, tmp_path / "none")] == [False] * 4


def test_a_descriptor_is_written_where_it_is(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb+", buffering=0) as stream:
        stream.write(b"before ")
        path = Path(f"/proc/self/fd/{stream.fileno()}")
        assert not is_regular(path)
        replace_file(path, b"new")
    assert (tmp_path / "x").read_bytes() == b"before new"


def refused(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("place", [(tempfile, "mkstemp"), (Path, "replace")])
def test_a_file_that_can_only_be_changed_is_changed(
    place: tuple[object, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"the old one")
    monkeypatch.setattr(*place, refused)
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    with pytest.raises(ZeroDivisionError):
        write_half(file)
    # Neither a part of the new one nor, where it was begun, the old one.
    assert file.read_bytes() == (b"" if place[1] == "mkstemp" else b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


def test_an_old_file_that_cannot_be_removed_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"old")
    monkeypatch.setattr(Path, "unlink", refused)
    remove_file(file)
    assert file.read_bytes() == b""
