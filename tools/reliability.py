"""Write docs/reliability.md from the rows of tests/faults: `python tools/reliability.py`."""

from __future__ import annotations

import importlib
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from faults.harness import EACH, Row, for_each_command  # noqa: E402  found by the line above

FILE = ROOT / "docs" / "reliability.md"
HEAD = """\
# When something goes wrong

Every row of this page is a test. It runs a command as a user does, makes one thing go wrong, and checks the exit code,
standard error, the reports and what is left behind. `tests/faults` has the rows; `tools/reliability.py` writes this
page from them.

## What always holds

- **Reports.** A file gets its name only when all of it is on disk (temporary name in the same folder, fsync, rename).
  An old report is removed at the start, so a killed run leaves none. Any other failure is written into every report as
  `NOT_PERFORMED`. A file that cannot hold even that is removed. Symbolic links are followed; pipes and devices are
  written to directly.
- **Standard output.** Files are written first. If they are all there and only standard output is broken, the exit code
  of the verdict stands, and standard error says so. If no file was asked for, the exit code is 1.
- **Standard error.** A closed or full standard error changes nothing.
- **Modes.** New reports, snapshots, fixes and evidence have mode 0600, new folders 0700. An existing file or folder
  keeps its mode: `touch report.json; chmod 644 report.json` before the run lets others read the report.
- **Saved runs.** `verify --save-logs` writes `probes.json` last, with the number of lines of each log and the SHA-256
  of each file. A folder without it is not a saved run, and a missing, changed or added file is an error. Folders of
  older versions and folders made by hand don't have these values, and are read as before. `audit --save-logs` writes
  `collection.json` from the first second on; it says which logs are complete, and a pending log counts as missing.
- **Signals.** SIGINT, SIGTERM, SIGHUP and SIGQUIT end a run with exit code 130, 143, 129 and 131. First the probe pod,
  temporary files and processes are removed; then standard error gets one line. Further signals interrupt the clean-up
  only after 15 seconds. Signals that were ignored at the start stay ignored: `nohup`, and `&` in a script.
- **`kill -9`.** Keys and certificates of a kubeconfig are never in a file (Linux; elsewhere they are in TMPDIR while
  the process lives). The probe pod ends by itself ([permissions.md](permissions.md#the-probe-pod)), and `egressaudit
  cleanup` removes it. The logs that a live `audit` without `--save-logs` has copied stay in TMPDIR.
- **The probe pod.** If the cluster does not remove it (403, 503, no answer), standard error says so, even with `-q` or
  in a pipe, and names the command that removes it: `egressaudit cleanup -n NS --run-id ID`. The verdict was proven
  before, so its exit code stands. `cleanup` checks that the pods are gone, and exits 1 if one is left.
- **Time.** `--timeout` limits a run of `verify`, including the listing of the mesh. Asking the proxies (5 seconds) and
  removing the probe pod (15 seconds) come on top. In every other command, `--request-timeout` limits each request; with
  retries it takes at most three times as long. An answer that arrives byte by byte, or never ends, is given up. Name
  lookups and credentials plugins have their own time limits.
- **Size.** One answer may have at most 256 MiB, all answers of a run 4 GiB, a list 1,000,000 objects, and a line of a
  log 16 MiB (longer ones are left out and counted).
- **Inputs.** Where a file is expected, a device or a folder is refused. A pipe that nobody writes to is given up after
  5 seconds; one that somebody holds open is waited for. Size limits: policies, trust, hosts files and `--format @FILE`
  1 MiB, manifests 16 MiB, reports 256 MiB, snapshots 1 GiB. A log may have any size and may come through a pipe; 256
  MiB without a newline make it broken there. Nothing is unpacked to disk. Archive members that are links, devices or
  archives, or whose names lead out of the archive, are skipped and counted.
- **Retries.** A cut connection and the statuses 429, 500, 502, 503 and 504 are retried with exponential backoff and
  jitter, and not before the server's `Retry-After` (up to 30 seconds). A refused connection, an unknown name and a
  wrong certificate are not retried.
- **Credentials.** Errors use egressaudit's own words, never those of a library, which may quote what was sent. Text
  from a server or a container is shown as one line, without control characters and without anything that looks like a
  token, a password or a key. A password in the URL of a server or proxy is never shown. What a credentials plugin
  writes to standard error is shown only on a terminal, where it may ask for a login; elsewhere it is dropped.
- **Names** that go into URLs are checked before anything is sent (exit code 2), and are escaped in the URL as well.
- **The machine.** Errors about memory, disk, open files and the working directory have their own messages. "This is a
  bug in egressaudit" is only for bugs; it says where the bug is, and quotes no library.

## Beside other traffic, with faults drawn at random

`python tools/noisy_runs.py --runs 200` runs `verify` in the lab's scenario `noisy`, beside 250 other requests a second
through the same gateway. What goes wrong in each run is random: refusals by the API server, logs and commands that are
cut, a signal or SIGKILL at any time, or nothing. Half of the runs expect the right way, half `--expect direct`. Seed 2
on 2026-11-28, 200 runs: 56 ended with 0, 61 with 10, 16 with 3, 30 with 1, 37 with a signal's code. Wrong verdicts,
exit codes or reports: 0. Pods, files, threads or descriptors left behind: 0.

"""
COUNTED = """\
## Counters

| what | of {rows} rows |
|---|---|
| tracebacks, "this is a bug", "Exception ignored" | 0 |
| PASS where nothing is proven | 0 |
| files, pods and processes left behind | 0 |
| stale or partial reports | 0 |
| credentials that can be read in output or reports (rows against a cluster) | 0 |

A row that counts anything but 0 fails its test. A row of `each` counts for each command that talks to a cluster:
{each}.
"""


def page() -> str:
    """The whole page."""
    tables = [(module, _rows(module)) for module in _modules()]
    every = for_each_command([row for _, found in tables for row in found])
    counted = COUNTED.format(rows=len(every), each=", ".join(f"`{name}`" for name in EACH))
    text = HEAD + counted + "\n## Exit codes: faults against commands\n\n" + _matrix(every)
    for module, found in tables:
        if not found:
            continue
        text += f"\n## {(module.__doc__ or '').partition(chr(10))[0].rstrip('.')}\n\n"
        text += "| fault | command | code | standard error |\n|---|---|---|---|\n"
        text += "".join(f"| {each.fault} | {each.command} | {each.code} | {_cell(each.says)} |\n" for each in found)
    return text


def _modules() -> list[ModuleType]:
    files = sorted((ROOT / "tests" / "faults").glob("test_*.py"))
    return [importlib.import_module(f"faults.{each.stem}") for each in files]


def _rows(module: ModuleType) -> list[Row]:
    """All rows of a file: those of every constant whose name ends in ROWS."""
    return [row for name, value in vars(module).items() if name.endswith("ROWS") for row in value]


def _matrix(every: list[Row]) -> str:
    commands = sorted({_command(row) for row in every})
    codes: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in every:
        codes[row.fault][_command(row)].add(row.code)
    text = f"| fault | {' | '.join(commands)} |\n|---|{'---|' * len(commands)}\n"
    for fault, by in codes.items():
        cells = (", ".join(map(str, sorted(by[each]))) if each in by else "" for each in commands)
        text += f"| {fault} | {' | '.join(cells)} |\n"
    return text


def _command(row: Row) -> str:
    return row.command.replace(",", " ").split()[0]


def _cell(says: str) -> str:
    return says.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    FILE.write_text(page(), "utf-8")
