"""The access log formats that a mesh's configuration asks for, from a snapshot or from a file of manifests.

In: MeshConfig with `accessLogFormat: "[%START_TIME%] ..."`. Out: `LogFormat("[%START_TIME%] ...",
where="meshConfig...")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from egressaudit.mesh.untyped import rows, table, text, words
from egressaudit.model import LogFormat

_STANDARD_STREAMS = ("", "/dev/stdout", "/dev/stderr")
_BUILT_IN = "envoy"
"""The log provider that every mesh has; it writes meshConfig's own format (pilot/pkg/model/telemetry_logging.go)."""
_MESH_KEYS = ("accessLogFormat", "accessLogEncoding", "accessLogFile", "extensionProviders", "defaultProviders")


def formats_in_use(config: Mapping[str, Any], telemetries: Iterable[Mapping[str, Any]]) -> tuple[LogFormat, ...]:
    """Every format that some proxy may write to its container's log; `telemetries` are the specs of Telemetry objects.

    A mesh with providers of its own uses meshConfig's format only where the provider `envoy` is named, or nothing is.
    """
    entries = [entry for spec in telemetries for entry in rows(spec.get("accessLogging"))]
    used = list(words(table(config.get("defaultProviders")).get("accessLogging")))
    by_default = not used and (bool(text(config.get("accessLogFile"))) or any(not _names(each) for each in entries))
    used += [name for entry in entries for name in _names(entry)]
    found = []
    if text(config.get("accessLogFormat")) or by_default or _BUILT_IN in used:
        found.append(format_of_mesh(config))
    for provider in rows(config.get("extensionProviders")):
        log = provider.get("envoyFileAccessLog")
        if isinstance(log, Mapping) and provider.get("name") in used and text(log.get("path")) in _STANDARD_STREAMS:
            found.append(format_of_provider(text(provider.get("name")), log))
    return tuple(found)


def is_custom(each: LogFormat) -> bool:
    """Whether a format is not Istio's default."""
    return each.omit_empty or bool(each.text) or bool(each.labels)


def configured_formats(documents: Sequence[object]) -> tuple[LogFormat, ...]:
    """The formats that the manifests of a file ask for. Raises ValueError that says what the file lacks."""
    configs: list[Mapping[str, Any]] = []
    telemetries: list[Mapping[str, Any]] = []
    for each in _flat(documents):
        if text(each.get("kind")) == "Telemetry":
            telemetries.append(table(each.get("spec")))
        elif config := _mesh_config(each):
            configs.append(config)
    if not configs:
        lack = "the meshConfig that defines its log providers" if telemetries else "MeshConfig, Istio or IstioOperator"
        raise ValueError(f"it has no access log configuration: {lack} is not in it")
    found = [each for config in configs for each in formats_in_use(config, telemetries)]
    # A file may define providers and leave it to others to name them.
    found = found or [
        format_of_provider(text(provider.get("name")), table(provider.get("envoyFileAccessLog")))
        for config in configs
        for provider in rows(config.get("extensionProviders"))
        if "envoyFileAccessLog" in provider
    ]
    return tuple(found) or tuple(format_of_mesh(config) for config in configs)


def _names(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(text(provider.get("name")) for provider in rows(entry.get("providers")))


def format_of_mesh(config: Mapping[str, Any]) -> LogFormat:
    """MeshConfig's own format, which the built-in provider writes."""
    own = text(config.get("accessLogFormat"))
    # Protobuf's enum may be written as its number.
    if config.get("accessLogEncoding") in ("JSON", 1):
        return LogFormat("meshConfig.accessLogFormat", labels=own)
    return LogFormat("meshConfig.accessLogFormat", text=own)


def format_of_provider(name: str, log: Mapping[str, Any]) -> LogFormat:
    """The format of a provider's `envoyFileAccessLog`."""
    own, omit = table(log.get("logFormat")), log.get("omitEmptyValues") is True
    where = f"log provider {name}"
    if "labels" in own:
        return LogFormat(where, labels=table(own.get("labels")), omit_empty=omit)
    return LogFormat(where, text=text(own.get("text")), omit_empty=omit)


def _flat(documents: Iterable[object]) -> Iterable[Mapping[str, Any]]:
    for each in documents:
        if isinstance(each, Mapping):
            if text(each.get("kind")).endswith("List"):
                yield from rows(each.get("items"))
            else:
                yield each


def _mesh_config(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """MeshConfig: bare, in a ConfigMap, in an Istio or IstioOperator resource, or in Helm values; else empty."""
    spec = table(document.get("spec"))
    mesh = text(table(document.get("data")).get("mesh"))
    places = (
        spec.get("meshConfig"),
        table(spec.get("values")).get("meshConfig"),
        document.get("meshConfig"),
        yaml.safe_load(mesh) if mesh else None,
        document if any(key in document for key in _MESH_KEYS) else None,
    )
    return next((table(place) for place in places if table(place)), {})
