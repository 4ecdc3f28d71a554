"""The digest of several files is what `sha256sum` says of them, whatever their names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from egressaudit.evidence.digests import digest_of_files, sha256

NAMES = [
    ["a.log"],
    ["shop/cart-1/istio-proxy.log", "shop/cart-1/istio-proxy.previous.log", "shop/cart/istio-proxy.log"],
    ["b.log", "B.log", "a b.log", "ä.log"],
    ["back\\slash.log", "new\nline.log", "plain.log"],
    ["car\rriage.log", "  spaces  .log", "$(id).log"],
]


@pytest.mark.parametrize("names", NAMES, ids=lambda each: ascii(each[0]))
def test_it_is_the_digest_of_what_sha256sum_prints(names: list[str], tmp_path: Path) -> None:
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"%d\n" % number)
    ordered = sorted(map(os.fsencode, names))
    printed = subprocess.run(["sha256sum", "--", *ordered], cwd=tmp_path, check=True, capture_output=True).stdout
    files = [(name, sha256((tmp_path / name).read_bytes())) for name in names]
    assert digest_of_files(files) == digest_of_files(reversed(files)) == sha256(printed)


def test_a_name_cannot_stand_for_two_files() -> None:
    one, other = "a" * 64, "b" * 64
    assert digest_of_files([(f"x\n{other}  y", one)]) != digest_of_files([("x", one), ("y", other)])


def test_without_files_there_is_none() -> None:
    assert digest_of_files([]) == ""
