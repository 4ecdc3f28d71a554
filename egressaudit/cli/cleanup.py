"""`egressaudit cleanup`: remove probe pods that earlier runs left behind.

In: a cluster. Out: one line for each probe pod that was removed. Example: `egressaudit cleanup -A`.
"""

from __future__ import annotations

from dataclasses import dataclass

import click

from egressaudit.cli.option_types import RUN_ID
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
@click.option("--run-id", type=RUN_ID, metavar="ID", help="Remove only the pods of this run.")
@cluster_options
@taking(CleanupOptions)
def cleanup(options: CleanupOptions) -> int:
    """Remove probe pods that earlier runs left behind because they were killed or lost the cluster.

    It exits 1 if one of them is still there afterwards, and says why.
    """
    from egressaudit.probe.leftovers import remove_leftovers
    from egressaudit.report.safe import printable

    cluster = options.connect()
    namespace = None if options.all_namespaces else options.namespace or cluster.namespace
    result = remove_leftovers(cluster, namespace, options.run_id)
    for ref, why in result.left:
        click.echo(f"not removed: pod {printable(str(ref))}: {printable(why)}", err=True)
    where = "any namespace" if namespace is None else f"namespace {namespace}"
    nothing = "" if result.left else f"nothing to remove in {where}\n"
    to_stdout("".join(f"removed pod {printable(str(ref))}\n" for ref in result.removed) or nothing)
    return ExitCode.NOT_PERFORMED if result.left else ExitCode.PASS
