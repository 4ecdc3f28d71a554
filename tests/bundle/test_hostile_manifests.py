"""Manifests that a forger made, with digests that fit: another report, or a refusal, and never a bug of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from support.bundles import Members, members_of, packed, refused

from egressaudit.cli import run


def forged(members: Members, change: Callable[[dict], object]) -> Members:
    """With another manifest, and all digests of it fitting; not signed."""
    found = dict(members)
    del found["signature.json"]
    statement = json.loads(found["manifest.json"])
    change(statement)
    found["manifest.json"] = json.dumps(statement, indent=1).encode() + b"\n"
    found["SHA256SUMS"] = f"{sha256(found['manifest.json']).hexdigest()}  manifest.json\n".encode()
    return list(found.items())


def predicate(**values: object) -> Callable[[dict], object]:
    return lambda statement: statement["predicate"].update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda statement: statement.update(_type="x"), "is no statement of the type"),
        (lambda statement: statement.update(predicateType="urn:other:2"), "is no statement of the type"),
        (lambda statement: statement.pop("subject"), "manifest.json cannot be read"),
        (lambda statement: statement.update(subject=[1]), "manifest.json cannot be read"),
        (lambda statement: statement["subject"].clear(), "and its list of members disagree"),
        (lambda statement: statement["subject"].append(statement["subject"][0]), "disagree"),
        (lambda statement: statement["predicate"]["logs"].pop(), "disagree about"),
        (predicate(holds="some"), "manifest.json cannot be read: holds is wrong"),
        (predicate(holds="relevant"), "disagree about"),
        (predicate(logs=None), "manifest.json cannot be read: logs is wrong"),
        (predicate(extra=1), "manifest.json is not as egressaudit writes it"),
        (lambda statement: statement["predicate"]["judged_with"].update(engine="x"), "with the engine 'x'"),
        (lambda statement: statement["predicate"]["judged_with"].update(trust={"outside": ["x"]}), "the trust in"),
    ],
)
def test_a_manifest_of_somebody_else_is_refused(
    signed_bundle: Path,
    change: Callable[[dict], object],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert words in refused(packed(tmp_path / "b.tar.zst", forged(members_of(signed_bundle), change)), capsys)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (predicate(skipped={"\x1b[2J": 1}), "different"),
        (lambda statement: statement["predicate"]["logs"][3].update(path="../../x", name="\x1b[2J"), "different"),
        (lambda statement: statement["predicate"]["judged_with"].update(fail_below=0.0), "same"),
        (lambda statement: statement["predicate"]["judged_with"].update(start="2030-01-01T00:00:00Z"), "different"),
        (lambda statement: statement["predicate"]["judged_with"].update(containers=["none"]), "same"),
        (lambda statement: statement["predicate"]["run"].update(id="other"), "different"),
        (lambda statement: statement["predicate"]["logs"][3].update(root="00" * 32), "not-done"),
        (lambda statement: statement["predicate"]["logs"][3].update(sha256="00" * 32), "not-done"),
        (predicate(version="0.0.1", broken=["x"]), "other-version"),
    ],
)
def test_a_manifest_that_was_changed_and_fits_gives_another_report(
    signed_bundle: Path,
    change: Callable[[dict], object],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = packed(tmp_path / "b.tar.zst", forged(members_of(signed_bundle), change))
    capsys.readouterr()
    code = run(["bundle", "verify", str(file), "-o", "json"])
    out, err = capsys.readouterr()
    if not out:
        # Such a start leaves no window to judge.
        assert (code, "window" in err) == (1, True)
        return
    assert json.loads(out)["judged_again"] == words
    assert code == {"same": 0, "different": 10, "not-done": 10, "other-version": 3}[words]
    assert run(["bundle", "verify", str(file)]) == code
    assert run(["bundle", "show", str(file)]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("mesh.json", b"[]"),
        ("mesh.json", b"{"),
        ("mesh.json", b"[" * 100_000),
        ("policy.yaml", b"a: ["),
        ("collection.json", b"{}"),
    ],
)
def test_evidence_that_cannot_be_read_is_said(
    signed_bundle: Path, name: str, data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = [(each, data if each == name else content) for each, content in members_of(signed_bundle)]

    def fits(statement: dict) -> None:
        subject = next(each for each in statement["subject"] if each["name"] == name)
        subject["digest"]["sha256"] = sha256(data).hexdigest()

    file = packed(tmp_path / "b.tar.zst", forged(members, fits))
    capsys.readouterr()
    assert run(["bundle", "verify", str(file)]) in (1, 2)
    assert name in capsys.readouterr().err


ODD = (None, True, -1, 0, 10**30, 1.5, "", "x", "\ud800", [], [[]], {}, {"x": 1})


def odd_places(value: object, place: tuple = ()) -> list[tuple]:
    """Every place in a JSON value, inner ones too."""
    found = [place] if place else []
    if isinstance(value, dict):
        found += [each for key in value for each in odd_places(value[key], (*place, key))]
    elif isinstance(value, list):
        found += [each for number, item in enumerate(value[:2]) for each in odd_places(item, (*place, number))]
    return found


def put(document: dict, place: tuple, value: object) -> None:
    for step in place[:-1]:
        document = document[step]
    document[place[-1]] = value


@pytest.mark.slow
def test_no_value_of_a_manifest_is_a_bug_of_ours(
    signed_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = members_of(signed_bundle)
    places = odd_places(json.loads(dict(members)["manifest.json"]))
    assert len(places) > 60
    for number, place in enumerate(places):
        for value in ODD[number % 12 :: 12]:
            file = packed(tmp_path / "b.tar.zst", forged(members, lambda statement: put(statement, place, value)))  # noqa: B023
            code = run(["bundle", "verify", str(file)])
            said = capsys.readouterr()
            assert code in (0, 1, 2, 3, 10), (place, value)
            assert "bug" not in said.err, (place, value, said.err)


@pytest.mark.parametrize("key", ["log", "line", "text", "proof"])
def test_no_row_of_lines_is_a_bug_of_ours(
    signed_bundle: Path, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    members = members_of(signed_bundle)
    rows = dict(members)["lines.jsonl"].splitlines(keepends=True)
    for value in (*ODD, ["zz"], ["00"], ["00" * 32] * 1000, "9" * 5000):
        row = json.dumps(json.loads(rows[0]) | {key: value}, separators=(",", ":")).encode() + b"\n"
        data = b"".join([row, *rows[1:]])

        def fits(statement: dict, data: bytes = data) -> None:
            subject = next(each for each in statement["subject"] if each["name"] == "lines.jsonl")
            subject["digest"]["sha256"] = sha256(data).hexdigest()

        changed = [(name, data if name == "lines.jsonl" else content) for name, content in members]
        file = packed(tmp_path / "b.tar.zst", forged(changed, fits))
        assert run(["bundle", "verify", str(file)]) == 10, value
        said = capsys.readouterr()
        assert "row 1 of lines.jsonl" in said.out, value
        assert said.err == ""
