"""Manifests: files of Kubernetes objects as YAML or JSON, each object with the place where it is written.

In: files, folders of `*.yaml`, `*.yml` and `*.json`, or `-` for standard input. Out: `WrittenObject`s.
Example: the second document of `egress.yaml` is a VirtualService that starts in line 14, and its `spec.gateways` is in
line 20.

Files of a pull request are as hostile as a log: no aliases, which make a large value of a small file, and no deep
nesting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import yaml

from egressaudit.errors import NotFound, UsageError, why_refused
from egressaudit.evidence.field_places import Slice, value_of
from egressaudit.evidence.yaml_errors import explain
from egressaudit.given_files import read_given
from egressaudit.mesh.untyped import table, text

_SUFFIXES = (".yaml", ".yml", ".json")
_DEPTH = 64
"""Kubernetes' own objects have some 20 levels."""
_LARGEST = 16 * 1024 * 1024
"""Bytes of a file: 5,000 ServiceEntries have two million, and YAML takes a hundred times its size to read."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HINT = "Give it manifests as `kubectl apply -f` reads them."


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """An object, and where it is written."""

    value: Mapping[str, Any]
    place: Slice


def read_manifests(names: Iterable[str], namespace: str) -> tuple[WrittenObject, ...]:
    """The objects of these files, in their order. One without a namespace gets `namespace`, as kubectl does it.

    NotFound for a file that is not there, UsageError with file and line for what is no YAML or no object.
    """
    found: list[WrittenObject] = []
    for name in names:
        for file in _files(name):
            found += _of_text(_text(file), file)
    if not found:
        raise UsageError(f"there is no object in {', '.join(names)}", hint=_HINT)
    return tuple(WrittenObject(_placed(each.value, namespace), each.place) for each in found)


def _files(name: str) -> Iterator[str]:
    if name == "-" or not File(name).is_dir():
        yield name
        return
    try:
        inside = sorted(each for each in File(name).rglob("*") if each.suffix in _SUFFIXES and each.is_file())
    except RecursionError as error:
        raise UsageError(f"{name} cannot be read: its folders are nested too deeply") from error
    if not inside:
        raise UsageError(f"there is no {', '.join(_SUFFIXES)} file in {name}", hint=_HINT)
    yield from map(str, inside)


def _text(name: str) -> str:
    try:
        data = sys.stdin.buffer.read(_LARGEST + 1) if name == "-" else read_given(File(name), _LARGEST)
    except FileNotFoundError as error:
        raise NotFound(f"{name} is missing", hint=_HINT) from error
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {why_refused(error)}") from error
    if len(data) > _LARGEST:
        raise UsageError(f"{name} is larger than {_LARGEST // 1024 // 1024} MiB", hint="Split it into several files.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: this is not UTF-8", hint=_HINT) from error


def _of_text(content: str, name: str) -> Iterator[WrittenObject]:
    try:
        _check(content, name)
        for node in yaml.compose_all(content, Loader=_Loader):
            yield from _of_node(node, content, name)
    except (yaml.YAMLError, RecursionError) as error:
        fault = explain(error, content)
        raise UsageError(f"{name}:{fault.line}: this {fault.message}", hint=fault.hint or _HINT) from error


def _check(content: str, name: str) -> None:
    """Refuse what could exhaust memory or the stack; events come without recursion."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH:
                raise UsageError(f"{name}:{line}: this is nested more than {_DEPTH} levels deep", hint=_HINT)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise UsageError(f"{name}:{line}: aliases (*{event.anchor}) are not read", hint="Write the value out.")


def _of_node(node: yaml.Node | None, content: str, name: str) -> Iterator[WrittenObject]:
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return
    line = node.start_mark.line + 1
    try:
        value = _constructed(node)
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, OverflowError, AttributeError, TypeError) as error:
        # With a tag in front PyYAML takes any text for a number or a date, and stumbles.
        raise UsageError(f"{name}:{line}: a value in this object has a tag that does not fit it", hint=_HINT) from error
    if not isinstance(value, dict):
        raise UsageError(f"{name}:{line}: this is not a Kubernetes object", hint=_HINT)
    kind = text(value.get("kind"))
    items = value_of(node, "items") if kind.endswith("List") else None
    if isinstance(items, yaml.SequenceNode):
        for each in items.value:
            yield from _of_node(each, content, name)
        return
    for key in ("apiVersion", "kind"):
        if not text(value.get(key)):
            raise UsageError(f"{name}:{line}: this object has no {key}", hint=_HINT)
    if not text(table(value.get("metadata")).get("name")):
        raise UsageError(f"{name}:{line}: this {kind} has no metadata.name", hint=_HINT)
    yield WrittenObject(value, Slice.of_node(node, content, name))


def _constructed(node: yaml.Node) -> object:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _placed(value: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    metadata = table(value.get("metadata"))
    if metadata.get("namespace") or text(value.get("kind")) in _CLUSTER_WIDE:
        return value
    return {**value, "metadata": {**metadata, "namespace": namespace}}


_CLUSTER_WIDE = ("Namespace", "Node", "GatewayClass", "ServiceCIDR", "Network", "CustomResourceDefinition")
