"""A command against an API server of faults, in this process: a hundred of them take less time than ten processes.

In: a command line and a fault. Out: what the command left, as `harness.Ran`; that it left no thread, and no secret.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from support.fault_api import OUTSIDE, TOKEN, FaultApi, kubeconfig

from egressaudit.cli import run
from faults.harness import Place, Ran

_LEAVING = 3.0
"""Seconds that threads of a finished run may take to end."""
SECRETS = (TOKEN, "pr1vate")
"""Every secret of these tests holds one of these words."""


def run_here(
    command: str,
    place: Place,
    api: FaultApi,
    capfd: pytest.CaptureFixture[str],
    config: str | None = None,
    words: Sequence[str] = (),
) -> Ran:
    """Run `egressaudit COMMAND WORDS` with a kubeconfig for this server, or with another one."""
    (place.folder / "kubeconfig").write_text(
        config or kubeconfig(f"http://127.0.0.1:{api.port}"), "utf-8", "surrogateescape"
    )
    settings = {
        "KUBECONFIG": str(place.folder / "kubeconfig"),
        "EGRESSAUDIT_OUTSIDE": OUTSIDE,
        "TMPDIR": str(place.temporary),
    }
    capfd.readouterr()
    with _environment(settings):
        code = run([*place.argv(command), *words])
    out, err = capfd.readouterr()
    (place.folder / "kubeconfig").unlink()
    return Ran(place, code, out, err.replace(f"127.0.0.1:{api.port}", "API"), ())


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    folder, tempfile.tempdir = tempfile.tempdir, settings["TMPDIR"]
    try:
        yield
    finally:
        tempfile.tempdir = folder
        os.environ.clear()
        os.environ.update(before)


def leaked(ran: Ran) -> list[str]:
    """What a run left in this process, and where a secret can be read."""
    until = time.monotonic() + _LEAVING
    while (threads := _threads()) and time.monotonic() < until:
        time.sleep(0.01)
    texts = {"standard output": ran.out, "standard error": ran.err}
    files = (each for each in ran.place.folder.rglob("*") if each.is_file())
    texts |= {each.name: each.read_text("utf-8", "replace") for each in files}
    return threads + [f"{secret} in {name}" for name, text in texts.items() for secret in SECRETS if secret in text]


def _threads() -> list[str]:
    ours = ("egressaudit", "Timer", "Thread-")
    return [
        each.name
        for each in threading.enumerate()
        if each.name.startswith(ours) and "serve_forever" not in each.name and "process_request" not in each.name
    ]
