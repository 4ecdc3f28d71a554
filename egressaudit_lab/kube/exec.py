"""GET pods/NAME/exec: a command over a WebSocket, as `k8s.io/apimachinery/pkg/util/remotecommand` frames it.

Each binary message begins with its channel: 0 stdin, 1 stdout, 2 stderr, 3 the final `v1.Status`, 4 resize.
v5 adds the message 255, CHANNEL: end of that channel; v4 cannot say that stdin has ended.
SPDY, the protocol before WebSockets, is not spoken here, and `tty` gives no terminal.

In: the request, and the pod that runs. Out: the messages of the command.
Example: after `command=true` channel 3 has a `v1.Status` with `"status": "Success"`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from egressaudit_lab.kube.logs import container_of, truth
from egressaudit_lab.kube.refusal import bad_request, status
from egressaudit_lab.world import CommandNotFound, Manifest, RunningPod

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
_CHUNK = 32 * 1024


async def serve_exec(
    request: web.Request, pod: Manifest, running: RunningPod | None, cut_after: int
) -> web.StreamResponse:
    """The ended WebSocket. Refusal 400 before it is opened; later failures are told on channel 3.

    With `cut_after` >= 0 the connection is cut after so many bytes of stdout, without a status.
    """
    query = request.query
    container = container_of(pod, query.get("container", ""))
    argv = query.getall("command", [])
    streams = {number for number, name in enumerate(("stdin", "stdout", "stderr")) if truth(query.get(name))}
    if not argv:
        raise bad_request("you must specify at least one command for the container")
    if not streams:
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise bad_request("Upgrade request required")
    socket = web.WebSocketResponse(protocols=(V5, V4), compress=False, timeout=1)
    if not {V5, V4} & {p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",")}:
        raise bad_request(f"the lab speaks only {V5} and {V4}")
    await socket.prepare(request)
    # Tells the client that the connection stands (apiserver/pkg/util/wsstream and kubelet's websocket.go do so).
    await socket.send_bytes(bytes([_STDOUT]))
    try:
        await _Session(socket, streams, cut_after).run(running, container, argv)
        await socket.close(code=WSCloseCode.OK)
    except _Cut:
        if request.transport is not None:
            request.transport.abort()
    return socket


class _Cut(Exception):
    """The connection shall be cut here."""


class _Session:
    """One exec: the socket, the process, and what goes between them."""

    def __init__(self, socket: web.WebSocketResponse, streams: set[int], cut_after: int) -> None:
        self._socket = socket
        self._streams = streams
        self._left = cut_after

    async def run(self, running: RunningPod | None, container: str, argv: Sequence[str]) -> None:
        """Returns when the client has its status, or has left; raises _Cut where it shall be cut off."""
        if running is None:
            message = f'unable to upgrade connection: container not found ("{container}")'
            await self._send(_ERROR, json.dumps(_internal_error(message)).encode())
            return
        try:
            process = await running.exec(container, argv)
        except CommandNotFound as error:
            await self._send(_ERROR, json.dumps(self._not_started(str(error))).encode())
            return
        try:
            await self._attend(process)
        finally:
            # The client has left, or the pod is ending: the command ends with them.
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
            # A killed shell's children may hold the pipes open; nobody reads them any more, so do not wait for them.
            process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001
            await process.wait()

    async def _attend(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        if _STDIN not in self._streams:
            process.stdin.close()
        left = asyncio.create_task(self._receive(process.stdin))
        output = asyncio.gather(self._pump(_STDOUT, process.stdout), self._pump(_STDERR, process.stderr))
        try:
            waiting: list[asyncio.Future[Any]] = [left, output]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if output.done():
                output.result()
                code = await process.wait()
                await self._send(_ERROR, json.dumps(_exit_status(code)).encode())
        except ConnectionError:
            return
        finally:
            for task in (left, output):
                task.cancel()
            await asyncio.gather(left, output, return_exceptions=True)

    async def _pump(self, channel: int, pipe: asyncio.StreamReader) -> None:
        """Send a pipe to its end."""
        while data := await pipe.read(_CHUNK):
            if channel not in self._streams:
                continue
            if channel == _STDOUT and 0 <= self._left <= len(data):
                await self._send(channel, data[: self._left])
                raise _Cut
            if channel == _STDOUT and self._left >= 0:
                self._left -= len(data)
            await self._send(channel, data)

    async def _receive(self, stdin: asyncio.StreamWriter) -> None:
        """Hand stdin to the process; returns when the client leaves."""
        async for message in self._socket:
            data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
            if not isinstance(data, bytes) or not data:
                continue
            with suppress(ConnectionError):
                if data[0] == _STDIN and not stdin.is_closing():
                    stdin.write(data[1:])
                    await stdin.drain()
                elif data[:2] == bytes([_CLOSE, _STDIN]):
                    stdin.close()

    async def _send(self, channel: int, data: bytes) -> None:
        await self._socket.send_bytes(bytes([channel]) + data)

    def _not_started(self, why: str) -> Manifest:
        """What containerd's failure becomes: no exit code. CRI-O makes it an exit code instead, 127 or 255."""
        message = (
            "error executing command in container: failed to exec in container: "
            f'failed to start exec "{secrets.token_hex(32)}": {why}'
        )
        # With v5 the API server stands between client and kubelet, and says it a second time.
        nested = f"Internal error occurred: {message}" if self._socket.ws_protocol == V5 else message
        return _internal_error(nested)


def _internal_error(message: str) -> Manifest:
    causes = {"causes": [{"message": message}]}
    return status(f"Internal error occurred: {message}", reason="InternalError", code=500, details=causes)


def _exit_status(code: int) -> Manifest:
    """`v1.Status` of an ended command (kubelet/pkg/cri/streaming/remotecommand/exec.go)."""
    # Death by a signal, as a container runtime counts it.
    code = 128 - code if code < 0 else code
    if code == 0:
        return status()
    return status(
        f"command terminated with non-zero exit code: command terminated with exit code {code}",
        reason="NonZeroExitCode",
        details={"causes": [{"reason": "ExitCode", "message": str(code)}]},
    )
