"""HBONE, ztunnel's side: connections carried as HTTP/2 CONNECT streams over one mutual TLS connection.

In: a connection and its destination. Out: a stream through the waypoint's port 15008.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

_CHUNK = 16384
"""HTTP/2's default frame size."""


class TunnelRefused(Exception):
    """The other end would not carry the connection; `str()` is in ztunnel's words (src/proxy.rs, Error)."""


class HboneConnection:
    """One connection to a waypoint, shared by all streams of one source pod."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._h2 = H2Connection(H2Configuration(client_side=True))
        self._streams: dict[int, HboneStream] = {}
        self._window = asyncio.Condition()
        self._h2.initiate_connection()
        self._flush()
        self._task = asyncio.create_task(self._receive())

    @classmethod
    async def open(cls, source: str, place: tuple[str, int], context: ssl.SSLContext) -> Self:
        """A new connection from a pod's address. OSError if nothing takes it."""
        reader, writer = await asyncio.open_connection(
            *place, ssl=context, server_hostname="waypoint", local_addr=(source, 0)
        )
        return cls(reader, writer)

    @property
    def usable(self) -> bool:
        """Whether another stream can be opened."""
        return not self._task.done()

    async def connect(self, authority: str) -> HboneStream:
        """A tunnel to `ip:port`. TunnelRefused if the answer is not 200."""
        number = self._h2.get_next_available_stream_id()
        stream = self._streams[number] = HboneStream(self, number)
        self._h2.send_headers(number, [(":method", "CONNECT"), (":authority", authority)])
        self._flush()
        status = await stream.answer
        if status != 200:
            self._streams.pop(number, None)
            raise TunnelRefused(f"http status: {status}")
        return stream

    async def close(self) -> None:
        """End all streams."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.transport.abort()

    async def send(self, number: int, data: bytes) -> None:
        """Send data on a stream as its window allows."""
        while data:
            async with self._window:
                while (room := min(self._h2.local_flow_control_window(number), _CHUNK)) == 0:
                    await self._window.wait()
            self._h2.send_data(number, data[:room])
            data = data[room:]
            self._flush()
            await self._writer.drain()

    def end(self, number: int) -> None:
        """No more data will be sent on a stream."""
        with suppress(ProtocolError):
            self._h2.end_stream(number)
            self._flush()

    def consumed(self, number: int, size: int) -> None:
        """Data has been passed on: let the other end send more."""
        with suppress(ProtocolError):
            self._h2.acknowledge_received_data(size, number)
            self._flush()

    def forget(self, number: int) -> None:
        """A stream has ended on both sides, or is given up."""
        self._streams.pop(number, None)
        with suppress(ProtocolError):
            self._h2.reset_stream(number)
            self._flush()

    def _flush(self) -> None:
        self._writer.write(self._h2.data_to_send())

    async def _receive(self) -> None:
        try:
            while data := await self._reader.read(65536):
                for event in self._h2.receive_data(data):
                    await self._handle(event)
                self._flush()
        except (OSError, ProtocolError):
            pass
        finally:
            for stream in self._streams.values():
                stream.broken()

    async def _handle(self, event: Event) -> None:
        if isinstance(event, WindowUpdated):
            async with self._window:
                self._window.notify_all()
            return
        if isinstance(event, ConnectionTerminated):
            self._reader.feed_eof()
            return
        if not isinstance(event, ResponseReceived | DataReceived | StreamEnded | StreamReset):
            return
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        if isinstance(event, ResponseReceived):
            stream.answered(int(dict(event.headers)[b":status"]))
        elif isinstance(event, DataReceived):
            stream.received.put_nowait(event.data)
            # Padding counts against the window too.
            if event.flow_controlled_length > len(event.data):
                self.consumed(event.stream_id, event.flow_controlled_length - len(event.data))
        elif isinstance(event, StreamEnded):
            stream.received.put_nowait(b"")
        else:
            stream.broken()


class HboneStream:
    """One tunnelled connection. `received` gives its data, b'' at its end."""

    def __init__(self, connection: HboneConnection, number: int) -> None:
        self._connection = connection
        self._number = number
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def answered(self, status: int) -> None:
        """The CONNECT has its answer."""
        if not self.answer.done():
            self.answer.set_result(status)

    def broken(self) -> None:
        """The stream or its connection was reset."""
        if not self.answer.done():
            self.answer.set_exception(TunnelRefused("http2 handshake failed"))
        self.received.put_nowait(b"")

    async def read(self) -> bytes:
        """The next data, b'' at the end."""
        data = await self.received.get()
        if data:
            self._connection.consumed(self._number, len(data))
        return data

    async def write(self, data: bytes) -> None:
        """Send data."""
        await self._connection.send(self._number, data)

    def write_eof(self) -> None:
        """Send no more."""
        self._connection.end(self._number)

    def close(self) -> None:
        """Give it up."""
        self._connection.forget(self._number)
