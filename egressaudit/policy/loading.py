"""A policy file to a policy, or to every error in it at once, each with its line and column.

In: the bytes of a file. Out: a `Policy`, or a `PolicyError`. Example of an error in it:
`policy.yaml:8:10: spec.rules[0].via: 'gatway' is not allowed here. Did you mean gateway?`
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path as File
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from egressaudit.errors import PolicyError, why_refused
from egressaudit.given_files import read_given
from egressaudit.model import ObjectRef, Path, Severity, Waived
from egressaudit.policy.checks import PolicyParts, complaints
from egressaudit.policy.document import (
    FORMS,
    TRUST_FORMS,
    BypassForm,
    PolicyForm,
    Ref,
    RuleForm,
    TrustForm,
    WaiverForm,
    keys_of,
)
from egressaudit.policy.globs import Globs
from egressaudit.policy.hosts import HostPattern
from egressaudit.policy.rules import Policy, PolicyRule, Waiver, WantedBypass, rules_in_order
from egressaudit.policy.trust_form import trust_of
from egressaudit.policy.yaml_text import Document, Problem, Step, read_yaml, shown_path

MAX_BYTES = 1 << 20
_SHOWN = 100
"""Errors that are shown; a file with more is no policy."""

_PATHS = {
    "gateway": Path.VIA_GATEWAY,
    "waypoint": Path.VIA_WAYPOINT,
    "direct": Path.DIRECT,
    "blocked": Path.BLOCKED,
}
_Form = TypeVar("_Form", bound=BaseModel)


def load_policy(file: File) -> Policy:
    """The policy of a file; PolicyError where it cannot be read or anything is wrong in it."""
    return read_policy(file)[0]


def read_policy(file: File) -> tuple[Policy, bytes]:
    """The policy of a file, and the file as it was read; PolicyError as for `load_policy`."""
    data = file_bytes(file, "policy")
    return parse_policy(data, str(file)), data


def load_trust_form(file: File) -> TrustForm:
    """The trust section that is a file by itself; PolicyError as for a policy."""
    document = _document(file_bytes(file, "trust"), str(file), "trust")
    form, problems = _form(document, TrustForm, TRUST_FORMS)
    if problems or form is None:
        raise _error(str(file), problems, "trust")
    return form


def file_bytes(file: File, what: str) -> bytes:
    """What a file has; PolicyError where it cannot be read, or is too large."""
    try:
        return read_given(file, MAX_BYTES)
    except OSError as error:
        raise PolicyError(f"the {what} {file} cannot be read: {why_refused(error)}") from error


def parse_policy(data: bytes, name: str = "policy.yaml") -> Policy:
    """The policy of a file's bytes; PolicyError has every error as `NAME:LINE:COLUMN: path: message`."""
    document = _document(data, name, "policy")
    form, problems = _form(document, PolicyForm, FORMS)
    parts = _parts(document.value)
    rules = [(number, _rule(each, parts.lists)) for number, each in parts.rules]
    problems += [_problem(document, *each) for each in complaints(parts, rules)]
    if problems or form is None:
        raise _error(name, problems)
    return Policy(
        name=form.metadata.name,
        digest=hashlib.sha256(data).hexdigest(),
        gateways=_refs(form.spec.gateways),
        waypoints=_refs(form.spec.waypoints),
        rules=rules_in_order(rule for _, rule in rules),
        waivers=tuple(_waiver(each) for each in form.spec.waivers),
        default=form.spec.default,
        trust=trust_of(form.spec.trust),
        bypass=_bypass(form.spec.bypass),
        source=data,
    )


def _document(data: bytes, name: str, what: str) -> Document:
    """The YAML of a file; PolicyError where it is none."""
    if len(data) > MAX_BYTES:
        raise PolicyError(
            f"the {what} {name} is larger than 1 MiB", hint="Use globs and wildcards, or several policies."
        )
    try:
        # utf-8-sig: editors of Windows put a mark in front.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _error(name, [Problem(line, 1, "", "the file is not UTF-8")], what) from error
    document = read_yaml(text)
    if document.value is None:
        raise _error(name, document.problems or [Problem(1, 1, "", "the file is empty")], what)
    return document


def _error(name: str, problems: Sequence[Problem], what: str = "policy") -> PolicyError:
    ordered = sorted(set(problems))
    lines = [_line(name, each) for each in ordered[:_SHOWN]]
    if len(ordered) > _SHOWN:
        lines.append(f"... and {len(ordered) - _SHOWN} more")
    count = "1 error" if len(ordered) == 1 else f"{len(ordered)} errors"
    return PolicyError(f"the {what} {name} has {count}", hint="\n".join(lines), problems=tuple(lines))


def _line(name: str, problem: Problem) -> str:
    path = f"{problem.path}: " if problem.path else ""
    hint = f". {problem.hint}" if problem.hint else ""
    # One error is one line, whatever the file holds.
    said = " ".join(f"{path}{problem.message}{hint}".split())
    return f"{name}:{problem.line}:{problem.column}: {said}"


# ---------------------------------------------------------------- the form


def _form(
    document: Document, form: type[_Form], forms: Mapping[tuple[str, ...], type[BaseModel]]
) -> tuple[_Form | None, list[Problem]]:
    try:
        return form.model_validate(document.value), list(document.problems)
    except ValidationError as error:
        found = list(document.problems)
        said = {each.path for each in found}
        found += [
            _of_detail(document, each, forms)
            for each in error.errors(include_url=False)
            # pydantic also calls a list empty of which no entry is right.
            if shown_path(_steps(each)) not in said and not (each["type"] == "too_short" and each["input"])
        ]
        return None, found


def _of_detail(document: Document, detail: ErrorDetails, forms: Mapping[tuple[str, ...], type[BaseModel]]) -> Problem:
    path = _steps(detail)
    if detail["type"] == "extra_forbidden":
        line, column = document.keys.get(path, (1, 1))
        hint = _keys_hint(str(path[-1]), keys_of(_form_of(path, forms)))
        return Problem(line, column, shown_path(path), "unknown key", hint)
    if detail["type"] == "missing":
        return _problem(document, path, "is required", "")
    known = _choices(path, forms) if detail["type"] == "literal_error" else ()
    return _problem(document, path, *_in_words(detail, known))


def _form_of(path: tuple[Step, ...], forms: Mapping[tuple[str, ...], type[BaseModel]]) -> type[BaseModel]:
    """The form of the mapping that the last step is a key of."""
    return forms[tuple(each for each in path[:-1] if isinstance(each, str))]


def _choices(path: tuple[Step, ...], forms: Mapping[tuple[str, ...], type[BaseModel]]) -> tuple[str, ...]:
    """The values that a key may have, or an entry of its list, where the form lists them."""
    of_list = isinstance(path[-1], int)
    fields = _form_of(path[:-1] if of_list else path, forms).model_fields
    key = path[-2] if of_list else path[-1]
    known = next((get_args(each.annotation) for name, each in fields.items() if key in (each.alias, name)), ())
    return get_args(known[0]) if of_list else known


def _steps(detail: ErrorDetails) -> tuple[Step, ...]:
    return tuple(detail["loc"])


def _problem(document: Document, path: tuple[Step, ...], message: str, hint: str) -> Problem:
    there = path
    while there and there not in document.values:
        there = there[:-1]
    line, column = document.values.get(there, (1, 1))
    # What is missing in a list's entry or below a key is missing there, and not where its first key happens to be.
    if there != path and there in document.keys:
        line, column = document.keys[there]
    return Problem(line, column, shown_path(path), message, hint)


def _keys_hint(key: str, keys: Sequence[str]) -> str:
    near = get_close_matches(key, keys, n=1) or [each for each in keys if each.lower() == key.lower()]
    return f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(keys)}."


_LENGTHS = {"too_short": "must not be empty", "string_too_short": "must not be empty", "string_too_long": "is too long"}
_TYPES = {
    "string_type": ("must be text", "Put it into quotes."),
    "int_type": ("must be a whole number", ""),
    "tuple_type": ("must be a list", "Write it as [a, b]."),
    "model_type": ("must be a mapping of keys", ""),
    "date_type": ("must be a date", "Write it as 2027-01-31."),
    "greater_than_equal": ("must be a port from 1 to 65535", ""),
    "less_than_equal": ("must be a port from 1 to 65535", ""),
}
_PATTERNS = {
    "controls": "must be framework/id, such as nist-800-53/SC-7",
    "reason": "must not be empty",
    "namespace": "must be a namespace: lower-case letters, digits, `-`",
}
_NAMES = "must be a name: letters, digits, `.`, `_`, `-`"


def _in_words(detail: ErrorDetails, known: tuple[str, ...]) -> tuple[str, str]:
    """An error of pydantic in the words of a policy, and what to do; `known` are the values that there are.

    pydantic's own words reach nobody.
    """
    kind, value = detail["type"], detail["input"]
    if kind == "policy":  # ours: `document` says it
        return detail["msg"], ""
    if kind in _LENGTHS:
        return _LENGTHS[kind], ""
    if kind in _TYPES:
        message, hint = _TYPES[kind]
        return f"{message}, but is {_shown(value)}", "" if value is None else hint
    if kind == "literal_error":
        hint = _keys_hint(value, known) if isinstance(value, str) else f"Allowed: {', '.join(known)}."
        return (f"{_shown(value)} is not allowed here", hint)
    if kind == "string_pattern_mismatch":
        key = next((each for each in reversed(detail["loc"]) if isinstance(each, str)), "")
        return f"{_shown(value)} {_PATTERNS.get(key, _NAMES)}", ""
    return f"{_shown(value)} is not allowed here", "docs/policy.md lists the allowed values."


def _shown(value: object) -> str:
    match value:
        case None:
            return "empty"
        case tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            text = repr(value) if isinstance(value, str) else str(value)
            return text if len(text) <= 80 else f"{text[:80]}..."


# ---------------------------------------------------------------- the parts


def _parts(value: Any) -> PolicyParts:
    """What can be read of the rules and waivers, also where other parts of the file are wrong."""
    spec = value.get("spec") if isinstance(value, dict) else None
    spec = spec if isinstance(spec, dict) else {}
    return PolicyParts(
        rules=list(_readable(RuleForm, spec.get("rules"))),
        names=list(_texts(spec.get("rules"), "name")),
        waived=list(_texts(spec.get("waivers"), "rule")),
        lists={kind: _ref_list(spec.get(kind, ())) for kind in ("gateways", "waypoints")},
        default=str(spec.get("default", "deny")),
        trust=next((each for _, each in _readable(TrustForm, (spec.get("trust"),))), None),
        tried=[(n, rule) for n, rule in enumerate(_named_by(spec.get("bypass"))) if isinstance(rule, str)],
    )


def _bypass(form: BypassForm | None) -> WantedBypass | None:
    return None if form is None else WantedBypass(frozenset(form.rules), frozenset(form.with_))


def _named_by(section: object) -> tuple[Any, ...]:
    return _list(section.get("rules")) if isinstance(section, dict) else ()


def _list(value: object) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else ()


def _texts(value: object, key: str) -> Iterator[tuple[int, str]]:
    for number, each in enumerate(_list(value)):
        if isinstance(each, dict) and isinstance(text := each.get(key), str):
            yield number, text


def _readable(form: type[_Form], value: object) -> Iterator[tuple[int, _Form]]:
    for number, each in enumerate(_list(value)):
        try:
            yield number, form.model_validate(each)
        except ValidationError:
            continue


def _ref_list(value: object) -> tuple[Ref, ...] | None:
    try:
        return TypeAdapter(tuple[Ref, ...]).validate_python(value, strict=True)
    except ValidationError:
        return None


def _rule(form: RuleForm, lists: dict[str, tuple[Ref, ...] | None]) -> PolicyRule:
    own = {"gateway": (form.gateways, lists["gateways"]), "waypoint": (form.waypoints, lists["waypoints"])}
    narrowed, known = own.get(form.via, ((), ()))
    return PolicyRule(
        name=form.name,
        namespaces=Globs.namespaces(form.from_.namespaces),
        workloads=Globs.workloads(form.from_.workloads),
        hosts=tuple(HostPattern.parse(each) for each in form.to.hosts),
        ports=frozenset(form.to.ports),
        expected=_PATHS[form.via],
        via=_refs(narrowed or known or ()),
        severity=Severity(form.severity),
        controls=tuple(dict.fromkeys(form.controls)),
    )


def _refs(refs: Sequence[Ref]) -> tuple[ObjectRef, ...]:
    return tuple(sorted({ObjectRef(each.namespace, each.name) for each in refs}))


def _waiver(form: WaiverForm) -> Waiver:
    namespace, _, workload = form.from_.partition("/")
    return Waiver(
        rule=form.rule,
        namespaces=Globs.namespaces([namespace]),
        workloads=Globs.workloads([workload]),
        expires=form.expires,
        waived=Waived(reason=form.reason, expires=form.expires.isoformat()),
    )
