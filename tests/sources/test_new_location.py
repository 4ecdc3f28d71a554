"""To add a place where logs are kept takes one file and one line: done in a copy of the package."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from support.additions import add, package_copy, run_copy
from support.tools import ROOT

FILE = '''
"""Logs on a shelf: `shelf:FILE` names a file beside the program."""

from pathlib import Path

from egressaudit.sources.locations import Found


class Shelf:
    def takes(self, path):
        return path.startswith("shelf:")

    def is_there(self, path):
        return self.file(path).is_file()

    def file(self, path):
        return Path("shelf") / path.removeprefix("shelf:")

    def size(self, path, containers):
        return None

    def found(self, path, containers, account):
        with self.file(path).open("rb") as raw:
            yield Found(path, raw)
'''
ABOVE = '    "egressaudit.sources.locations.standard_input:StandardInput",\n'
LINE = '    "egressaudit.sources.locations.shelf:Shelf",\n'
SAMPLE = ROOT / "sample_logs" / "istio-apis"


def packed(folder: Path) -> bytes:
    """A folder of logs as a compressed archive: what any place may hold."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(folder, "logs")
    return gzip.compress(data.getvalue())


def test_a_place_is_one_file_and_one_line(tmp_path: Path) -> None:
    package = package_copy(tmp_path)
    add(package, "a place where logs are kept", FILE, (ABOVE, LINE))
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "all.tgz").write_bytes(packed(SAMPLE))
    columns = ("-o", "csv", "--columns", "start_time,upstream_cluster,response_code")
    there = run_copy(package, "-m", "egressaudit", "parse", str(SAMPLE), *columns)
    kept = run_copy(package, "-m", "egressaudit", "parse", "shelf:all.tgz", *columns)
    assert kept.stdout.splitlines()[1:]
    assert kept.stdout == there.stdout
    window = ("--since", "2020-01-01T00:00:00Z", "--until", "2030-01-01T00:00:00Z", "--mesh", str(SAMPLE / "mesh.json"))
    audits = [
        run_copy(package, "-m", "egressaudit", "audit", path, *window, ok=(0, 3, 10))
        for path in (str(SAMPLE), "shelf:all.tgz")
    ]
    assert [done.returncode for done in audits] == [audits[0].returncode] * 2
    assert "docs.redhat.com" in audits[1].stdout
    missing = run_copy(package, "-m", "egressaudit", "parse", "shelf:none", ok=(2,))
    assert "shelf:none does not exist" in missing.stderr
