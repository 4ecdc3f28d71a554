"""The curl command of a probe, and curl's own report, read back from its standard output.

In: a target and a nonce. Out: `["curl", "--silent", ...]`; then, from its output, `CurlResult(exit_code=0, ...)`.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from egressaudit import __version__
from egressaudit.addresses import ip_of
from egressaudit.model import CurlResult, Scheme, Target

_SENTINEL = "egressaudit:{nonce} "

_TELNET_OPTION_SYNTAX = 49
"""CURLE_SETOPT_OPTION_SYNTAX: here the sign that a TCP connection was made (see `curl_argv`)."""

_MOST = 10**15

_LEADING_ZEROS = re.compile(r'(?<!\\)":0+(?=\d)')
_STDERR = re.compile(r"^curl: \((\d{1,3})\) ?(.*)$", re.MULTILINE)


def new_nonce() -> str:
    """A new secret of 64 bits in hex: without it nobody can write a line that names this probe."""
    return secrets.token_hex(8)


def curl_argv(
    target: Target, nonce: str, connect_timeout: float, max_time: float, options: Sequence[str] = (), url: str = ""
) -> list[str]:
    """The curl command of one probe, to be run without a shell; times in seconds. curl 7.70 or later.

    `options` come after our own, e.g. `("--resolve", "docs.example.com:443:192.0.2.1")`.
    """
    return [*_START, *transfer_argv(target, nonce, connect_timeout, max_time, options, url)]


def many_argv(transfers: Sequence[Sequence[str]], at_once: int) -> list[str]:
    """One curl that makes several transfers (`transfer_argv`), `at_once` of them at a time. curl 7.67 or later.

    `--next` ends what belongs to one transfer (curl/curl docs/cmdline-opts/next.md), so each has its own limits, mark
    and report; --parallel, --parallel-max and --no-progress-meter are global. One curl keeps its
    connections for the next request to the same host and port: never give it two of those, or they share a socket.
    """
    argv = [*_START, "--parallel", "--parallel-max", str(at_once), "--no-progress-meter"]
    for number, each in enumerate(transfers):
        argv += ["--next"] * bool(number) + list(each)
    return argv


# -q comes first, or it does not work: a ~/.curlrc could set a proxy or follow redirects.
_START = ("curl", "-q")


def transfer_argv(
    target: Target, nonce: str, connect_timeout: float, max_time: float, options: Sequence[str] = (), url: str = ""
) -> list[str]:
    """What one transfer of a curl command is asked, its URL last.

    TCP uses telnet with an option that is no option: curl reads options once it is connected, and gives up with
    exit code 49 before a byte is sent (curl/curl lib/telnet.c, telnet_do; still so in 8.17). So it does not wait
    for a server that says nothing, and `time_connect` and its own socket are in the report.
    """
    argv = [
        "--silent",
        "--show-error",
        "--output",
        "/dev/null",
        "--max-redirs",
        "0",
        "--connect-timeout",
        _seconds(connect_timeout),
        "--max-time",
        _seconds(max_time),
        # A forward proxy from the container's environment would be another way out than the one we are asked about.
        "--noproxy",
        "*",
        "--globoff",
        "--write-out",
        f"\\n{_SENTINEL.format(nonce=nonce)}%{{json}}\\n",
    ]
    if target.scheme is Scheme.TCP:
        argv += ["--telnet-option", "B"]
    else:
        # The same protocol in every image and at every hop; `../` reaches the proxies unchanged.
        argv += ["--http1.1", "--path-as-is", "--user-agent", f"egressaudit/{__version__} ({nonce})"]
    if target.scheme is Scheme.HTTPS:
        # What is proven is the way, by the mesh's own logs, and not who answers: a container without a CA bundle or
        # a gateway that re-encrypts must not end the probe before a request is sent. Nothing secret is sent.
        argv.append("--insecure")
    return [*argv, *options, url or target.url]


def _seconds(time: float) -> str:
    """Not below a millisecond, which curl would take for no limit at all; never in exponent form."""
    return f"{max(time, 0.001):.3f}"


def read_result(stdout: str, stderr: str | None, nonce: str) -> CurlResult:
    """The report after the sentinel of this nonce; all None if it is missing, broken or there twice.

    `stderr` is None where several transfers wrote to it: a curl before 7.75, whose reports have no exit code, has then
    said nothing of any of them.

    The body goes to /dev/null and curl escapes what a server can put into its report (tool_writeout_json.c), so a
    second sentinel means that something else wrote to the stream: then none is believed.
    """
    report = _said(stdout, nonce)
    if report is None:
        return CurlResult()
    exit_code, error = _ending(report, stderr)
    if exit_code is None:
        return CurlResult()
    is_tcp = str(report.get("url_effective") or report.get("url") or "").lower().startswith("telnet://")
    if is_tcp and exit_code == _TELNET_OPTION_SYNTAX:
        exit_code, error = 0, None
        connected = True
    else:
        connected = _number(report.get("time_connect")) > 0
    return CurlResult(
        exit_code=exit_code,
        http_code=int(_number(report.get("http_code") or report.get("response_code"))) or None,
        local_address=_socket(report, "local"),
        remote_address=_socket(report, "remote"),
        connected=connected,
        redirect_url=_text(report.get("redirect_url")),
        error=error,
    )


def seconds_taken(stdout: str, nonce: str) -> float | None:
    """How long a transfer took, by its own report; None without one."""
    report = _said(stdout, nonce)
    taken = None if report is None else _number(report.get("time_total"))
    return taken if taken is not None and taken > 0 else None


def _said(stdout: str, nonce: str) -> dict[str, Any] | None:
    """The one report of this nonce; None if there is none, or more than one."""
    marker = _SENTINEL.format(nonce=nonce)
    said = {line.removeprefix(marker).rstrip("\r") for line in stdout.split("\n") if line.startswith(marker)}
    return _report(said.pop()) if len(said) == 1 else None


def _report(text: str) -> dict[str, Any] | None:
    """The JSON object of curl; before 7.75 it has numbers like `000`, which JSON does not know."""
    for candidate in (text, _LEADING_ZEROS.sub('":', text)):
        try:
            report = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return report if isinstance(report, dict) else None
    return None


def _ending(report: Mapping[str, Any], stderr: str | None) -> tuple[int | None, str | None]:
    """Exit code and message; before curl 7.75 they are not in the report but only on stderr."""
    if "exitcode" in report:
        code = report["exitcode"]
        return (code if type(code) is int else None), _text(report.get("errormsg"))
    if stderr is None:
        return None, None
    found = _STDERR.findall(stderr)
    if not found:
        return 0, None
    code, message = found[-1]
    return int(code), message or None


def _number(value: object) -> float:
    """0 for anything that is not a number as curl writes it: any program in the container may be named curl."""
    return float(value) if isinstance(value, int | float) and abs(value) < _MOST else 0.0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _socket(report: Mapping[str, Any], side: str) -> str | None:
    ip, port = _text(report.get(f"{side}_ip")), int(_number(report.get(f"{side}_port")))
    if ip is None or not 0 < port < 65536:
        return None
    address = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    return None if ip_of(address) is None else address
