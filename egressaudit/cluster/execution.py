"""A command in a container, over the WebSocket of pods/exec.

Each message begins with its channel (k8s.io/apimachinery/pkg/util/remotecommand): 1 stdout, 2 stderr, 3 the final
`v1.Status`; with v5, 255 ends a channel. The official client's WebSocket is not used: it drops the impersonation
headers (kubernetes/stream/ws_client.py, create_websocket), and reports a lost status as a crash
(kubernetes-client/python issues 1177 and 2156).

In: a pod, a container and a command. Out: what the command wrote, and its exit code.
Example: `["sh", "-c", "printf out; exit 7"]` gives `Completed(stdout="out", stderr="", returncode=7)`.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import websocket

from egressaudit.attempts import Backoff
from egressaudit.cluster.access import CONNECT_TIMEOUT, ClusterAccess
from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.foreign_text import json_of, shown
from egressaudit.cluster.refusals import PASSING, Action, Refused, refusal
from egressaudit.cluster.trouble import trouble_of
from egressaudit.errors import ClusterError, ExecFailed, Unreachable
from egressaudit.mesh.untyped import rows, table, text
from egressaudit.model import ObjectRef

_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _STATUS = 1, 2, 3
MOST_OUTPUT = 8 * 1024 * 1024
"""Bytes of output that are read, unless the caller says otherwise."""
_AFTER_STATUS = 0.5
"""Seconds for the server to close after it sent the status; by then all output has been sent."""

_HEAD = 256 * 1024
"""Bytes of the answer to the upgrade."""

_NOT_THERE = re.compile(r"executable file not found|no such file or directory|permission denied", re.IGNORECASE)
_NOT_STARTED = re.compile(
    r"container not found|unable to upgrade connection|OCI runtime|failed to (start )?exec|cannot exec|not running"
    r"|executable file not found|no such file or directory|permission denied|error dialing backend",
    re.IGNORECASE,
)
_FOR_AN_ANSWER = 1.0
"""Seconds before the deadline after which no attempt is begun any more."""
_LOOK = "Check that the pod runs and has this container: `kubectl get pod`, `kubectl describe pod`."
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


class _MeteredSocket:
    """A socket as `websocket` uses it, that reads no more than its `room`, and nothing after the deadline.

    The library itself has a time limit for each read alone, and none for the size of a header or a frame.
    """

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self.room = _HEAD
        self._raw, self._deadline = raw, deadline
        self._timeout: float | None = None

    def recv(self, size: int) -> bytes:
        """As of a socket."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self.room <= 0:
            raise OSError(f"more than {_HEAD} bytes")
        self._raw.settimeout(left if self._timeout is None else min(left, self._timeout))
        data = self._raw.recv(size)
        self.room -= len(data)
        return data

    def send(self, data: bytes) -> int:
        """As of a socket."""
        self._raw.settimeout(max(0.001, self._deadline - time.monotonic()))
        return self._raw.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """For each read; the deadline holds beside it."""
        self._timeout = seconds

    def gettimeout(self) -> float | None:
        """As of a socket."""
        return self._timeout

    def shutdown(self, how: int) -> None:
        """As of a socket."""
        self._raw.shutdown(how)

    def close(self) -> None:
        """As of a socket."""
        self._raw.close()


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
    connection, metered = _connected(access, ref, container, argv, deadline, where)
    try:
        # Each message has a head of a few bytes, so what is sent is never twice what it says.
        metered.room = 2 * most + _HEAD
        output, status = _collected(connection, deadline, most)
    finally:
        metered.close()
    stdout, stderr = (bytes(output[n]).decode("utf-8", "surrogateescape") for n in (_STDOUT, _STDERR))
    returncode = _returncode(status, bool(output[_STDOUT]), argv[0], where)
    if returncode in _RUNTIME_EXITS and not stdout and _NOT_THERE.search(stderr):
        raise _missing(argv[0], where, stderr)
    return Completed(stdout, stderr, returncode, whole=sum(map(len, output.values())) <= most)


def _connected(
    access: ClusterAccess, ref: ObjectRef, container: str, argv: Sequence[str], deadline: float, where: str
) -> tuple[websocket.WebSocket, _MeteredSocket]:
    """An upgraded connection; tried again only as long as the command cannot have started."""
    backoff = Backoff(deadline - time.monotonic() - _FOR_AN_ANSWER)
    while True:
        try:
            return _upgraded(access, ref, container, argv, deadline)
        except Unreachable as error:
            if error.lasting or not backoff.wait():
                raise
        except Refused as error:
            # A 500 may mean that the command ran, unless the server says that it did not reach the kubelet.
            passing = error.status in PASSING - {500} or "error dialing backend" in error.server_message
            if not passing or not backoff.wait(error.retry_after):
                raise ExecFailed(
                    f"cannot run a command in {where}: {error.server_message or error.message}", hint=_LOOK
                ) from error


def _upgraded(
    access: ClusterAccess, ref: ObjectRef, container: str, argv: Sequence[str], deadline: float
) -> tuple[websocket.WebSocket, _MeteredSocket]:
    # Kubernetes 1.35 and later ask for `create` too (AuthorizePodWebsocketUpgradeCreatePermission).
    action = Action(("get", "create"), "pods/exec", namespace=ref.namespace, name=ref.name)
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", each) for each in argv)]
    server = urlsplit(access.server)
    scheme = "wss" if server.scheme == "https" else "ws"
    path = f"{server.path}{api_path('v1', 'pods', ref.namespace, ref.name, 'exec')}?{urlencode(query)}"
    raw = access.open_socket(min(CONNECT_TIMEOUT, max(0.1, deadline - time.monotonic())))
    metered = _MeteredSocket(raw, deadline)
    made = websocket.WebSocket(skip_utf8_validation=True)
    try:
        made.connect(
            f"{scheme}://{server.netloc}{path}",
            socket=metered,
            header=[f"{name}: {value}" for name, value in access.headers()],
            subprotocols=list(_PROTOCOLS),
            suppress_origin=True,
            redirect_limit=0,  # a redirect would carry our credentials elsewhere
        )
    except websocket.WebSocketBadStatusException as error:
        raw.close()
        if error.status_code < 300:
            raise _not_upgraded(ref, "its answer is not a WebSocket") from error
        body = access.without_secrets(bytes(error.resp_body or b""))
        raise refusal(error.status_code, body, action, access.server) from error
    except ClusterError:
        raw.close()
        raise
    except Exception as error:  # the library has no one error for bytes that are no answer
        raw.close()
        raise _not_upgraded(ref, trouble_of(error).why) from error
    return made, metered


def _not_upgraded(ref: ObjectRef, why: str) -> ExecFailed:
    return ExecFailed(
        f"cannot upgrade the connection for running a command in pod {ref}: {why}",
        hint="A proxy between here and the API server may block WebSockets.",
    )


def _collected(connection: websocket.WebSocket, deadline: float, most: int) -> tuple[dict[int, bytearray], bytes]:
    """The output and the status, as far as they came."""
    output = {_STDOUT: bytearray(), _STDERR: bytearray()}
    status = b""
    while sum(map(len, output.values())) <= most:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        connection.settimeout(min(left, _AFTER_STATUS) if status else left)
        try:
            opcode, data = connection.recv_data(control_frame=True)
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
    said = table(json_of(status))
    if said.get("status") == "Success":
        return 0
    if said.get("reason") == "NonZeroExitCode":
        for cause in rows(table(said.get("details")).get("causes")):
            if cause.get("reason") == "ExitCode" and re.fullmatch("[0-9]{1,3}", text(cause.get("message"))):
                return int(cause["message"])
        return None
    message = shown(text(said.get("message")))
    if has_output or not _NOT_STARTED.search(message):
        return None
    if _NOT_THERE.search(message):
        raise _missing(program, where, message)
    raise ExecFailed(
        f"cannot run a command in {where}: {message}",
        hint=_LOOK,
    )


def _missing(program: str, where: str, said: str) -> ExecFailed:
    return ExecFailed(
        f"cannot start {program} in {where}: {shown(said, 300)}",
        hint=f"Choose a container that has {program} with -c, or another workload with --from. Without --from, verify "
        "creates its own pod with curl (--image).",
    )
