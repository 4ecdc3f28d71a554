"""The account of a folder's files, and the files beside the logs that it names.

In: the paths of a command line. Out: a `FileAccount` of `collection.json`, or of `probes.json` in a saved run of
`verify`; None where nothing says what was written, as for logs that another program collected.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path as File

from egressaudit.evidence.collection import Collection
from egressaudit.evidence.digests import sha256
from egressaudit.evidence.saved_files import MESH, read_data
from egressaudit.evidence.saved_run import is_saved_run, saved_digests
from egressaudit.findings.coverage.collection_check import FileAccount
from egressaudit.findings.coverage.log_files import LogFile


def account_of(paths: tuple[str, ...], collection: Collection | None) -> FileAccount | None:
    """The account of the one folder that was named. BadLogs if a saved run's cannot be read."""
    folder = File(paths[0]) if len(paths) == 1 else None
    if folder is None or not folder.is_dir():
        return None
    if collection is not None:
        account = FileAccount.of_collection(collection)
    elif is_saved_run(folder) and (digests := saved_digests(folder)) is not None:
        account = FileAccount.of_saved_run(digests)
    else:
        return None
    named = any(each.path == MESH for each in account.files)
    return replace(account, beside=_snapshot(folder)) if named else account


def _snapshot(folder: File) -> tuple[LogFile, ...]:
    """The snapshot in the folder as a file; nothing if it is not there."""
    file = folder / MESH
    if not file.is_file():
        return ()
    data = read_data(file, "")
    return (LogFile(MESH, None, data.count(b"\n"), len(data), sha256(data)),)
