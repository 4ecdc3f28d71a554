"""`egressaudit cleanup`: remove probe pods that earlier runs left behind.

In: a cluster. Out: one line for each probe pod that was removed. Example: `egressaudit cleanup -A`.
"""

from __future__ import annotations

from dataclasses import dataclass

import click

from egressaudit.cli.options import ClusterOptions, cluster_options, taking
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupOptions(ClusterOptions):
    """What `cleanup` was asked."""

    all_namespaces: bool
    run_id: str | None


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="Remove probe pods in all namespaces.")
@click.option("--run-id", help="Remove only the pods of this run.")
@cluster_options
@taking(CleanupOptions)
def cleanup(options: CleanupOptions) -> int:
    """Remove probe pods that earlier runs left behind because they were killed or lost the cluster."""
    from egressaudit.probe.leftovers import remove_leftovers

    cluster = options.connect()
    namespace = None if options.all_namespaces else options.namespace or cluster.namespace
    removed = remove_leftovers(cluster, namespace, options.run_id)
    nothing = f"nothing to remove in {'any namespace' if namespace is None else 'namespace ' + namespace}\n"
    to_stdout("".join(f"removed pod {name}\n" for name in removed) or nothing)
    return ExitCode.PASS
