"""How reports name files: relative to the folder that has all that was named, and each file its own way."""

from __future__ import annotations

from pathlib import Path

import pytest

from egressaudit.sources import Sources
from egressaudit.sources.shown_paths import ShownPaths

LINE = b"a line\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("one/a.log", "one/b/a.log", "two/a.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(LINE)
    (tmp_path / "link").symlink_to(tmp_path / "one" / "b")
    (tmp_path / "a.link.log").symlink_to(tmp_path / "two" / "a.log")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# One row: what was named, and how its files are called.
@pytest.mark.parametrize(
    ("named", "shown"),
    [
        (["one"], ["a.log", "b/a.log"]),
        (["./one/"], ["a.log", "b/a.log"]),
        (["two/../one"], ["a.log", "b/a.log"]),
        (["one/a.log"], ["a.log"]),
        (["one", "two"], ["one/a.log", "one/b/a.log", "two/a.log"]),
        (["two", "one/b"], ["one/b/a.log", "two/a.log"]),
        (["one/a.log", "two/a.log"], ["one/a.log", "two/a.log"]),
        (["one", "one/b/a.log"], ["a.log", "b/a.log", "b/a.log"]),
        (["."], ["one/a.log", "one/b/a.log", "two/a.log"]),
        # A link keeps its name; what lies behind `link/..` is not what the text says.
        (["link"], ["a.log"]),
        (["a.link.log"], ["a.link.log"]),
        (["link/../a.log", "two/a.log"], ["one/a.log", "two/a.log"]),
    ],
)
def test_files_are_named_within_what_was_named(named: list[str], shown: list[str], folder: Path) -> None:
    for paths in (named, [f"{folder}/{each}" for each in named]):
        assert sorted(origin.path for origin, _ in Sources(paths, relative=True)) == shown


def test_what_cannot_be_read_is_named_so_too(folder: Path) -> None:
    (folder / "one" / "a.log").unlink()
    (folder / "one" / "a.log").symlink_to("/dev/zero")
    sources = Sources([f"{folder}/one/a.log", f"{folder}/two"], relative=True)
    assert [origin.path for origin, _ in sources] == ["two/a.log"]
    assert sources.broken == ["one/a.log cannot be read: it is a device"]


def test_without_paths_nothing_is_named() -> None:
    ShownPaths([])
