"""What is saved is read back, byte for byte; a broken folder is a clear error."""

from __future__ import annotations

import errno
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.changed_documents import LEAVES, PATHS, changed
from support.probes import GATEWAY_LOG, HOST, SIDECAR_LOG, curl, probe

from egressaudit.errors import BadLogs, OutputFailed
from egressaudit.evidence.programmed_file import load_asked, save_asked
from egressaudit.evidence.saved_run import load, save
from egressaudit.model import (
    Act,
    AskedProxy,
    Battery,
    Call,
    Capture,
    Choice,
    LogLine,
    LogSource,
    MatrixCell,
    ObjectRef,
    Reporter,
    RouteDestination,
    RuleRef,
    Scheme,
    Step,
    Target,
    Tls,
)
from egressaudit.whole_file import replace_file


def capture(*texts: str) -> Capture:
    return Capture(
        mesh={"schema_version": 1, "objects": []},
        expect="gateway=a/b",
        probes=(probe(), replace(probe(curl(exit_code=7, local_address=None)), nonce="0" * 16)),
        lines=tuple(LogLine(SIDECAR_LOG, n, text) for n, text in enumerate(texts, start=1)),
        notes=("a note",),
        sources=(SIDECAR_LOG, GATEWAY_LOG),
        before={SIDECAR_LOG: 1},
    )


CELLS = (
    MatrixCell(HOST, "curl/curl", Target(HOST, 80, Scheme.HTTP), ObjectRef("curl", "curl-1"), "docs", probe().nonce),
    MatrixCell("*.redhat.com", "", rule="docs", reason="a wildcard cannot be probed", counts=False),
)


def test_what_was_asked_for_and_the_policy_come_back_as_they_were(tmp_path: Path) -> None:
    saved = replace(capture(), cells=CELLS, policy=b"apiVersion: x\r\n# \xc3\xa9\n")
    save(saved, tmp_path / "new")
    assert load(tmp_path / "new") == saved


def test_a_run_of_an_earlier_version_has_no_matrix(tmp_path: Path) -> None:
    save(capture(), tmp_path / "new")
    file = tmp_path / "new" / "probes.json"
    document = json.loads(file.read_text())
    del document["asked"]
    file.write_text(json.dumps(document))
    assert load(tmp_path / "new") == capture()


# One row: a file that not every run has. Without it the same lines would be judged as another run.
@pytest.mark.parametrize("name", ["policy.yaml", "programmed.json", "bypass.json"])
def test_a_file_that_the_run_wrote_is_missed(tmp_path: Path, name: str) -> None:
    battery = Battery(Target(HOST, 80, Scheme.HTTP), ObjectRef("curl", "curl-1"), probe().nonce, (), (probe(),))
    asked = (AskedProxy(probe().nonce, ObjectRef("curl", "curl-1"), Reporter.SIDECAR, CALL),)
    save(replace(capture(), policy=b"x", batteries=(battery,), asked=asked), tmp_path / "new")
    load(tmp_path / "new")
    (tmp_path / "new" / name).unlink()
    with pytest.raises(BadLogs, match=f"{name} is missing"):
        load(tmp_path / "new")


def test_a_probe_that_was_asked_for_is_missed(tmp_path: Path) -> None:
    save(replace(capture(), cells=CELLS), tmp_path / "new")
    file = tmp_path / "new" / "probes.json"
    document = json.loads(file.read_text())
    del document["probes"][0]
    file.write_text(json.dumps(document))
    with pytest.raises(BadLogs, match="a probe that was asked for is missing"):
        load(tmp_path / "new")


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"").decode("utf-8", "surrogateescape"))))
def test_a_capture_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("saved")
    save(capture(*texts), folder)
    assert load(folder) == capture(*texts)


CALL = Call("h", 8443, Scheme.HTTP, Tls.MUTUAL, "outbound_.443_._.h", "10.0.0.9", "/", "GET", "h:80")
ASKED = AskedProxy(
    nonce="0" * 16,
    pod=ObjectRef("egress", "gw-1"),
    reporter=Reporter.EGRESS_GATEWAY,
    call=CALL,
    step=Step(
        proxy=ObjectRef("egress", "gw-1"),
        reporter=Reporter.EGRESS_GATEWAY,
        call=CALL,
        listener="0.0.0.0_8443",
        choices=(
            Choice(Act.REFUSE, "r", when=("path",), reason="no-route"),
            Choice(Act.SEND, rule=RuleRef("VirtualService a/b", ""), to=(RouteDestination("c", "h", 80, "s", 90),)),
        ),
    ),
    endpoints={"c": ("192.0.2.7:80",)},
    refused=("0.0.0.0_80: bad",),
)


def test_what_proxies_said_comes_back_as_it_was(tmp_path: Path) -> None:
    silent = AskedProxy("1" * 16, ObjectRef("a", "b"), Reporter.SIDECAR, CALL, error="no")
    save(replace(capture(), asked=(ASKED, silent)), tmp_path / "new")
    assert load(tmp_path / "new").asked == (ASKED, silent)


@given(path=PATHS, leaf=LEAVES)
def test_what_proxies_said_is_whole_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, path: list[int], leaf: object
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    save_asked((ASKED,), folder)
    file = folder / "programmed.json"
    file.write_text(json.dumps(changed(json.loads(file.read_text("utf-8")), path, leaf)), "utf-8")
    try:
        asked = load_asked(folder, "hint")
    except BadLogs:
        return
    save_asked(asked, folder)
    assert load_asked(folder, "hint") == asked


def test_a_log_without_lines_is_still_a_source(tmp_path: Path) -> None:
    save(capture(), tmp_path / "new")
    assert load(tmp_path / "new").sources == (SIDECAR_LOG, GATEWAY_LOG)


def test_runs_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(BadLogs, match="not empty"):
        save(capture(), tmp_path)


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    evil = Capture(mesh={}, expect=None, probes=(), lines=(), sources=(LogSource("..", "..", "x"),))
    with pytest.raises(BadLogs, match="not a Kubernetes name"):
        save(evil, tmp_path / "new")
    assert not (tmp_path.parent / "x.log").exists()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("probes.json", None, "is missing"),
        ("mesh.json", None, "is missing"),
        ("probes.json", "{", "cannot be read"),
        ("probes.json", "[]", "JSON object"),
        ("probes.json", '{"schema_version": 99}', "schema_version 99"),
        ("probes.json", '{"schema_version": 1}', "is incomplete"),
    ],
)
def test_a_broken_folder_is_a_clear_error(tmp_path: Path, file: str, content: str | None, said: str) -> None:
    save(capture("x"), tmp_path / "saved")
    (tmp_path / "saved" / file).unlink()
    if content is not None:
        (tmp_path / "saved" / file).write_text(content)
    with pytest.raises(BadLogs, match=said):
        load(tmp_path / "saved")


def test_an_empty_nonce_is_refused_since_every_line_would_hold_it(tmp_path: Path) -> None:
    save(capture("x"), tmp_path / "saved")
    document = json.loads((tmp_path / "saved" / "probes.json").read_text())
    document["probes"][0]["nonce"] = ""
    (tmp_path / "saved" / "probes.json").write_text(json.dumps(document))
    with pytest.raises(BadLogs, match="nonce"):
        load(tmp_path / "saved")


def test_a_log_that_was_cut_is_refused_since_a_cut_line_can_look_whole(tmp_path: Path) -> None:
    save(capture("one", "two"), tmp_path / "saved")
    log = tmp_path / "saved" / "curl" / "curl-1" / "istio-proxy.log"
    log.write_bytes(log.read_bytes().removesuffix(b"\n"))
    with pytest.raises(BadLogs, match="it was cut"):
        load(tmp_path / "saved")


def test_a_folder_that_lacks_what_was_saved_is_a_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    save(capture("one", "two"), folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in folder.rglob("*") if each.is_file()} == {0o600}
    log = folder / f"{SIDECAR_LOG}.log"
    log.write_bytes(b"one\n")
    with pytest.raises(BadLogs, match=r"istio-proxy\.log has 1 lines, not the 2 that were saved"):
        load(folder)
    log.unlink()
    with pytest.raises(BadLogs, match=r"istio-proxy\.log is missing"):
        load(folder)


FILES = ("mesh.json", "policy.yaml", "bypass.json", "programmed.json", f"{SIDECAR_LOG}.log")


@pytest.mark.parametrize("file", FILES)
def test_a_file_in_which_one_byte_was_changed_is_refused(file: str, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    battery = Battery(Target(HOST, 80, Scheme.HTTP), ObjectRef("curl", "curl-1"), probe().nonce, (), (probe(),))
    saved = replace(capture("one", "two"), policy=b"a: 80\n", asked=(ASKED,), batteries=(battery,))
    save(saved, folder)
    assert load(folder) == saved
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data.replace(b"8" if b"8" in data else b"o", b"0", 1))
    if file == "mesh.json":
        (folder / file).write_bytes(data.replace(b"[]", b"[ ]", 1))
    with pytest.raises(BadLogs, match=f"{re.escape(file)} is not what was saved: it has SHA-256 [0-9a-f]{{64}}"):
        load(folder)


@pytest.mark.parametrize("file", ["policy.yaml", "bypass.json", "programmed.json", "egress/gw-9/istio-proxy.log"])
def test_a_file_that_was_added_is_refused(file: str, tmp_path: Path) -> None:
    other, folder = tmp_path / "other", tmp_path / "saved"
    battery = Battery(Target(HOST, 80, Scheme.HTTP), ObjectRef("curl", "curl-1"), probe().nonce, (), (probe(),))
    save(replace(capture("one"), policy=b"a: 80\n", asked=(ASKED,), batteries=(battery,)), other)
    save(capture("one"), folder)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes((other / file).read_bytes() if (other / file).exists() else b"a line\n")
    with pytest.raises(BadLogs, match=f"{re.escape(file)} is no file of this run"):
        load(folder)


@pytest.mark.parametrize("sha256", [{"mesh.json": 1}, {"mesh.json": "x"}, [], "x", {"mesh.json": "a" * 63}])
def test_checksums_that_are_none_are_a_clear_error(sha256: object, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    save(capture("one"), folder)
    document = json.loads((folder / "probes.json").read_text())
    (folder / "probes.json").write_text(json.dumps({**document, "sha256": sha256}))
    with pytest.raises(BadLogs, match=r"probes\.json"):
        load(folder)


def test_a_folder_of_an_older_version_does_not_say_what_was_saved(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    save(capture("one", "two"), folder)
    document = json.loads((folder / "probes.json").read_text())
    del document["lines_saved"], document["sha256"]
    (folder / "probes.json").write_text(json.dumps(document))
    (folder / f"{SIDECAR_LOG}.log").write_bytes(b"one\n")
    assert [line.text for line in load(folder).lines] == ["one"]


@pytest.mark.parametrize("file", ["mesh.json", "probes.json", f"{GATEWAY_LOG}.log"])
def test_of_a_run_that_cannot_be_saved_nothing_is_kept(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(name: Path, data: bytes) -> None:
        if name == folder / file:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace_file(name, data)

    folder = tmp_path / "new"
    for module in ("saved_run", "mesh_file", "probes_file"):
        monkeypatch.setattr(f"egressaudit.evidence.{module}.replace_file", full)
    with pytest.raises(OutputFailed, match="No space left on device"):
        save(capture("one"), folder)
    assert list(folder.iterdir()) == []
