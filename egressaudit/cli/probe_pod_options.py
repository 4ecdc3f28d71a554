"""The options about the probe pod of our own: what it runs as, where, and what it is built on.

In: what click has read, e.g. `--toleration dedicated=egress:NoSchedule`. Out: `ProbePodOptions`, whose tolerations are
`({"key": "dedicated", "operator": "Equal", "value": "egress", "effect": "NoSchedule"},)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from egressaudit.cli.options import together
from egressaudit.errors import UsageError

if TYPE_CHECKING:
    from egressaudit.probe.pod import ProbePodOptions

_Command = TypeVar("_Command", bound=Callable[..., object])

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_OURS = ("app.kubernetes.io/managed-by", "egressaudit.io/run-id", "app.kubernetes.io/name")
"""The labels by which `egressaudit cleanup` finds probe pods."""


class GivenPodOptions(Protocol):
    """The options of `probe_pod_options`, as a command has them."""

    @property
    def image(self) -> str | None:
        """`--image`."""

    @property
    def service_account(self) -> str | None:
        """`--service-account`."""

    @property
    def pull_secrets(self) -> tuple[str, ...]:
        """Each `--image-pull-secret`."""

    @property
    def node_selector(self) -> tuple[str, ...]:
        """Each `--node-selector`."""

    @property
    def tolerations(self) -> tuple[str, ...]:
        """Each `--toleration`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Each `--label`."""

    @property
    def annotations(self) -> tuple[str, ...]:
        """Each `--annotation`."""

    @property
    def pod_template(self) -> str | None:
        """`--pod-template`."""


def probe_pod_options(command: _Command) -> _Command:
    """`--image`, `--service-account` and all others about the probe pod."""
    return together(
        command,
        click.option(
            "--image", help="Image of the probe pod; it must have curl. Default: curlimages/curl, pinned by digest."
        ),
        click.option("--service-account", metavar="NAME", help="Service account of the probe pod."),
        click.option(
            "--image-pull-secret",
            "pull_secrets",
            metavar="NAME",
            multiple=True,
            help="Secret in the pod's namespace for pulling the image. May be repeated.",
        ),
        click.option(
            "--node-selector",
            metavar="KEY=VALUE",
            multiple=True,
            help="Run the probe pod on nodes with this label. May be repeated.",
        ),
        click.option(
            "--toleration",
            "tolerations",
            metavar="KEY[=VALUE][:EFFECT]",
            multiple=True,
            help="Let the probe pod run on nodes with this taint. May be repeated.",
        ),
        click.option(
            "--label", "labels", metavar="KEY=VALUE", multiple=True, help="Label of the probe pod. May be repeated."
        ),
        click.option(
            "--annotation",
            "annotations",
            metavar="KEY=VALUE",
            multiple=True,
            help="Annotation of the probe pod. May be repeated.",
        ),
        click.option(
            "--pod-template",
            metavar="FILE",
            help="Build the probe pod on this Pod manifest, which has what your cluster requires of pods. If it has a "
            "container `curl`, that one sends the probes. egressaudit sets the name, command and lifetime.",
        ),
        click.option(
            "--allow-uncaptured",
            is_flag=True,
            help="Send from a probe pod even if it would not be in the mesh.",
        ),
    )


def wanted_pod(options: GivenPodOptions) -> ProbePodOptions:
    """What these options want of the probe pod; UsageError for what cannot be."""
    from egressaudit.probe.pod import ProbePodOptions

    accounts = () if options.service_account is None else (options.service_account,)
    named = (("--service-account", accounts), ("--image-pull-secret", options.pull_secrets))
    for option, name in ((option, name) for option, names in named for name in names):
        if not _NAME.fullmatch(name):
            raise UsageError(f"{option} {name!r} is not a name", hint="Names have a-z, 0-9, - and dots.")
    if options.image is not None and not re.fullmatch(r"[!-~]{1,1000}", options.image):
        raise UsageError(f"--image {options.image!r} is not the name of an image")
    labels = _pairs("--label", options.labels)
    if ours := sorted(set(labels) & set(_OURS)):
        raise UsageError(f"--label {ours[0]} is how `egressaudit cleanup` finds the pod, and stays as it is")
    return ProbePodOptions(
        image=options.image,
        service_account=options.service_account,
        pull_secrets=options.pull_secrets,
        node_selector=_pairs("--node-selector", options.node_selector),
        tolerations=tuple(map(_toleration, options.tolerations)),
        labels=labels,
        annotations=_pairs("--annotation", options.annotations),
        template={} if options.pod_template is None else _template(options.pod_template),
    )


def check_own_pod(options: GivenPodOptions) -> None:
    """UsageError for options about a probe pod where a workload sends the probes."""
    given = {
        "--image": options.image,
        "--service-account": options.service_account,
        "--image-pull-secret": options.pull_secrets,
        "--node-selector": options.node_selector,
        "--toleration": options.tolerations,
        "--label": options.labels,
        "--annotation": options.annotations,
        "--pod-template": options.pod_template,
    }
    if said := [option for option, value in given.items() if value]:
        raise UsageError(
            f"{said[0]} is about the probe pod, and the source is a workload",
            hint=f"Leave out {', '.join(said)}, or --from and -l.",
        )


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not _KEY.fullmatch(key):
            raise UsageError(f"{option} {each!r} is not KEY=VALUE", hint=f"For example: {option} team=payments")
        found[key] = value
    return found


def _toleration(given: str) -> Mapping[str, str]:
    taint, _, effect = given.partition(":")
    key, equals, value = taint.partition("=")
    if not _KEY.fullmatch(key) or (effect and effect not in _EFFECTS):
        raise UsageError(
            f"--toleration {given!r} is not KEY[=VALUE][:EFFECT]",
            hint=f"For example: --toleration dedicated=egress:NoSchedule. Effects: {', '.join(_EFFECTS)}.",
        )
    made = {"key": key, "operator": "Equal" if equals else "Exists"}
    if equals:
        made["value"] = value
    return {**made, "effect": effect} if effect else made


def _template(name: str) -> Mapping[str, Any]:
    """The Pod in a file. NotFound or UsageError, with file and line, where there is none."""
    from egressaudit.evidence.manifests import read_manifests
    from egressaudit.mesh.untyped import rows, table, text

    objects = [each.value for each in read_manifests((name,), "")]
    kinds = [text(each.get("kind")) for each in objects]
    if kinds != ["Pod"]:
        raise UsageError(
            f"--pod-template {name} holds {', '.join(kinds)} instead of one Pod",
            hint="`kubectl run curl --image=IMAGE --dry-run=client -o yaml` writes one to start from.",
        )
    pod = objects[0]
    for path in ("metadata", "metadata.labels", "metadata.annotations", "spec"):
        if not isinstance(_at(pod, path), Mapping):
            raise UsageError(f"--pod-template {name}: {path} is not a map")
    containers = table(pod.get("spec")).get("containers", [])
    if not isinstance(containers, list) or len(rows(containers)) != len(containers):
        raise UsageError(f"--pod-template {name}: spec.containers is not a list of containers")
    return pod


def _at(pod: Mapping[str, Any], path: str) -> Any:
    """What is at a path, {} where nothing is."""
    value: Any = pod
    for key in path.split("."):
        value = value.get(key, {})
    return value
