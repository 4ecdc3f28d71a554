"""`egressaudit generate`: manifests that send an external host through a gateway or waypoint. Nothing is applied.

In: hosts, ports, the gateway, the mode. Out: YAML on standard output; what a person has to know on standard error.
Example: `egressaudit generate --host docs.redhat.com --port 443/tls --mode ambient --gateway egress/waypoint`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as File

import click

from egressaudit.cli.options import taking
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode, UsageError

_MODES = ("istio-apis", "gateway-api", "ambient")
"""As `manifests.MODES` names them; a test compares the two. Importing them here would slow down `--help`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """What `generate` was asked."""

    hosts: tuple[str, ...]
    ports: tuple[str, ...]
    mode: str
    gateway: str
    namespace: str | None
    selector: str | None
    plaintext: bool
    mesh_file: File | None


@click.command()
@click.option("--host", "hosts", multiple=True, required=True, help="External host, or *.example.com. May be repeated.")
@click.option(
    "--port",
    "ports",
    multiple=True,
    required=True,
    metavar="PORT[/PROTOCOL]",
    help="Port that clients call, and what they speak on it: http, http2, grpc, tls (https too) or tcp. 80 is http and "
    "443 is tls if you don't say. May be repeated.",
)
@click.option(
    "--mode",
    type=click.Choice(_MODES),
    required=True,
    help="istio-apis: sidecars, VirtualService, Gateway. gateway-api: sidecars, HTTPRoute, TLSRoute. ambient: "
    "ztunnel and a waypoint.",
)
@click.option(
    "--gateway",
    required=True,
    metavar="NS/NAME",
    help="istio-apis: the Service of the egress gateway. gateway-api, ambient: the Gateway object, which is written if "
    "it is new.",
)
@click.option("-n", "--namespace", help="Namespace of the ServiceEntry and the rules. Default: the gateway's.")
@click.option(
    "--selector",
    metavar="LABEL=VALUE[,...]",
    help="istio-apis: labels of the gateway's pods. Default: istio=NAME without istio-, as Istio's chart sets it.",
)
@click.option(
    "--plaintext", is_flag=True, help="istio-apis: no mTLS between sidecar and gateway, which then knows no identity."
)
@click.option(
    "--mesh",
    "mesh_file",
    type=click.Path(path_type=File, dir_okay=False),
    help="Snapshot written by `egressaudit snapshot`: take labels, ports and listeners from it, and name rivals.",
)
@taking(GenerateOptions)
def generate(options: GenerateOptions) -> int:
    """Write the manifests that send a new external host through an egress gateway or waypoint. Never applies them.

    They go to standard output, each with a comment that says what it does. It needs no cluster. With a snapshot
    (--mesh), the manifests fit the gateway that is there, and standard error names the objects that would be rivals.

    \b
    Which mode? Look at the source, the pod that sends:
      it has an istio-proxy container, and you use VirtualServices      istio-apis
      it has an istio-proxy container, and you use the Gateway API      gateway-api
      it has none, its namespace has istio.io/dataplane-mode: ambient   ambient

    \b
    egressaudit generate --host docs.redhat.com --port 80 --port 443 \\
        --mode istio-apis --gateway istio-egress/egressgateway | kubectl diff -f -
    egressaudit generate --host db.example.com --port 5432/tcp \\
        --mode ambient --gateway istio-egress/waypoint -n shop

    Afterwards, prove it: egressaudit verify --host docs.redhat.com --from deploy/curl -n curl
    """
    from egressaudit.evidence.mesh_file import load_mesh
    from egressaudit.manifests import Wanted, as_yaml, manifests, replaced, site_of
    from egressaudit.mesh import Trust
    from egressaudit.report.safe import printable

    wanted = Wanted.of(options.hosts, options.ports, options.gateway, options.namespace, plaintext=options.plaintext)
    if options.mode != "istio-apis" and (options.plaintext or options.selector):
        raise UsageError("--plaintext and --selector are for --mode istio-apis", hint="Leave them out.")
    mesh = load_mesh(options.mesh_file, Trust()) if options.mesh_file is not None else None
    site = site_of(wanted, options.mode, _labels(options.selector), mesh)
    made = manifests(wanted, options.mode, site)
    for note in (*site.notes, *(replaced(made, mesh) if mesh is not None else ())):
        click.echo(f"note: {printable(note)}", err=True)
    to_stdout(as_yaml(made))
    return ExitCode.PASS


def _labels(text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    pairs = [each.partition("=") for each in text.split(",")]
    if not all(key and sign and value for key, sign, value in pairs):
        raise UsageError(
            f"--selector {text}: expected LABEL=VALUE", hint="For example: --selector istio=egressgateway."
        )
    return {key: value for key, _, value in pairs}
