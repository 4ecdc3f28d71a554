"""Which run made a report, and from what: `run` is the only place for what differs between two runs on one input.

Example: `Run(id="5b1f…", created=<2026-11-28 17:00 UTC>, paths=("evidence/",))` beside
`MadeFrom(server="https://api.shop:6443", cluster_uid="7c0e…")`, which is the same in every run on this evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Everything else in a report is the same for the same input."""

    id: str = ""
    """A random UUID; '' in reports of tests and samples."""
    created: datetime | None = None
    """When the report was made, UTC."""
    paths: tuple[str, ...] = ()
    """The files that were named, as they were named; empty for a live run."""
    runner: str = ""
    """What the evidence came from: `cluster` or `files`."""
    redacted: tuple[str, ...] = ()
    """What the report does not show: `queries`, `addresses`, `identities`, `hosts`, sorted. Empty before redaction."""
    redaction_key: str = ""
    """Tells the keys of pseudonyms apart: reports with the same one have the same pseudonyms. '' without pseudonyms."""


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What a report was made from. Digests are SHA-256 in hex; '' is not known."""

    server: str = ""
    """The API server that the snapshot was read from."""
    cluster_uid: str = ""
    """The UID of namespace kube-system, which names a cluster whatever its server is called."""
    mesh_versions: tuple[str, ...] = ()
    """The proxies' versions, sorted: `1.27.1`."""
    policy_digest: str = ""
    """Of the policy file."""
    snapshot_digest: str = ""
    """Of `mesh.json`, as it was read or saved."""
    logs_digest: str = ""
    """Of a list of the logs as `sha256sum` prints it, sorted by name (`model.digests`)."""
