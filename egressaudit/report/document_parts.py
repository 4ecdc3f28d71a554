"""What the JSON documents of all reports share: parts, and text that is harmless.

In: a value that a workload may have written, e.g. an escape character. Out: a field that shows it as `\\x1b`. Every
string of a document is of the type `Text` or `TextLines`, so no builder can forget it. `tools/schemas.py` makes the
published schemas (docs/schemas) of these types.

Keys are added within a `schema_version`; a key is renamed or removed only with a new one.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from egressaudit.model import (
    FoundCause,
    LineCount,
    MadeFrom,
    NetworkReach,
    NetworkView,
    ReachState,
    Reporter,
    Run,
    Stage,
    SuggestedFix,
    Window,
)
from egressaudit.report.safe import printable, printable_lines
from egressaudit.schema_texts import describe
from egressaudit.times import rfc3339

Text = Annotated[str, BeforeValidator(printable)]
TextLines = Annotated[str, BeforeValidator(printable_lines)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Counts = dict[Text, int]


class Part(BaseModel):
    """A part of a document: immutable, described by the docstrings of its fields."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Tool(Part):
    """What wrote the report."""

    name: Literal["egressaudit"] = "egressaudit"
    version: str


class RunPart(Part):
    """The run that made the report: the only part that differs between two runs on the same input."""

    id: Text | None
    """A random UUID; null in a report that no run of the command line wrote."""
    created: Moment | None
    paths: tuple[Text, ...]
    """The logs or files that were named, as they were named; empty for a cluster."""
    runner: Text | None
    """What the evidence came from: `cluster` or `files`."""
    redacted: tuple[Text, ...]
    """What the report does not show: `queries`, `addresses`, `identities`, `hosts` (docs/redaction.md)."""
    redaction_key: Text | None
    """Tells keys apart: reports with the same one have the same pseudonyms. null without pseudonyms."""

    @classmethod
    def of(cls, run: Run) -> RunPart:
        """The part of a run."""
        created = None if run.created is None else rfc3339(run.created, "microseconds")
        return cls(
            id=run.id or None,
            created=created,
            paths=run.paths,
            runner=run.runner or None,
            redacted=run.redacted,
            redaction_key=run.redaction_key or None,
        )


class MadeFromPart(Part):
    """What the report was made from; null is not known. `sha256sum` checks each digest (docs/json.md)."""

    server: Text | None
    """The API server that the snapshot was read from, without credentials."""
    cluster_uid: Text | None
    """The UID of the namespace kube-system, which identifies a cluster whatever its server is called."""
    mesh_versions: tuple[Text, ...]
    """The versions of the proxies, sorted."""
    policy_sha256: Text | None
    """Of the policy file."""
    snapshot_sha256: Text | None
    """Of `mesh.json`; null if no such file was read or saved."""
    logs_sha256: Text | None
    """Of the list of all logs as `sha256sum` prints it, sorted by name."""

    @classmethod
    def of(cls, made_from: MadeFrom) -> MadeFromPart:
        """The part of what a report was made from."""
        return cls(
            server=made_from.server or None,
            cluster_uid=made_from.cluster_uid or None,
            mesh_versions=made_from.mesh_versions,
            policy_sha256=made_from.policy_digest or None,
            snapshot_sha256=made_from.snapshot_digest or None,
            logs_sha256=made_from.logs_digest or None,
        )


class Span(Part):
    """A time that is or was audited: `start` is inclusive, `end` exclusive."""

    start: Moment
    end: Moment

    @classmethod
    def of(cls, window: Window) -> Span:
        """The span of a window."""
        return cls(start=rfc3339(window.start, "microseconds"), end=rfc3339(window.end, "microseconds"))


class Failure(Part):
    """Why no audit was performed."""

    message: Text
    hint: Text
    """What to do."""


class Unlike(Part):
    """A cause that looks the same, and is not it."""

    code: Text
    fact: Text
    """What would be so if it were this one."""


class FixRow(Part):
    """What would fix a cause. Nothing is ever applied."""

    title: Text
    affects: tuple[Text, ...]
    """What it would do to other hosts, sources and namespaces."""
    yaml: TextLines
    """For `kubectl diff -f -`. Changes of objects that are there are comments, each with the command that shows it."""
    command: Text
    """If it is one change: the command that shows what it would change; else empty."""

    @classmethod
    def of(cls, fix: SuggestedFix) -> FixRow:
        """The row of a fix."""
        return cls(title=fix.title, affects=fix.affects, yaml=fix.yaml, command=fix.command)


class NetworkRow(Part):
    """Where policies of the network let a pod go outside the cluster, whatever its proxy does."""

    state: ReachState
    """`open`: no policy that was read keeps anything from it. `closed`: they allow nothing outside the cluster."""
    by: tuple[Text, ...]
    """The objects that close it; where it is open, those that are about the pod."""
    left: tuple[Text, ...]
    """What is left open, where that is a part."""
    enforcer: Text
    """The network plugin that provably enforces policies; empty if nothing shows one."""

    @classmethod
    def of(cls, reach: NetworkReach) -> NetworkRow:
        """The row of what the network leaves to a pod."""
        return cls(state=reach.state, by=reach.by, left=reach.left, enforcer=reach.enforcer)


class NetworkViewRow(Part):
    """What the network lets workloads do."""

    workloads: tuple[Text, ...]
    """`namespace/Kind/name`; the network treats them alike."""
    role: Reporter | None
    """`egress-gateway` or `waypoint` for those; null for sources."""
    network: NetworkRow
    egress_ips: tuple[Text, ...]
    """The addresses that the outside sees, each with its EgressIP."""

    @classmethod
    def of(cls, view: NetworkView) -> NetworkViewRow:
        """The row of a view."""
        return cls(workloads=view.who, role=view.role, network=NetworkRow.of(view.reach), egress_ips=view.addresses)


class CauseRow(Part):
    """Why it went the way it did; `egressaudit causes EC26` explains the code."""

    code: Text
    name: Text
    title: Text
    stage: Stage
    """The first question that is answered with no: is it captured, known, steered, delivered, taken outside, proven?"""
    because: tuple[Text, ...]
    """The facts that show it."""
    objects: tuple[Text, ...]
    """The objects to look at, the one to change first."""
    field: Text
    """The field of the first object; empty if it is not known."""
    excluded: tuple[Unlike, ...]
    """The look-alikes that it is not."""
    remedy: Text
    """What to do, in one sentence."""
    fix: Text
    """The kind of manifest that fixes it; empty if no manifest does."""
    fixes: tuple[FixRow, ...]
    """What would fix it, the smallest first; empty if the snapshot does not say enough."""
    search: tuple[Text, ...]
    """What istioctl, Kiali and conditions call it."""

    @classmethod
    def of(cls, found: FoundCause) -> CauseRow:
        """The row of a cause that was found."""
        cause = found.cause
        return cls(
            code=cause.code,
            name=cause.name,
            title=cause.title,
            stage=cause.stage,
            because=found.because,
            objects=found.objects,
            field=found.field,
            excluded=tuple(Unlike(code=each.code, fact=each.fact) for each in found.excluded),
            remedy=cause.remedy,
            fix=cause.fix,
            fixes=tuple(map(FixRow.of, found.fixes)),
            search=cause.search,
        )


class Lines(Part):
    """What became of the lines: access + other + unparsed = read."""

    read: int
    access: int
    not_clean: int
    """Part of access: fields may have been written by the sender; such a line proves nothing."""
    other: int
    """Known not to be access lines."""
    unparsed: int

    @classmethod
    def of(cls, count: LineCount) -> Lines:
        """Those of one log, or of all."""
        return cls(
            read=count.read, access=count.access, not_clean=count.unclean, other=count.other, unparsed=count.unparsed
        )


def published(document: type[Part], name: str) -> str:
    """The JSON Schema of a document with a newline at the end; its `$id` is e.g. `urn:egressaudit:schema:verify:1`.

    A URN, for the schema is a file beside the code and stands at no address of the network.
    """
    describe(Part.__subclasses__())
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:egressaudit:schema:{name}:{document.model_fields['schema_version'].default}",
        # A reader must find every key; that some have a default here is the writer's business.
        **document.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
