"""A JSON report, read again. Anybody may have written the file, so nothing in it is trusted to have the right type.

In: the bytes of a report of `verify` or `audit` (`-o json`). Out: its flows. BadLogs for anything else.
Example: `told_flows(b'{"schema_version": 1, "tool": ..., "verdicts": []}')` is `()`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as File
from typing import Any

from egressaudit.errors import BadLogs, NotFound, why_refused
from egressaudit.given_files import read_given
from egressaudit.mesh.untyped import number, rows, table, text, words
from egressaudit.model import Reporter
from egressaudit.report.safe import printable
from egressaudit.report.story.told_flow import ToldFlow, ToldLine

LARGEST = 256 * 1024 * 1024
"""Bytes of a report that is read; an audit of a large mesh writes some ten megabytes."""

_HINT = "explain reads what `egressaudit verify -o json` and `egressaudit audit -o json` write."
_VERSION = 1


def read_report(file: File) -> bytes:
    """The bytes of a report. NotFound, or BadLogs if it cannot be read or is too large."""
    try:
        return read_given(file, LARGEST)
    except FileNotFoundError as error:
        raise NotFound(f"{file}: no such file", hint=_HINT) from error
    except OSError as error:
        raise BadLogs(f"cannot read {file}: {why_refused(error)}") from error


def told_flows(content: bytes, where: str) -> tuple[ToldFlow, ...]:
    """The flows of a report; `where` names it in errors. BadLogs if it isn't a report, or one of no audit."""
    document = report_document(content, where)
    failed = table(document.get("error"))
    if failed:
        said = printable(text(failed.get("message")), 500)
        hint = printable(text(failed.get("hint")), 500)
        raise BadLogs(f"{where} says that no audit was performed: {said}", hint=hint)
    if "verdicts" in document:
        asked = rows(document.get("proxies"))
        return tuple(_verdict(n, each, asked) for n, each in enumerate(rows(document["verdicts"]), 1))
    reporters = {
        text(each.get("name")): _reporter(each.get("reporter"))
        for each in rows(table(document.get("coverage")).get("sources"))
    }
    return tuple(_group(n, each, reporters) for n, each in enumerate(rows(document.get("flows")), 1))


def report_document(content: bytes, where: str, hint: str = _HINT) -> Mapping[str, Any]:
    """The JSON object of a report of `verify` or `audit`. BadLogs if it isn't one, or has another schema."""
    try:
        document = json.loads(content)
    except UnicodeDecodeError as error:
        raise BadLogs(f"{where} is not a JSON report: it is not text", hint=hint) from error
    except json.JSONDecodeError as error:
        raise BadLogs(
            f"{where} is not a JSON report (line {error.lineno}, column {error.colno})", hint=_HINT
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadLogs(f"{where} is not a JSON report: nested too deeply, or a number too long", hint=hint) from error
    if not isinstance(document, dict) or table(document.get("tool")).get("name") != "egressaudit":
        raise BadLogs(f"{where} is not a report of egressaudit", hint=hint)
    if "verdicts" not in document and "flows" not in document:
        raise BadLogs(f"{where} is not a report of verify or audit", hint=hint)
    if document.get("schema_version") != _VERSION:
        raise BadLogs(
            f"{where} has schema_version {printable(str(document.get('schema_version')), 20)}, "
            f"and this egressaudit knows {_VERSION}",
            hint="Use the version that wrote it.",
        )
    return document


def _verdict(index: int, row: Mapping[str, Any], asked: Sequence[Mapping[str, Any]]) -> ToldFlow:
    probe, source = table(row.get("probe")), table(row.get("source"))
    via = text(row.get("via_expected"))
    pod = f"{text(source.get('namespace'))}/{text(source.get('pod'))}".strip("/")
    return ToldFlow(
        number=index,
        key=text(probe.get("nonce")),
        outcome=text(row.get("outcome")),
        path=text(row.get("path_seen")),
        target=text(row.get("url")) or text(row.get("host")),
        host=text(row.get("host")),
        port=number(row.get("port")),
        sender=f"{pod} ({text(source.get('container'))})",
        client=_curl(table(probe.get("curl"))),
        reason=text(row.get("reason")),
        expected=f"{text(row.get('path_expected'))} {via}".strip(),
        because=words(row.get("expected_because")),
        cause=_causes(row),
        advice=words(row.get("advice")),
        proxies=tuple(said for each in asked if each.get("nonce") == probe.get("nonce") for said in _of_proxy(each)),
        lines=tuple(map(_hop, rows(row.get("hops")))),
        unclean=tuple(map(_hop, rows(row.get("not_clean")))),
    )


def _of_proxy(row: Mapping[str, Any]) -> Iterator[str]:
    """What one proxy was told: by the objects, by istiod, and what its line shows; then what does not fit."""
    who = f"{text(row.get('reporter')).replace('-', ' ')} {text(row.get('pod'))}"
    if error := text(row.get("error")):
        yield f"{who} could not be asked for its own configuration: {error}"
        return
    observed = text(table(row.get("observed")).get("cluster")) or "nothing"
    declared, programmed = (", ".join(_clusters(row.get(key))) or "nothing" for key in ("declared", "programmed"))
    yield f"{who}: the objects declare {declared}; it has {programmed}; its line shows {observed}"
    yield from (f"{who}: {each}" for each in words(row.get("differences")))


def _clusters(step: object) -> Iterator[str]:
    for choice in rows(table(step).get("choices")):
        named = [text(each.get("cluster")) for each in rows(choice.get("clusters"))]
        yield " or ".join(named) or " ".join((text(choice.get("act")), text(choice.get("reason")))).strip()


def _curl(curl: Mapping[str, Any]) -> str:
    code, answer, error = number(curl.get("exit_code")), number(curl.get("http_code")), text(curl.get("error"))
    parts = ["no result from curl" if code is None else f"curl exit {code}"]
    parts += [f"HTTP {answer}"] if answer else []
    parts += [error] if error and code else []
    if text(curl.get("local_address")):
        parts.insert(0, f"from socket {text(curl.get('local_address'))}")
    return ", ".join(parts)


def _hop(row: Mapping[str, Any]) -> ToldLine:
    fields = {
        key: value
        for key, value in table(row.get("fields")).items()
        if isinstance(key, str) and isinstance(value, str | int | float | bool)
    }
    return ToldLine(
        source=text(row.get("source")),
        number=number(row.get("line")) or 0,
        raw=text(row.get("raw")),
        reporter=_reporter(row.get("reporter")),
        dialect=text(row.get("dialect")),
        fields=fields,
        joined_by=text(row.get("joined_by")),
    )


def _group(index: int, row: Mapping[str, Any], reporters: Mapping[str, Reporter | None]) -> ToldFlow:
    host, port = text(row.get("host")), number(row.get("port"))
    place = host if port is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    flows = number(row.get("flows")) or 0
    workload = "/".join(part for part in (text(row.get("namespace")), text(row.get("workload"))) if part)
    lines = tuple(_evidence(each, reporters, row) for each in rows(row.get("evidence")))
    kept = _one_of_each_role(lines, [text(each.get("role")) for each in rows(row.get("evidence"))])
    return ToldFlow(
        number=index,
        outcome=text(row.get("outcome")) or "not judged",
        path=" ".join((text(row.get("path")), *words(row.get("via")))),
        target=place,
        host=host,
        port=port,
        sender=workload,
        client=f"{flows} {'flow' if flows == 1 else 'flows'}, {text(row.get('first'))} to {text(row.get('last'))}",
        reason=text(row.get("because")),
        expected=f"{text(row.get('expected'))} {' or '.join(words(row.get('expected_via')))}".strip(),
        because=words(row.get("expected_because")),
        faults=words(row.get("gaps")),
        cause=_causes(row),
        advice=words(row.get("advice")),
        lines=kept,
        more_lines=len(lines) - len(kept),
    )


def _evidence(row: Mapping[str, Any], reporters: Mapping[str, Reporter | None], group: Mapping[str, Any]) -> ToldLine:
    source, role = text(row.get("source")), text(row.get("role"))
    by_role = {"gateway": Reporter.EGRESS_GATEWAY, "waypoint": Reporter.WAYPOINT}
    at_source = Reporter.ZTUNNEL if group.get("mode") == "ambient" else Reporter.SIDECAR
    return ToldLine(
        source=source,
        number=number(row.get("line")) or 0,
        raw=text(row.get("raw")),
        reporter=reporters.get(source) or by_role.get(role, at_source),
    )


def _one_of_each_role(lines: tuple[ToldLine, ...], roles: list[str]) -> tuple[ToldLine, ...]:
    """The first line of each proxy on the way: a group has the lines of several flows."""
    first = {role: n for n, role in reversed(list(enumerate(roles)))}
    return tuple(lines[n] for n in sorted(first.values()))


def _reporter(value: object) -> Reporter | None:
    return Reporter(value) if isinstance(value, str) and value in set(Reporter) else None


def _causes(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The causes of a report that names them, the first one first: a text, or objects as `causes` of a verdict has."""
    given = row.get("causes") or row.get("cause")
    if isinstance(given, str):
        return (given,)
    objects = rows(given) if isinstance(given, list) else rows([given])
    return (*words(given), *filter(None, map(_cause, objects)))


def _cause(row: Mapping[str, Any]) -> str:
    """`EC26 no gateway in the rule. It shows by: ...; .... Look at: .... It isn't EC27: .... To do: ...`."""
    title = " ".join(filter(None, (text(row.get("code")), text(row.get("title")) or text(row.get("name")))))
    unlike = [f"{text(each.get('code'))} ({text(each.get('fact'))})" for each in rows(row.get("excluded"))]
    said = {
        "It shows by: ": "; ".join(words(row.get("because"))),
        "Look at: ": ", ".join(words(row.get("objects"))),
        "It isn't: ": "; ".join(unlike),
        "To do: ": text(row.get("remedy")),
    }
    return ". ".join(
        part.rstrip(".") for part in (title, *(name + each for name, each in said.items() if each)) if part
    )
