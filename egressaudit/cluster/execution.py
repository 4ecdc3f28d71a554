"""A command in a container, over the WebSocket of pods/exec.

Each message begins with its channel (k8s.io/apimachinery/pkg/util/remotecommand): 1 stdout, 2 stderr, 3 the final
`v1.Status`; with v5, 255 ends a channel. The official client's WebSocket is not used: it drops the impersonation
headers (kubernetes/stream/ws_client.py, create_websocket), and reports a lost status as a crash
(kubernetes-client/python issues 1177 and 2156).

In: a pod, a container and a command. Out: what the command wrote, and its exit code.
Example: `["sh", "-c", "printf out; exit 7"]` gives `Completed(stdout="out", stderr="", returncode=7)`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import websocket

from egressaudit.cluster.access import ClusterAccess
from egressaudit.cluster.refusals import Action, Refused, refusal
from egressaudit.errors import ExecFailed, Unreachable
from egressaudit.model import ObjectRef

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _STATUS = 1, 2, 3
MOST_OUTPUT = 8 * 1024 * 1024
"""Bytes of output that are read, unless the caller says otherwise."""
_AFTER_STATUS = 0.5
"""Seconds for the server to close after it sent the status; by then all output has been sent."""

_NOT_THERE = re.compile(r"executable file not found|no such file or directory|permission denied", re.IGNORECASE)
_NOT_STARTED = re.compile(
    r"container not found|unable to upgrade connection|OCI runtime|failed to (start )?exec|cannot exec|not running"
    r"|executable file not found|no such file or directory|permission denied|error dialing backend",
    re.IGNORECASE,
)
_RUNTIME_EXITS = frozenset({126, 127, 255})
"""CRI-O reports a missing command only by an exit code and a line on stderr."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command wrote, UTF-8 with surrogateescape; `returncode` is None if the stream ended without it."""

    stdout: str
    stderr: str
    returncode: int | None
    whole: bool = True
    """No if it wrote more than is read, so that the end is missing."""


def execute(
    access: ClusterAccess,
    ref: ObjectRef,
    container: str,
    argv: Sequence[str],
    deadline: float,
    most: int = MOST_OUTPUT,
) -> Completed:
    """Run a command and wait for its end, not beyond the deadline (of `time.monotonic`) or `most` bytes of output.

    A stream that breaks off is no error: the caller's in-band sentinel tells whether the command came to its end.
    Raises ExecFailed if it did not start, Forbidden with the Role that is needed, Unreachable.
    """
    where = f"container {container} of pod {ref}"
    socket = _connected(access, ref, container, argv, deadline, where)
    try:
        output, status = _collected(socket, deadline, most)
    finally:
        socket.shutdown()
    stdout, stderr = (bytes(output[n]).decode("utf-8", "surrogateescape") for n in (_STDOUT, _STDERR))
    returncode = _returncode(status, bool(output[_STDOUT]), argv[0], where)
    if returncode in _RUNTIME_EXITS and not stdout and _NOT_THERE.search(stderr):
        raise _missing(argv[0], where, stderr)
    return Completed(stdout, stderr, returncode, whole=sum(map(len, output.values())) <= most)


def _connected(
    access: ClusterAccess, ref: ObjectRef, container: str, argv: Sequence[str], deadline: float, where: str
) -> websocket.WebSocket:
    """An upgraded connection; tried again only as long as the command cannot have started."""
    while True:
        try:
            return _upgraded(access, ref, container, argv, deadline)
        except (Unreachable, Refused) as error:
            passing = not isinstance(error, Refused) or (
                error.status in {429, 502, 503, 504} or "error dialing backend" in error.server_message
            )
            if not passing or time.monotonic() + 1 > deadline or "CERTIFICATE_VERIFY_FAILED" in error.message:
                if isinstance(error, Unreachable):
                    raise
                raise ExecFailed(
                    f"cannot run a command in {where}: {error.server_message or error.message}",
                    hint="Check that the pod runs and has this container: `kubectl get pod`, `kubectl describe pod`.",
                ) from error
            time.sleep(0.3)


def _upgraded(
    access: ClusterAccess, ref: ObjectRef, container: str, argv: Sequence[str], deadline: float
) -> websocket.WebSocket:
    # Kubernetes 1.35 and later ask for `create` too (AuthorizePodWebsocketUpgradeCreatePermission).
    action = Action(("get", "create"), "pods/exec", namespace=ref.namespace, name=ref.name)
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", each) for each in argv)]
    server = urlsplit(access.server)
    scheme = "wss" if server.scheme == "https" else "ws"
    path = f"{server.path}/api/v1/namespaces/{ref.namespace}/pods/{ref.name}/exec?{urlencode(query)}"
    left = max(0.1, deadline - time.monotonic())
    raw = access.open_socket(min(10.0, left))
    raw.settimeout(left)
    made = websocket.WebSocket(skip_utf8_validation=True)
    try:
        made.connect(
            f"{scheme}://{server.netloc}{path}",
            socket=raw,
            header=[f"{name}: {value}" for name, value in access.headers()],
            subprotocols=list(_PROTOCOLS),
            suppress_origin=True,
            redirect_limit=0,  # a redirect would carry our credentials elsewhere
        )
    except websocket.WebSocketBadStatusException as error:
        raw.close()
        raise refusal(error.status_code, bytes(error.resp_body or b""), action, access.server) from error
    except (websocket.WebSocketException, OSError, ValueError) as error:
        raw.close()
        raise ExecFailed(
            f"cannot upgrade the connection for running a command in pod {ref}: {error}",
            hint="A proxy between here and the API server may block WebSockets.",
        ) from error
    return made


def _collected(socket: websocket.WebSocket, deadline: float, most: int) -> tuple[dict[int, bytearray], bytes]:
    """The output and the status, as far as they came."""
    output = {_STDOUT: bytearray(), _STDERR: bytearray()}
    status = b""
    while sum(map(len, output.values())) <= most:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        socket.settimeout(min(left, _AFTER_STATUS) if status else left)
        try:
            opcode, data = socket.recv_data(control_frame=True)
        except (websocket.WebSocketException, OSError, ValueError):
            break
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            break
        if opcode not in (websocket.ABNF.OPCODE_BINARY, websocket.ABNF.OPCODE_TEXT) or not data:
            continue
        content = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)
        if content[0] in output:
            output[content[0]] += content[1:]
        elif content[0] == _STATUS:
            status += content[1:]
    return output, status


def _returncode(status: bytes, has_output: bool, program: str, where: str) -> int | None:  # noqa: FBT001
    """The exit code of a final status; None if it does not say; ExecFailed if nothing was started."""
    try:
        said: Any = json.loads(status)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    if said.get("status") == "Success":
        return 0
    if said.get("reason") == "NonZeroExitCode":
        for cause in (said.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdecimal():
                return int(cause["message"])
        return None
    message = " ".join(str(said.get("message") or "").split())
    if has_output or not _NOT_STARTED.search(message):
        return None
    if _NOT_THERE.search(message):
        raise _missing(program, where, message)
    raise ExecFailed(
        f"cannot run a command in {where}: {message}",
        hint="Check that the pod runs and has this container: `kubectl get pod`, `kubectl describe pod`.",
    )


def _missing(program: str, where: str, said: str) -> ExecFailed:
    return ExecFailed(
        f"cannot start {program} in {where}: {' '.join(said.split())[:300]}",
        hint=f"Choose a container that has {program} with -c, or another workload with --from. Without --from, verify "
        "creates its own pod with curl (--image).",
    )
