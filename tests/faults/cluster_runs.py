"""A command against an API server of faults, in this process: a hundred of them take less time than ten processes.

In: a command line and a fault. Out: what the command left, as `harness.Ran`; that it left no thread, and no secret.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from support.fault_api import OUTSIDE, TOKEN, Answer, ApiFault, FaultApi, fault_api, kubeconfig

from egressaudit.cli import run
from faults.harness import Place, Ran, Row, a_place, check, reports_of

QUICK = "--request-timeout 300ms"
"""For rows about time; all others have room on a busy machine."""
USUAL = "--request-timeout 5s"
_PROBE = f"verify --host docs.redhat.com {USUAL} -o json={{place}}/report.json"
COMMANDS = {
    "verify": f"{_PROBE} --from deploy/curl --timeout 3s -q",
    "verify, own pod": f"{_PROBE} --timeout 5s -q",
    "snapshot": f"snapshot {USUAL} -o {{place}}/mesh.json",
    "audit": f"audit -A --until 5s {USUAL} -o json={{place}}/report.json",
    "analyze": f"analyze {USUAL} -o json={{place}}/report.json",
    "cleanup": f"cleanup -A {USUAL}",
}
PODS = r"^GET /api/v1/pods(\?|$)"
EXEC = r"/exec\?.*command=curl"
LOG = r"^GET /api/v1/namespaces/[^/]+/pods/[^/]+/log"
REMOVE = r"^DELETE /api/v1/namespaces/curl/pods/egressaudit-probe-"

SERVER = "the API server http://API"
GONE = f"no audit was performed: {SERVER} cannot be reached:"
SAID = f"no audit was performed: {SERVER} answered"

Made = Callable[[], Answer]
"""A fresh answer for each row: some of them count."""


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


_RETRIED = frozenset({
    "no answer", "a byte at a time", "a byte of a header at a time", "a byte of a chunk's size at a time",
    "closed at once", "cut in the middle", "not HTTP", "500", "503", "503, a page of HTML",
})  # fmt: skip
"""Faults that are tried again for three request timeouts."""


def held(row: Row, fault: ApiFault, capfd: pytest.CaptureFixture[str], *, seconds: float = 6.0) -> None:
    """Hold one row, and what holds for all of them: an end in time, no thread, no secret, no probe pod."""
    quick = row.fault.partition(": ")[2] in _RETRIED and fault.line in (PODS, REMOVE)
    command = COMMANDS[row.command].replace(USUAL, QUICK) if quick else COMMANDS[row.command]
    with a_place(*reports_of(command)) as place, fault_api(fault) as api:
        began = time.monotonic()
        ran = run_here(command, place, api, capfd)
        took = time.monotonic() - began
        check(row, ran, pods=[] if fault.line == REMOVE else list(api.made))
        assert leaked(ran) == []
        assert took < seconds
