"""`checker/check_bundle.py`: the second reader of bundles, which shares nothing with the package."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.bundle_damage import Damage
from support.bundles import SAMPLE, Members, bundled, keys, members_of, packed
from support.tools import ROOT

CHECKER = ROOT / "checker" / "check_bundle.py"
LOG = "logs/000004/shop/checkout-22n4d7wv9l-7wjg2/istio-proxy.log"


def checked(*arguments: object) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-P", str(CHECKER), *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def test_it_is_small_and_shares_no_code_with_the_package() -> None:
    text = CHECKER.read_text("utf-8")
    assert len(text.splitlines()) <= 400
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in imports}
    assert not {each for each in names if each.startswith("egressaudit")}
    others = {each.partition(".")[0] for each in names} - set(sys.stdlib_module_names)
    assert others == {"compression", "cryptography", "zstandard"}


@pytest.mark.parametrize(
    ("holds", "logs", "shown"), [("all", "6 of 6", 17), ("relevant", "0 of 6", 17), ("none", "6 of 6", 0)]
)
def test_it_finds_a_bundle_right(holds: str, logs: str, shown: int, tmp_path: Path) -> None:
    code, said = checked(bundled(tmp_path / "b.tar.zst", "--bundle-logs", holds))
    assert code == 0, said
    assert f"{logs} logs lead to their roots, line by line" in said
    assert f"{shown} shown lines are proven to be lines of their logs" in said
    assert ("4 groups: their lines say so; 1: this program cannot tell" in said) is (holds != "none")


def test_it_checks_the_signature(tmp_path: Path) -> None:
    ours, theirs = keys(tmp_path, "ours"), keys(tmp_path, "theirs")
    file = bundled(tmp_path / "b.tar.zst", "--sign-key", ours[0])
    assert "the signature is that of this key" in checked(file, "--key", ours[1])[1]
    assert checked(file, "--key", theirs[1]) == (
        1,
        [*checked(file)[1][:3], "WRONG: the signature is not that of this key"],
    )


def sealed(members: Members) -> Members:
    """With all digests made to fit again, as a forger would who has no key."""
    found = dict(members)
    statement = json.loads(found["manifest.json"])
    for each in statement["subject"]:
        each["digest"]["sha256"] = hashlib.sha256(found[each["name"]]).hexdigest()
    found["manifest.json"] = json.dumps(statement, indent=1).encode() + b"\n"
    found["SHA256SUMS"] = f"{hashlib.sha256(found['manifest.json']).hexdigest()}  manifest.json\n".encode()
    return list(found.items())


def in_report(old: str, new: str) -> Callable[[Members], Members]:
    def change(members: Members) -> Members:
        return sealed([(n, d.replace(old.encode(), new.encode()) if n == "report.json" else d) for n, d in members])

    return change


def in_log(old: bytes, new: bytes) -> Callable[[Members], Members]:
    return lambda members: sealed([(n, d.replace(old, new, 1) if n == LOG else d) for n, d in members])


def without_last_row(members: Members) -> Members:
    return sealed([(n, d[: d[:-1].rindex(b"\n") + 1] if n == "lines.jsonl" else d) for n, d in members])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda members: members[:-1], "the manifest lists other members: leaves/000006"),
        (lambda members: [(n, d + b"x" if n == "mesh.json" else d) for n, d in members], "mesh.json was altered"),
        (lambda members: [(n, d + b" " if n == "manifest.json" else d) for n, d in members], "SHA256SUMS does not fit"),
        (in_log(b"noise/1", b"noise/2"), "log 4 does not lead to the root"),
        (without_last_row, "is shown, and not proven"),
        (in_report('"path":"via-gateway"', '"path":"via-waypoint"'), "do not say via-waypoint"),
        (in_report('"path":"passthrough"', '"path":"via-gateway"'), "do not say via-gateway"),
        (in_report("PassthroughCluster", "outbound|80||a"), "reads otherwise than it is shown"),
        (in_report('"outcome": "FAIL"', '"outcome": "PASS"'), "says PASS, and what it lists does not"),
    ],
)
def test_it_finds_what_was_altered_even_where_all_digests_fit(
    bundle: Path, tmp_path: Path, change: Callable[[Members], Members], words: str
) -> None:
    before = members_of(bundle)
    after = change(before)
    assert after != before
    code, said = checked(packed(tmp_path / "b.tar.zst", after))
    assert code == 1
    assert words in said[-1]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 1024, b"\x28\xb5\x2f\xfd", b"no bundle", b"\x28\xb5\x2f\xfd" + b"\xff" * 100]
)
def test_what_is_no_bundle_is_wrong_and_no_traceback(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "b.tar.zst"
    file.write_bytes(data)
    code, said = checked(file)
    assert (code, said[-1][:5]) == (1, "WRONG")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(CHECKER), str(tmp_path / "no")], check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")
    assert SAMPLE.exists()


def test_it_finds_flipped_bits_too(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = importlib.util.spec_from_file_location("check_bundle", CHECKER)
    assert made is not None
    assert made.loader is not None
    checker = importlib.util.module_from_spec(made)
    made.loader.exec_module(checker)
    seed = int.from_bytes(os.urandom(4), "big")
    damage = Damage(bundle, tmp_path / "b.tar.zst", seed)
    for _ in range(50):
        monkeypatch.setattr(sys, "argv", ["check_bundle.py", str(damage.any_member())])
        assert checker.main() == 1, f"seed {seed}"
