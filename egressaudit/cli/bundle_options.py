"""The options of `audit` for its evidence bundle.

In: what click has read. Out: a `BundleMaker`, or None where no bundle is asked for.
Example: `--bundle audit.tar.zst --bundle-logs relevant`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path as File
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from egressaudit.cli.options import together
from egressaudit.cli.progress import steps_shown
from egressaudit.errors import UsageError
from egressaudit.whole_file import remove_file

if TYPE_CHECKING:
    from egressaudit.model import AuditReport
    from egressaudit.pipeline.bundling import BundleMaker
    from egressaudit.report.redaction import Redaction

_Command = TypeVar("_Command", bound=Callable[..., object])


class BundleOptions(Protocol):
    """The options of `bundle_options`, and the policy that goes into the bundle."""

    @property
    def bundle(self) -> File | None:
        """`--bundle`."""

    @property
    def bundle_logs(self) -> str | None:
        """`--bundle-logs`."""

    @property
    def sign_key(self) -> File | None:
        """`--sign-key`."""


def bundle_options(command: _Command) -> _Command:
    """`--bundle`, `--bundle-logs` and `--sign-key`."""
    return together(
        command,
        click.option(
            "--bundle",
            type=click.Path(path_type=File, dir_okay=False),
            help="Write the report and its evidence to this file (.tar.zst); see `egressaudit bundle`.",
        ),
        click.option(
            "--bundle-logs",
            type=click.Choice(("all", "relevant", "none")),
            help="Which log lines the bundle has. It can be judged again only if it has all. Default: all.",
        ),
        click.option(
            "--sign-key",
            type=click.Path(path_type=File, dir_okay=False),
            help="Sign the bundle with this Ed25519 private key (PEM).",
        ),
    )


def asked_bundle(options: BundleOptions, reports: Iterable[File | None], redaction: Redaction) -> BundleMaker | None:
    """The maker of the bundle that is asked for; the file of an earlier run is gone. UsageError for what cannot be.

    `reports` are the files of reports.
    """
    file = options.bundle
    if file is None:
        if options.bundle_logs is not None or options.sign_key is not None:
            option = "--sign-key" if options.bundle_logs is None else "--bundle-logs"
            raise UsageError(f"{option} needs --bundle", hint="Name the bundle's file: --bundle audit.tar.zst")
        return None
    if not file.absolute().parent.is_dir():
        raise UsageError(f"--bundle {file}: the folder {file.absolute().parent} does not exist")
    if file.resolve() in (each.resolve() for each in reports if each is not None):
        raise UsageError("a report and the bundle would go to the same file", hint="Give each its own file.")
    pseudonyms = redaction.has_pseudonyms
    if pseudonyms and options.bundle_logs not in (None, "none"):
        raise UsageError(
            f"--bundle-logs {options.bundle_logs} holds what --redact takes out of the report",
            hint="With pseudonyms, a bundle can have only hashes: use --bundle-logs none.",
        )
    # Import here: only these runs need it.
    from egressaudit.bundle.manifest import BundledLines
    from egressaudit.bundle.signing import signer
    from egressaudit.pipeline.bundling import BundleMaker, BundleWish

    sign = signer(options.sign_key) if options.sign_key is not None else None
    # If the run fails, no bundle of an earlier one may look like its own.
    remove_file(file)
    holds = BundledLines.NONE if pseudonyms else BundledLines(options.bundle_logs or "all")
    return BundleMaker(BundleWish(file, holds, sign, hides_names=pseudonyms))


def write_bundle(maker: BundleMaker | None, report: AuditReport, *, quiet: bool) -> None:
    """Write the bundle that was asked for, if one was. OutputFailed."""
    if maker is not None:
        with steps_shown(quiet=quiet) as say:
            say("writing the bundle")
            maker.write(report)
