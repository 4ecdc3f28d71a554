"""`egressaudit audit`: a saved run, stored logs or a live cluster, each to the same kind of report."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from egressaudit.cli.options import VERDICT_FORMATS, given_trust
from egressaudit.cli.output import checked_outputs, errors_reported, finish, finish_window
from egressaudit.errors import BadLogs, EgressAuditError, NotFound, UsageError

if TYPE_CHECKING:
    from egressaudit.collect import Collection
    from egressaudit.mesh import Mesh, Trust
    from egressaudit.pipeline.window import WindowSettings
    from egressaudit.policy import Policy
    from egressaudit.window import WindowReport

Say = Callable[[str], None]
Connect = Callable[[Any, dict[str, Any]], Any]

_LIVE_ONLY = ("all_namespaces", "selector", "previous", "save_logs")
_DEFAULT_WINDOW = timedelta(hours=1)


def run_audit(options: dict[str, Any], connect: Connect, say: Say) -> int:
    """Audit what the options name; the exit code."""
    outputs = checked_outputs(options["outputs"])
    paths: tuple[str, ...] = options["paths"]
    if paths and (wrong := [name for name in _LIVE_ONLY if options[name] not in (None, False)]):
        raise UsageError(
            f"--{wrong[0].replace('_', '-')} is for a live cluster", hint="Leave the paths out, or the option."
        )
    if "-" in paths:
        raise UsageError("audit does not read standard input", hint="Give it files: evidence is read a second time.")
    if _is_saved_run(options):
        return _saved_run(File(paths[0]), outputs, options["trusted"])
    with errors_reported(outputs, _error_report):
        settings = _settings(options)
        report = _stored(options, settings, say) if paths else _live(options, settings, connect, say)
    return finish_window(report, outputs)


def _is_saved_run(options: dict[str, Any]) -> bool:
    """A folder of `verify --save-logs`, unless it is asked to be read as a window."""
    paths = options["paths"]
    asked = any(options[name] is not None for name in ("policy", "since", "until", "mesh_file"))
    return len(paths) == 1 and not asked and (File(paths[0]) / "probes.json").is_file()


def _saved_run(folder: File, outputs: list[tuple[str, File | None]], trusted: tuple[str, ...]) -> int:
    from egressaudit.pipeline.offline import audit

    if odd := [name for name, _ in outputs if name not in VERDICT_FORMATS]:
        raise UsageError(
            f"-o {odd[0]} is for the audit of a window, and {folder} is a saved run of verify",
            hint=f"Use {', '.join(VERDICT_FORMATS)}; or give --policy or --since to audit its logs as a window.",
        )
    with errors_reported(outputs):
        report = audit(folder, given_trust(trusted) if trusted else None)
    return finish(report, outputs)


def _policy_of(file: File) -> Policy:
    from egressaudit.policy import load_policy

    return load_policy(file)


def _settings(options: dict[str, Any]) -> WindowSettings:
    from egressaudit.pipeline.trusting import believed
    from egressaudit.pipeline.window import WindowSettings

    if options["since"] and options["until"] and options["since"] >= options["until"]:
        raise UsageError("--until is not after --since", hint="The window begins at --since and ends before --until.")
    namespace = options["namespace"]
    policy = _policy_of(options["policy"]) if options["policy"] else None
    return WindowSettings(
        policy=policy,
        trust=believed(given_trust(options["trusted"]), policy),
        start=options["since"],
        end=options["until"],
        fail_below=options["fail_coverage_below"],
        memory_limit=options["memory_limit"],
        containers=frozenset(options["containers"] or ("istio-proxy",)),
        namespaces=frozenset({namespace}) if namespace and not options["all_namespaces"] else None,
    )


def _stored(options: dict[str, Any], settings: WindowSettings, say: Say) -> WindowReport:
    from egressaudit.pipeline.window import audit_window

    paths: tuple[str, ...] = options["paths"]
    mesh, collection = beside(paths, options["mesh_file"], settings.trust)
    return audit_window(paths, mesh, settings, collection, say)


def beside(
    paths: tuple[str, ...], mesh_file: File | None, trust: Trust | None = None
) -> tuple[Mesh, Collection | None]:
    """The snapshot, named or beside stored logs, and the account of their collection where there is one."""
    from egressaudit.collect import load_collection

    if missing := [path for path in paths if not File(path).exists()]:
        raise NotFound(f"{missing[0]} is not there", hint="Name files, folders or archives, or no path at all: live.")
    folders = [File(path) for path in paths if File(path).is_dir()]
    collection = load_collection(folders[0]) if len(paths) == 1 and folders else None
    return snapshot_of(mesh_file, folders, trust), collection


def snapshot_of(file: File | None, folders: list[File], trust: Trust | None = None) -> Mesh:
    """The snapshot of a file, else of the first of these folders that has one; UsageError or BadLogs where none is.

    Only what this command trusts counts, and not what a run of `verify` saved beside its logs.
    """
    from egressaudit.mesh import Mesh, Trust

    found = file or next((folder / "mesh.json" for folder in folders if (folder / "mesh.json").is_file()), None)
    if found is None:
        raise UsageError(
            "there is no snapshot of the mesh beside the logs",
            hint="Take one (`egressaudit snapshot -o mesh.json`), best at the time of the logs; name it with --mesh.",
        )
    try:
        document = json.loads(found.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadLogs(f"{found} cannot be read: {error}", hint="Take it with `egressaudit snapshot`.") from error
    return Mesh.from_json(document, trust or Trust())


def _live(options: dict[str, Any], settings: WindowSettings, connect: Connect, say: Say) -> WindowReport:
    from dataclasses import replace

    from egressaudit.cluster import Cluster
    from egressaudit.pipeline.collecting import CollectSettings, collected
    from egressaudit.pipeline.window import audit_window
    from egressaudit.selectors import Selector

    selector = None if options["selector"] is None else Selector.parse(options["selector"])
    cluster = connect(Cluster, options)
    now = datetime.now(UTC)
    until = min(options["until"] or now, now)
    since = options["since"] or until - _DEFAULT_WINDOW
    if since >= until:
        raise UsageError("the window is empty: it would begin in the future")
    namespaces = None if options["all_namespaces"] else (options["namespace"] or cluster.namespace,)
    choice = CollectSettings(
        since=since,
        until=until,
        namespaces=namespaces,
        selector=selector,
        previous=options["previous"],
        max_concurrency=options["max_concurrency"],
    )
    with collected(cluster, choice, say, options["save_logs"]) as (folder, collection):
        mesh = snapshot_of(None, [folder], settings.trust)
        return audit_window((str(folder),), mesh, replace(settings, start=since, end=until), collection, say)


def _error_report(error: EgressAuditError, output_format: str) -> str | bytes:
    from egressaudit.report.window_render import render_window_error

    return render_window_error(error.message, error.hint, output_format)
