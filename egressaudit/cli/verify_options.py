"""The options of `verify`: what is asked for, where it is sent from, how the run goes, and what is kept of it.

In: what click has read. Out: `VerifyOptions`. Example: `--host docs.redhat.com` gives `host="docs.redhat.com"`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as File
from typing import TypeVar

import click

from egressaudit.cli.option_types import CONTAINER, Duration, Outputs
from egressaudit.cli.options import (
    ClusterOptions,
    cluster_options,
    control_plane_options,
    output_option,
    together,
    trust_option,
)
from egressaudit.cli.probe_pod_options import probe_pod_options
from egressaudit.cli.redact_options import redact_options
from egressaudit.cli.screen_option import color_option

_Command = TypeVar("_Command", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions(ClusterOptions):
    """What `verify` was asked to do."""

    hosts: tuple[str, ...]
    hosts_files: tuple[File, ...]
    policy: File | None
    port: int | None
    istio_namespaces: tuple[str, ...]
    revisions: tuple[str, ...]
    scheme: str | None
    url_path: str | None
    sources: tuple[str, ...]
    selectors: tuple[str, ...]
    container: str | None
    image: str | None
    service_account: str | None
    pull_secrets: tuple[str, ...]
    node_selector: tuple[str, ...]
    tolerations: tuple[str, ...]
    labels: tuple[str, ...]
    annotations: tuple[str, ...]
    pod_template: str | None
    allow_uncaptured: bool
    expect: str | None
    bypass: bool | None
    bypass_with: tuple[str, ...]
    bypass_address: str | None
    trusted: tuple[str, ...]
    max_redirects: int
    timeout: float | None
    connect_timeout: float
    ask_proxies: bool
    save_logs: File | None
    fix: File | None
    replay: File | None
    redact: tuple[tuple[str, ...], ...]
    redact_key: File | None
    dry_run: bool
    quiet: bool
    verbose: bool
    outputs: Outputs


_TARGET = (
    click.option(
        "--host",
        "hosts",
        metavar="HOST",
        multiple=True,
        help="An external host: a name, an IP, HOST:PORT or a URL. May be repeated. Required, except with "
        "--hosts-file, --policy or --replay.",
    ),
    click.option(
        "--hosts-file",
        "hosts_files",
        metavar="FILE",
        type=click.Path(path_type=File, dir_okay=False),
        multiple=True,
        help="Probe the hosts of this file: lines as for --host (# begins a comment), the rules of an egress policy, "
        "or an egress list of osd-network-verifier. May be repeated.",
    ),
    click.option(
        "--policy",
        metavar="FILE",
        type=click.Path(path_type=File, dir_okay=False),
        help="Expect what this egress policy says. Without --host and --hosts-file, the hosts of its rules are probed; "
        "without --from and -l, each from the workloads that its rule matches (one pod each, at most 5 a rule).",
    ),
    click.option(
        "--port",
        type=click.IntRange(1, 65535),
        help="Default: 80 for http, 443 for https. With several hosts, --port, --scheme and --path apply to those that "
        "do not have their own.",
    ),
    click.option(
        "--scheme",
        type=click.Choice(["http", "https", "tcp"]),
        help="Default: the scheme of the URL, else http (https on port 443).",
    ),
    click.option("--path", "url_path", help="Request path. Default: the path of the URL, else /."),
)
"""What is probed."""

_SOURCE = (
    click.option(
        "--from",
        "sources",
        metavar="WORKLOAD",
        multiple=True,
        help="Send from NAMESPACE/POD, or from deploy/NAME, sts/NAME with -n. May be repeated: each host is probed "
        "from each source.",
    ),
    click.option(
        "-l",
        "--selector",
        "selectors",
        metavar="SELECTOR",
        multiple=True,
        help="Send from a ready pod that matches this selector, e.g. app=curl. May be repeated.",
    ),
    click.option(
        "-c",
        "--container",
        type=CONTAINER,
        metavar="NAME",
        help="Container to run curl in. Default: the first one that is not the proxy.",
    ),
)
"""Where it is sent from."""

_BYPASS = (
    click.option(
        "--bypass/--no-bypass",
        default=None,
        help="Also try to get around the gateway: from the source, and from probe pods that opt out of the mesh. Exit "
        "10 if a way is open, 3 if one cannot be proven closed (docs/bypass.md). Default: as the policy says, else no.",
    ),
    click.option(
        "--bypass-with",
        multiple=True,
        metavar="NAME",
        help="Also make the attempts that need more rights: uid-1337, host-network.",
    ),
    click.option(
        "--bypass-address",
        metavar="IP",
        help="The host's address for attempts without its name. Default: the one that the ordinary request shows.",
    ),
)
"""Ways around the gateway."""

_RUN = (
    click.option(
        "--max-redirects",
        type=click.IntRange(0, 20),
        default=3,
        show_default=True,
        help="How many redirects to follow.",
    ),
    click.option(
        "--timeout",
        type=Duration(),
        help="Time limit of the whole run. Default: 30s, and 1s more for each further probe, at most 10m.",
    ),
    click.option(
        "--connect-timeout", type=Duration(), default="5s", show_default=True, help="Time limit for curl to connect."
    ),
    click.option(
        "--ask-proxies/--no-ask-proxies",
        default=True,
        show_default=True,
        help="If a verdict isn't PASS, read the configuration that the proxies on the way actually have (pods/exec in "
        "their containers; at most 5s).",
    ),
)
"""How the run goes, and how long it may take."""

_EVIDENCE = (
    click.option(
        "--save-logs",
        type=click.Path(path_type=File, file_okay=False),
        help="Save the evidence in this new folder, to judge it again with --replay.",
    ),
    click.option(
        "--fix",
        type=click.Path(path_type=File, dir_okay=False),
        help="Write the smallest fixes for what is wrong to this file: complete YAML for kubectl diff -f. Nothing is "
        "applied.",
    ),
    click.option(
        "--replay",
        metavar="DIR",
        type=click.Path(path_type=File),
        help="Judge a saved run again, without a cluster: DIR is what --save-logs wrote. Goes only with --expect, "
        "--trust, -o, -q, -v and --color.",
    ),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Send nothing: show the ways that the configuration declares for these hosts and sources, as `analyze` "
        "does.",
    ),
    click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error."),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Show the evidence too: what was ruled out, hops, log lines, who is trusted; with many hosts, also for "
        "those that passed. Text in a file (-o text=FILE) always has it.",
    ),
)
"""What is written beside the report, and what is done instead of a live run."""

_EXPECT = click.option(
    "--expect",
    metavar="PATH",
    help="Expected path: gateway[=NS/NAME], waypoint[=NS/NAME], direct or blocked. Default: what the configuration "
    "claims.",
)


VERIFY_HEADINGS = {
    "hosts": "Hosts",
    "sources": "Sources",
    "image": "Probe pod (without --from or -l)",
    "expect": "Expectation and trust",
    "bypass": "Ways around the gateway (docs/bypass.md)",
    "max_redirects": "Limits",
    "save_logs": "Evidence and fixes",
    "quiet": "Output",
    "istio_namespaces": "Cluster",
}
"""The headings in `--help`, by the first option below each."""


def verify_options(command: _Command) -> _Command:
    """All options of `verify`, in the order in which `--help` shows them."""
    return together(
        command,
        *_TARGET,
        *_SOURCE,
        probe_pod_options,
        _EXPECT,
        trust_option,
        *_BYPASS,
        *_RUN,
        *_EVIDENCE,
        output_option("verify"),
        redact_options,
        color_option,
        control_plane_options,
        cluster_options,
    )
