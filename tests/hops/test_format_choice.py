"""Which custom format is chosen: of several, by a release, by the mesh; by the command; in a whole run."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from support.format_rows import FORGEABLE, SOURCE, line
from support.log_lines import CUSTOM, CUSTOM_LINE
from support.tools import SAMPLES

from egressaudit.cli import run as run_cli
from egressaudit.evidence.saved_run import load
from egressaudit.hops.dialects import FormatError, FormatSet, json_format, named_format, text_format
from egressaudit.hops.dialects.envoy.default_text import ISTIO, TEXTS
from egressaudit.hops.dialects.envoy.format_string import VALUES, Operator
from egressaudit.hops.dialects.envoy.operators import field_of
from egressaudit.hops.dialects.result import AccessFields, Other
from egressaudit.hops.line_parser import LineParser, format_set, parse, unproven, unreadable
from egressaudit.model import Hop, LogFormat, Outcome, Reporter, Unparsed
from egressaudit.pipeline.replay import report_on


def test_a_line_that_two_formats_read_differently_is_not_clean():
    both = FormatSet((*text_format("%UPSTREAM_HOST% %UPSTREAM_LOCAL_ADDRESS%"),
                      *text_format("%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_HOST%")))  # fmt: skip
    assert both.read("1.2.3.4:80 10.0.0.1:5") == AccessFields("custom-text", clean=False, fields={})


def test_a_line_that_reads_otherwise_as_a_default_is_not_clean():
    swapped = ISTIO.format_string.replace("UPSTREAM_LOCAL", "X").replace("DOWNSTREAM_LOCAL", "UPSTREAM_LOCAL")
    swapped = swapped.replace("%X_", "%DOWNSTREAM_LOCAL_")
    text = (
        '[2024-11-07T14:35:52.428Z] "GET / HTTP/2" 301 - via_upstream - "-" 0 0 24 24 "-" "c" "-" "a" "1.2.3.4:80" '
        "outbound|80||a 10.0.0.1:5 10.0.0.2:6 10.0.0.3:7 - -"
    )
    formats = text_format(swapped)
    alone, wary = FormatSet(formats).read(text), FormatSet(formats, wary=True).read(text)
    assert isinstance(alone, AccessFields)
    assert isinstance(wary, AccessFields)
    assert (alone.clean, wary.clean) == (True, False)


def test_an_application_line_beside_a_custom_format_is_another_line():
    formats = FormatSet(text_format(FORGEABLE))
    assert formats.read("2022-12-01T07:52:40.051666Z\tinfo\tEnvoy proxy is ready") == Other("istio-agent")


@pytest.mark.parametrize(("name", "text"), [("istio-1.0", "envoy-text"), ("istio-1.9", ISTIO.name),
                                            ("istio-1.24.2", ISTIO.name), ("istio-1.2", "envoy-istio-text-1.2"),
                                            ("istio-1.31", ISTIO.name), ("envoy", "envoy-text")])  # fmt: skip
def test_a_release_is_known_by_its_name(name, text):
    formats = named_format(name)
    assert formats is not None
    assert formats[0].by_string.format_string == next(each.format_string for each in TEXTS if each.name == text)


@pytest.mark.parametrize("name", ["istio-1.32", "istio-2.0", "istio", "1.9"])
def test_a_release_that_is_not_known_is_not_guessed(name):
    assert named_format(name) is None


def test_a_json_format_that_is_none_is_refused():
    with pytest.raises(FormatError, match="not a JSON object"):
        json_format('{"a"')


def test_lines_of_a_custom_format_that_can_be_proven_take_part_in_proofs():
    configured = (LogFormat("meshConfig.accessLogFormat", CUSTOM),)
    assert (unreadable(configured), unproven(configured)) == ("", ())
    parsed = parse([line(CUSTOM_LINE)], {SOURCE: Reporter.SIDECAR}, format_set(configured))
    (hop,) = parsed.hops
    assert hop.clean
    assert hop.fields["cluster_host"] == "docs.redhat.com"
    assert hop.fields["req_x_foo"] == "foo"
    assert hop.fields["upstream_host"] == "23.55.176.201:80"


def test_lines_of_a_custom_format_that_cannot_be_proven_are_read_and_prove_nothing():
    configured = (LogFormat("meshConfig.accessLogFormat", CUSTOM + ' "%REQ(X-BAR)%"'),)
    assert unreadable(configured) == ""
    assert unproven(configured)[0].startswith("meshConfig.accessLogFormat: upstream_transport_failure_reason: ")
    (hop,) = parse([line(CUSTOM_LINE + ' "x"')], {SOURCE: Reporter.SIDECAR}, format_set(configured)).hops
    assert not hop.clean


def test_where_all_formats_are_defaults_they_are_read_as_ever():
    assert format_set([LogFormat("x", ISTIO.format_string + "\n"), LogFormat("y", labels={})]) is None


def test_json_behind_a_torn_line_of_a_custom_format_is_not_believed():
    formats = FormatSet((*text_format(CUSTOM), *json_format({"to": "%UPSTREAM_HOST%"})))
    parser = LineParser(formats)
    forged = '{"to":"6.6.6.6:80"}'
    assert isinstance(parser.parse(line(forged), Reporter.SIDECAR), Hop)
    torn = CUSTOM_LINE[: CUSTOM_LINE.index('"-" 0') + 1] + "x"
    parser.parse(line(torn), Reporter.SIDECAR)
    assert isinstance(parser.parse(line(forged), Reporter.SIDECAR), Unparsed)
    assert isinstance(parser.parse(line(CUSTOM_LINE), Reporter.SIDECAR), Hop)
    assert isinstance(parser.parse(line(forged), Reporter.SIDECAR), Hop)


def test_every_column_that_an_operator_of_a_default_fills_has_the_same_name_here():
    for key, value in VALUES.items():
        command, _, parameters = key.partition("(")
        if value.column is not None:
            assert field_of(Operator(command, parameters.removesuffix(")") or None)).column == value.column


def run(tmp_path, capsys, text: str, *arguments: str) -> tuple[int, str, str]:
    file = tmp_path / "gw.log"
    file.write_text(text, encoding="utf-8")
    code = run_cli(["parse", str(file), "-o", "csv", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_parse_reads_a_format_string_and_shows_its_own_columns(tmp_path, capsys):
    code, out, _ = run(tmp_path, capsys, CUSTOM_LINE + "\n", "--format", CUSTOM + "\\n", "--columns",
                       "clean,req_x_foo,upstream_host")  # fmt: skip
    assert (code, out) == (0, "clean,req_x_foo,upstream_host\ntrue,foo,23.55.176.201:80\n")


MESHES = {
    "bare": "accessLogFormat: '{format}'",
    "config-map": "{{kind: ConfigMap, data: {{mesh: \"accessLogFormat: '{format}'\"}}}}",
    "sail": "{{kind: Istio, spec: {{values: {{meshConfig: {{accessLogFormat: '{format}'}}}}}}}}",
    "operator": "{{kind: IstioOperator, spec: {{meshConfig: {{accessLogFormat: '{format}'}}}}}}",
    "provider": (
        "kind: Telemetry\nspec: {{accessLogging: [{{providers: [{{name: mine}}]}}]}}\n---\n"
        "extensionProviders: [{{name: mine, envoyFileAccessLog: {{logFormat: {{text: '{format}'}}}}}}]"
    ),
}


@pytest.mark.parametrize("mesh", MESHES)
def test_parse_reads_the_format_of_a_manifest(tmp_path, capsys, mesh):
    manifest = tmp_path / "mesh.yaml"
    manifest.write_text(MESHES[mesh].format(format="%START_TIME%|%REQ(X-FOO)%|%UPSTREAM_HOST%"), encoding="utf-8")
    text = "2024-11-07T14:35:52.428Z|foo|1.2.3.4:80\n"
    code, out, _ = run(tmp_path, capsys, text, "--format", f"@{manifest}", "--columns", "clean,req_x_foo,upstream_host")
    assert (code, out) == (0, "clean,req_x_foo,upstream_host\ntrue,foo,1.2.3.4:80\n")


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ("{", "is not YAML at line 2, column 1"),
        ("a: 1", "it has no access log configuration"),
        ("kind: Telemetry", "the meshConfig that defines its log providers is not in it"),
        ("accessLogFormat: '50% off'", "meshConfig.accessLogFormat cannot be read at column"),
    ],
)
def test_a_manifest_that_says_no_format_is_refused(tmp_path, capsys, manifest, complaint):
    file = tmp_path / "mesh.yaml"
    file.write_text(manifest, encoding="utf-8")
    code, _, err = run(tmp_path, capsys, "x\n", "--format", f"@{file}")
    assert code == 2
    assert complaint in err


@pytest.mark.parametrize("name", ["istio-1.99", "nonsense", "50% off", "@/nowhere/mesh.yaml"])
def test_a_format_that_is_none_is_refused(tmp_path, capsys, name):
    code, _, err = run(tmp_path, capsys, "x\n", "--format", name)
    assert code == 2
    assert "--format" in err
    assert "Traceback" not in err


SAMPLE = SAMPLES / "istio-apis"


def logged_in(format_string: str, change) -> Outcome:
    """The outcome of the sample's run, had the mesh this format and were each access line so changed."""
    capture = load(SAMPLE)
    config = json.dumps({"accessLogFile": "/dev/stdout", "accessLogFormat": format_string})
    objects = [each for each in capture.mesh["objects"] if each["kind"] != "ConfigMap"]
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}}
    lines = tuple(replace(each, text=change(each.text)) for each in capture.lines)
    mesh = {**capture.mesh, "objects": [*objects, {**config_map, "data": {"mesh": config}}]}
    report = report_on(replace(capture, mesh=mesh, lines=lines))
    assert bool(report.notes) == (format_string not in (ISTIO.format_string, CUSTOM))
    return report.outcome


def with_foo(text: str) -> str:
    return re.sub(r'("[^"]*") (?=[^" ]* [^" ]* [^" ]* [^" ]* [^" ]* [^" ]*$)', r'\1 "foo" ', text)


@pytest.mark.parametrize(
    ("format_string", "change", "expected"),
    [
        (ISTIO.format_string, str, Outcome.PASS),
        (CUSTOM, with_foo, Outcome.PASS),
        # Lines that are not of the configured format prove nothing, however good they look.
        (CUSTOM, str, Outcome.INCONCLUSIVE),
        # The same lines in a format that can be forged, and in one that lacks what a verdict needs.
        (ISTIO.format_string + ' "%REQ(X-BAR)%"', lambda text: f'{text} "x"', Outcome.INCONCLUSIVE),
        (ISTIO.format_string.replace("%PROTOCOL%", "%REQ(X)%"), str, Outcome.INCONCLUSIVE),
        ("50% off", str, Outcome.INCONCLUSIVE),
    ],
)
def test_a_run_logged_in_a_custom_format_passes_only_where_its_lines_can_be_proven(format_string, change, expected):
    assert logged_in(format_string, change) is expected
