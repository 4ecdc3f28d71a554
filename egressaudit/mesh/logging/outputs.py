"""Where the access log of one proxy goes, in which format, and what keeps lines out of it.

In: a gateway, e.g. egress/gw, and its labels. Out: `HopLogging`, e.g. all lines to the standard output as JSON.

Which Telemetry counts, and which providers it names, is decided in `telemetry`; this module says what those are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from egressaudit.mesh.logging.log_formats import format_of_mesh, format_of_provider
from egressaudit.mesh.logging.telemetry import BUILT_IN, FILE, FILTERED, STANDARD_STREAMS, log_gaps, providers
from egressaudit.mesh.objects import Objects
from egressaudit.mesh.untyped import rows, text
from egressaudit.model import Family, LogFormat, ObjectRef, Reporter
from egressaudit.model.analysis import HopLogging, Logged, LogOutput

_STDOUT = "standard output"


def hop_logging(
    objects: Objects, name: str, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter
) -> HopLogging:
    """What one proxy logs; `ref` names what it belongs to, as in `telemetry.log_gaps`, and `name` is for a reader.

    ztunnel logs every connection unless its own log level is lowered (istio/ztunnel src/proxy/metrics.rs).
    """
    if reporter.family is Family.ZTUNNEL:
        return HopLogging(name, reporter, Logged.ALL, (LogOutput(_STDOUT, None, read=True),))
    if not objects.config:
        reason = "the snapshot has no meshConfig, so whether it writes an access log is not known"
        return HopLogging(name, reporter, Logged.UNKNOWN, (), (reason,))
    outputs: list[LogOutput] = []
    for output in _outputs(objects, ref, labels, reporter):
        # Formats of JSON logs have no hash.
        if output not in outputs:
            outputs.append(output)
    gaps = log_gaps(objects, ref, labels, reporter)
    reasons = tuple(each.reason for each in gaps)
    if not gaps:
        return HopLogging(name, reporter, Logged.ALL, tuple(outputs))
    writes = Logged.SOME if all(each.kind == FILTERED for each in gaps) else Logged.NOTHING
    return HopLogging(name, reporter, writes, tuple(outputs), reasons)


def _outputs(objects: Objects, ref: ObjectRef, labels: Mapping[str, str], reporter: Reporter) -> Iterator[LogOutput]:
    for name in providers(objects, ref, labels, reporter):
        if name == FILE:
            if path := text(objects.config.get("accessLogFile")):
                yield _to(path, format_of_mesh(objects.config))
        elif name.lower() == BUILT_IN:
            yield LogOutput(_STDOUT, format_of_mesh(objects.config), read=True)
        else:
            yield _of_provider(objects, name)


def _of_provider(objects: Objects, name: str) -> LogOutput:
    for each in rows(objects.config.get("extensionProviders")):
        if text(each.get("name")).lower() == name.lower():
            log = each.get("envoyFileAccessLog")
            if isinstance(log, Mapping):
                return _to(text(log.get("path")), format_of_provider(name, log))
            break
    return LogOutput(f"log provider {name}", None, read=False)


def _to(path: str, log_format: LogFormat) -> LogOutput:
    here = path in ("", *STANDARD_STREAMS)
    return LogOutput(_STDOUT if here else f"file {path}", log_format, read=here)
