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

Every row of this page is a test: a command is run as a user runs it, one thing goes wrong, and its exit code, its
standard error, its reports and what it leaves are looked at. `tests/faults` has the rows; `tools/reliability.py` writes
this page from them.

## What holds whatever happens

- **Reports.** A file gets its name only when all of it is on the disk (a temporary name in the same folder, fsync,
  rename). An old report is removed at the start, so that a killed run leaves none. Whatever else fails stands in every
  report, with `NOT_PERFORMED`.
  A file that cannot say even that is removed. Symbolic links are followed; pipes and devices are written as they are.
- **Standard output.** Files are written first. If they are all there and only standard output is broken, the exit code
  of the verdict stands, and standard error says so. If no file was asked for, the exit code is 1.
- **Standard error.** Whether anybody can read it changes nothing.
- **Modes.** New reports, snapshots, fixes and evidence have mode 0600, new folders 0700. A file or folder that is there
  keeps its mode: `touch report.json; chmod 644 report.json` before the run lets others read the report.
- **Saved runs.** `verify --save-logs` writes `probes.json` last, with the number of lines of each log. A folder without
  it is not a saved run, and one that lacks lines is an error. Folders of older versions and folders made by hand don't
  have these numbers, and are read as before. `collection.json` of `audit --save-logs` says of each log
  whether it is complete, from the first second on; what is pending there counts as missing.
- **Signals.** SIGINT, SIGTERM, SIGHUP and SIGQUIT end a run with exit code 130, 143, 129 and 131: one line on standard
  error, after the probe pod, temporary files and processes are removed. Further signals disturb that only after
  15 seconds. What was ignored at the start stays ignored: `nohup`, and `&` in a script.
- **`kill -9`.** Keys and certificates of a kubeconfig are never in a file (Linux; elsewhere they are in TMPDIR while
  the process lives). The probe pod ends by itself ([permissions.md](permissions.md#the-probe-pod)), and `egressaudit
  cleanup` removes it. Logs that a live `audit` without `--save-logs` had copied stay in TMPDIR.
- **The probe pod.** If the cluster does not remove it (403, 503, no answer), standard error says so, also with `-q` and
  in a pipe, with the command that does: `egressaudit cleanup -n NS --run-id ID`. The verdict was proven before, so its
  exit code stands. Nothing is called removed that is still there: `cleanup` looks again, and exits 1 if a pod is left.
- **Time.** `--timeout` bounds a run of `verify`, the listing of the mesh included; asking the proxies (5 seconds) and
  removing the probe pod (15 seconds) come after it. Every other command is bounded by `--request-timeout` for each
  request, three times that with further attempts, and by the end of each list and log: an answer that comes a byte at a
  time, or that never ends, is given up. The lookup of a server's name and a credentials plugin have times of their own.
- **Size.** One answer has at most 256 MiB, all answers of a run 4 GiB, a list 1,000,000 objects, and a line of a log
  16 MiB (longer ones are left out and counted).
- **Inputs.** Where a file is asked for, a device or a folder is refused; a pipe that nobody writes to is given up after
  5 seconds, and one that somebody holds open is waited for. What has a fixed form has a largest size: policies, trust,
  hosts files and `--format @FILE` 1 MiB, manifests 16 MiB, reports 256 MiB, snapshots 1 GiB. A log may be of any size
  and may come through a pipe; it ends as broken where 256 MiB have no newline. Nothing is unpacked to disk; members of
  archives that are links, devices or archives, or whose names lead out, are passed over and counted.
- **Trying again.** A connection that was cut and the statuses 429, 500, 502, 503 and 504 are tried again, less and less
  often, with a wait that differs by chance, and as late as the server asks for (`Retry-After`). A refused connection,
  an unknown name and a certificate that is wrong are not tried again.
- **Credentials.** Errors say what went wrong in words of egressaudit, never in those of a library, which may quote what
  was sent. What a server or a container says is shown as one line, without control characters and without what looks
  like a token, a password or a key. A password in the URL of a server or proxy is never shown. What a credentials
  plugin writes to standard error is shown only on a terminal, where it may ask for a login; elsewhere it is dropped.
- **Names** that go into URLs are checked before anything is sent (exit code 2), and are quoted there all the same.
- **The machine.** Memory, disk, open files and the working directory have words of their own. "This is a bug in
  egressaudit" is kept for bugs, and says where it is, never what a library said.

## Beside other traffic, with faults drawn at random

`python tools/noisy_runs.py --runs 200` runs `verify` in the lab's scenario `noisy`, beside 250 other requests a second
through the same gateway. Each run draws what goes wrong: refusals of the API server, logs and commands that are cut, a
signal or SIGKILL at any time, or nothing. Half of the runs expect the right way, half `--expect direct`. Of seed 2, on
2026-11-28: 200 runs; 56 ended with 0, 61 with 10, 16 with 3, 30 with 1, 37 with a signal's code; wrong verdicts, codes
or reports 0; pods, files, threads and descriptors left 0.

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
    """The page as it stands in the file."""
    tables = [(module, _rows(module)) for module in _modules()]
    every = for_each_command([row for _, found in tables for row in found])
    counted = COUNTED.format(rows=len(every), each=", ".join(f"`{name}`" for name in EACH))
    text = HEAD + counted + "\n## Exit codes: faults against commands\n\n" + _matrix(every)
    for module, found in tables:
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
