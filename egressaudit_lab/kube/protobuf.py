"""The few protobuf bodies that kubectl sends: since 1.36 its typed clients no longer write JSON.

A body is `k8s\\0` and a `runtime.Unknown` (apimachinery/pkg/runtime/serializer/protobuf). Field numbers are from
`generated.proto` of k8s.io/api authorization/v1 and core/v1 and of apimachinery meta/v1. What is not listed is dropped.

In: the bytes of a body. Out: the object as JSON would have it, e.g.
`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}`.
"""

from __future__ import annotations

from typing import Any

from egressaudit_lab.kube.refusal import bad_request, unsupported_media_type
from egressaudit_lab.world import Manifest

_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_Message = dict[int, tuple[str, Any]]
"""Field number to its name and its type: `str`, `bytes`, a message, or `dict` for a map of texts."""

_META: _Message = {1: ("name", str), 2: ("generateName", str), 3: ("namespace", str), 11: ("labels", dict)}
_META |= {12: ("annotations", dict)}
_RESOURCE: _Message = dict(
    enumerate(
        [(name, str) for name in ("namespace", "verb", "group", "version", "resource", "subresource", "name")], start=1
    )
)
_REQUEST: _Message = {1: ("path", str), 2: ("verb", str)}
_ACCESS: _Message = {1: ("resourceAttributes", _RESOURCE), 2: ("nonResourceAttributes", _REQUEST)}
_OBJECTS: dict[tuple[str, str], _Message] = {
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): {1: ("metadata", _META), 2: ("spec", _ACCESS)},
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"): {
        1: ("metadata", _META),
        2: ("spec", {1: ("namespace", str)}),
    },
    ("v1", "Namespace"): {1: ("metadata", _META)},
}
_TYPE: _Message = {1: ("apiVersion", str), 2: ("kind", str)}
_ENVELOPE: _Message = {1: ("type", _TYPE), 2: ("raw", bytes)}
_ENTRY: _Message = {1: ("key", str), 2: ("value", str)}


def decoded(body: bytes) -> Manifest:
    """The object in a protobuf body; Refusal 400 if it is broken, 415 for a kind that is not listed here."""
    if not body.startswith(_MAGIC):
        raise bad_request("the request body does not begin like Kubernetes' protobuf")
    try:
        envelope = _message(body[len(_MAGIC) :], _ENVELOPE)
        identity: Manifest = envelope.get("type", {})
        message = _OBJECTS.get((identity.get("apiVersion", ""), identity.get("kind", "")))
        if message is None:
            raise unsupported_media_type(f"the lab's API server does not read {identity.get('kind')} in protobuf")
        return identity | _message(envelope.get("raw", b""), message)
    except (IndexError, UnicodeDecodeError) as error:
        raise bad_request(f"the request body is not protobuf: {error}") from error


def _message(data: bytes, fields: _Message) -> Manifest:
    result: Manifest = {}
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _BYTES:
            length, position = _varint(data, position)
            value = data[position : position + length]
            position += length
            _set(result, fields.get(number), value)
        elif wire == _VARINT:
            _, position = _varint(data, position)
        elif wire in {_FIXED32, _FIXED64}:
            position += 4 if wire == _FIXED32 else 8
        else:
            raise bad_request(f"the request body is not protobuf: wire type {wire}")
    return result


def _set(result: Manifest, field: tuple[str, Any] | None, value: bytes) -> None:
    match field:
        case None:
            return
        case (name, dict() as message):
            result[name] = _message(value, message)
        case (name, kind) if kind is dict:
            entry = _message(value, _ENTRY)
            result.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
        # An empty text is how protobuf leaves a field out.
        case (name, kind) if value:
            result[name] = value.decode() if kind is str else value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
