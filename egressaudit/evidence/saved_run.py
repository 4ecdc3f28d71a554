"""A run of `verify`, saved to a folder and read back: `verify --replay` judges it exactly as the live run did.

In: a `Capture`. Out: a folder with `mesh.json`, `probes.json` and the logs, and the same `Capture` again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path as File

from egressaudit.errors import BadLogs, OutputFailed, why_refused
from egressaudit.evidence.batteries_file import load_batteries, save_batteries
from egressaudit.evidence.digests import sha256
from egressaudit.evidence.mesh_file import read_snapshot, save_snapshot
from egressaudit.evidence.probes_file import EXTRA_FILES, Sent, extra_files, load_probes, save_probes
from egressaudit.evidence.programmed_file import load_asked, save_asked
from egressaudit.evidence.saved_files import MESH, POLICY, PROBES, check_new, has_names, log_path, read_data
from egressaudit.given_files import read_given
from egressaudit.model import Capture, LogLine, LogSource
from egressaudit.whole_file import private_folder, replace_file

_LARGEST_POLICY = 1 << 20
_WHOLE = "--replay reads the whole folder that `verify --save-logs DIR` wrote."
_REMOVE = "Move it out of the folder: nothing shows where its lines come from."


def save(capture: Capture, folder: File) -> Mapping[str, str]:
    """Write a capture to a new or empty folder; the SHA-256 of each file, by its name.

    BadLogs if it holds something already or cannot be written.
    """
    check_new(folder)
    by_source = _by_source(capture)
    try:
        private_folder(folder)
        save_snapshot(capture.mesh, folder / MESH)
        if capture.policy:
            replace_file(folder / POLICY, capture.policy)
        if capture.asked:
            save_asked(capture.asked, folder)
        if capture.batteries:
            save_batteries(capture.batteries, folder)
        for source, texts in by_source.items():
            file = folder / log_path(source)
            private_folder(file.parent)
            replace_file(file, "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogateescape"))
        digests = _digests(folder, (*extra_files(capture), *map(log_path, by_source)))
        # Last, for it says that all else is there.
        save_probes(capture, folder, digests)
    except OSError as error:
        _empty(folder)
        raise OutputFailed(f"cannot write {folder}: {why_refused(error)}") from error
    except BaseException:
        _empty(folder)
        raise
    return digests


def _by_source(capture: Capture) -> Mapping[LogSource, list[str]]:
    """The lines of each log, also of one that has none. BadLogs for a name that no file can have."""
    found: dict[LogSource, list[str]] = {source: [] for source in capture.sources}
    for line in capture.lines:
        found.setdefault(line.source, []).append(line.text)
    for source in found:
        if not has_names(source):
            raise BadLogs(f"{str(source)!r} is not a Kubernetes name, so its log was not saved")
    return found


def _empty(folder: File) -> None:
    """Remove what was written of a run that is not whole; the folder itself may have been there before."""
    with suppress(OSError):
        for each in folder.iterdir():
            shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink()


def is_saved_run(folder: File) -> bool:
    """Whether `save` wrote this folder; it may be broken all the same."""
    return (folder / PROBES).is_file()


def saved_digests(folder: File) -> Mapping[str, str] | None:
    """The SHA-256 of each file that a run saved, by its name; None where an older version saved it. BadLogs."""
    return load_probes(folder, _WHOLE).digests


def load(folder: File) -> Capture:
    """Read a saved capture; BadLogs if a file is missing, broken or not ours."""
    if not folder.is_dir():
        raise BadLogs(
            f"{folder} is not a folder", hint="--replay reads the folder that `verify --save-logs DIR` wrote."
        )
    sent = load_probes(folder, _WHOLE)
    logs = dict(sorted(_log_files(folder)))
    digests = _digests(folder, (*_extras(folder), *map(log_path, logs)))
    lines = {source: tuple(_lines(source, file)) for source, file in logs.items()}
    _check_whole(folder, sent.saved, lines)
    _check_saved(folder, sent, digests)
    return Capture(
        mesh=read_snapshot(folder / MESH, _WHOLE),
        expect=sent.expect,
        probes=sent.probes,
        lines=tuple(line for each in lines.values() for line in each),
        notes=sent.notes,
        sources=tuple(lines),
        before=sent.before,
        asked=load_asked(folder, _WHOLE),
        cells=sent.cells,
        policy=_policy(folder / POLICY),
        batteries=load_batteries(folder, _WHOLE),
        digests=digests,
    )


def _digests(folder: File, names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of the snapshot and of these files, by name. BadLogs for one that cannot be read."""
    return {name: sha256(read_data(folder / name, _WHOLE)) for name in sorted({MESH, *names})}


def _extras(folder: File) -> list[str]:
    """The files that are there of those that not every run has."""
    return [name for name in EXTRA_FILES if (folder / name).is_file()]


def _check_saved(folder: File, sent: Sent, digests: Mapping[str, str]) -> None:
    """BadLogs where a file is not what was saved, is missing, or is one more.

    What an older version saved says only which files there were.
    """
    for name in sorted({*sent.files, *(sent.digests or ())}):
        if name not in digests:
            raise BadLogs(f"{folder / name} is missing", hint=_WHOLE)
    if sent.digests is None:
        return
    for name, digest in digests.items():
        wanted = sent.digests.get(name)
        if wanted is None:
            raise BadLogs(f"{folder / name} is no file of this run: probes.json does not name it", hint=_REMOVE)
        if wanted != digest:
            raise BadLogs(
                f"{folder / name} is not what was saved: it has SHA-256 {digest}, probes.json says {wanted}",
                hint="It was changed after the run. Only unchanged evidence is judged.",
            )


def _check_whole(
    folder: File, saved: Mapping[LogSource, int] | None, lines: Mapping[LogSource, tuple[LogLine, ...]]
) -> None:
    """BadLogs where a folder lacks lines that were saved in it; what an older version saved does not say how many."""
    for source, count in sorted((saved or {}).items()):
        there = lines.get(source)
        if there is None or len(there) != count:
            what = "is missing" if there is None else f"has {len(there)} lines, not the {count} that were saved"
            raise BadLogs(f"{folder / log_path(source)} {what}", hint=_WHOLE)


def _policy(file: File) -> bytes:
    try:
        return read_given(file, _LARGEST_POLICY) if file.is_file() else b""
    except OSError as error:
        raise BadLogs(f"cannot read {file}: {why_refused(error)}") from error


def _log_files(folder: File) -> Iterator[tuple[LogSource, File]]:
    for file in sorted(folder.glob("*/*/*.log")):
        if file.is_file() and not file.is_symlink():
            yield LogSource(file.parent.parent.name, file.parent.name, file.stem), file


def _lines(source: LogSource, file: File) -> Iterator[LogLine]:
    try:
        text = read_given(file).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise BadLogs(f"cannot read {file}: {why_refused(error)}") from error
    # Only "\n" ends a line: str.splitlines would also split at characters that a workload may have sent.
    parts = text.split("\n")
    if parts.pop() != "":
        # A cut line can look whole: a sender may have placed an imitation where it was cut.
        raise BadLogs(f"{file} does not end with a newline: it was cut off", hint="Remove its last, incomplete line.")
    for number, part in enumerate(parts, start=1):
        yield LogLine(source=source, number=number, text=part)
