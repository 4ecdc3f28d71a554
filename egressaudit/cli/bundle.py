"""`egressaudit bundle`: check an evidence bundle, look into it, and prove one line of it.

In: a bundle that `audit --bundle` wrote. Out: what was checked of it, its members, or a line with its proof.
Example: `egressaudit bundle verify audit.tar.zst --key auditor.pub`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path as File

import click

from egressaudit.cli.bundle_report import bundle_report
from egressaudit.cli.options import taking
from egressaudit.cli.progress import steps_shown
from egressaudit.cli.standard_streams import to_stdout
from egressaudit.errors import ExitCode, UsageError

_FORMATS = ("text", "json")
_CODES = {"proven": ExitCode.PASS, "not-proven": ExitCode.INCONCLUSIVE, "altered": ExitCode.VIOLATION}
_VERIFIED = """\b
Exit codes:
  0   nothing was altered, and judging it again gives the same report
  1   FILE cannot be read as a bundle
  2   invalid command line or key
  3   not everything could be checked
  10  something was altered, or the evidence gives another report"""


@click.group()
def bundle() -> None:
    """Check evidence bundles: the reports of `audit --bundle` with everything they were judged from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyBundleOptions:
    """What `bundle verify` was asked."""

    file: File
    key: File | None
    quiet: bool
    output: str


@bundle.command("verify", epilog=_VERIFIED)
@click.argument("file", type=click.Path(path_type=File))
@click.option("--key", type=click.Path(path_type=File), help="The bundle must be signed with this key (PEM).")
@click.option("-q", "--quiet", is_flag=True, help="Don't show progress on standard error.")
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True)
@taking(VerifyBundleOptions)
def bundle_verify(options: VerifyBundleOptions) -> int:
    """Check that nothing in FILE was altered, and judge it again: this must give the same report, byte for byte.

    \b
    egressaudit bundle verify audit.tar.zst --key auditor.pub
    """
    from egressaudit.bundle.bundle_text import verdict_document, verdict_text
    from egressaudit.pipeline.bundle_check import bundle_verdict

    with steps_shown(quiet=options.quiet) as say:
        verdict = bundle_verdict(options.file, options.key, say)
    if options.output == "json":
        to_stdout(json.dumps(verdict_document(verdict), indent=2) + "\n")
    else:
        to_stdout(verdict_text(verdict))
    return _CODES[verdict.standing]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowBundleOptions:
    """What `bundle show` was asked."""

    file: File
    output: str


@bundle.command("show")
@click.argument("file", type=click.Path(path_type=File))
@click.option("-o", "--output", type=click.Choice(_FORMATS), default=_FORMATS[0], show_default=True)
@taking(ShowBundleOptions)
def bundle_show(options: ShowBundleOptions) -> int:
    """List what FILE says it holds. This checks nothing.

    \b
    egressaudit bundle show audit.tar.zst
    """
    from egressaudit.bundle.bundle_text import listing, shown_bundle
    from egressaudit.bundle.checking import read_manifest

    found = read_manifest(options.file)
    to_stdout(json.dumps(shown_bundle(found), indent=2) + "\n" if options.output == "json" else listing(found))
    return ExitCode.PASS if found.manifest is not None else ExitCode.VIOLATION


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveOptions:
    """What `bundle prove` was asked."""

    file: File
    line: str


@bundle.command("prove")
@click.argument("file", type=click.Path(path_type=File))
@click.argument("line", metavar="LOG:LINE")
@taking(ProveOptions)
def bundle_prove(options: ProveOptions) -> int:
    """Print one line of a log with its proof, as JSON. LOG is its name in reports, or its number in `bundle show`.

    \b
    egressaudit bundle prove audit.tar.zst shop/cart-1/istio-proxy:41
    """
    from egressaudit.bundle.proving import proven_line

    name, _, number = options.line.rpartition(":")
    if not name or not number.isdecimal() or len(number) > 18:
        raise UsageError(f"{options.line!r} is not LOG:LINE", hint="For example: shop/cart-1/istio-proxy:41")
    to_stdout(json.dumps(proven_line(options.file, name, int(number)), indent=2) + "\n")
    return ExitCode.PASS


bundle.add_command(bundle_report)
