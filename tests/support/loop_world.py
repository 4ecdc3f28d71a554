"""What may be wrong in the closed loop beside the configuration: the network, the servers, the capture.

In: a `World`. Out: sockets that behave so, e.g. one that answers nothing, as behind a firewall that drops packets.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class World:
    """What is wrong around the proxies; by default nothing."""

    captured: bool = True
    """Whether connections of the source come to its proxy."""
    outside: str = ""
    """What the host does instead: `http`, `https`, `nothing` refuses, `silent` drops packets, `resets`."""
    gateway: str = ""
    """`silent`: packets to it are dropped; `gone`: no pod of it runs."""
    unresolved: bool = False
    """Whether DNS has no address for the host."""
    by_name: bool = True
    """Whether the client dialed the address that istiod gave the host (ambient mode)."""


WELL = World()


@contextmanager
def deaf(address: str, port: int) -> Iterator[None]:
    """A socket that completes no connection: Linux drops a SYN where the queue of those to accept is full."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect((address, port))
        yield
        for each in waiting:
            each.close()


async def resetting(address: str, port: int) -> asyncio.Server:
    """A server that resets each connection once it has been sent something."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return await asyncio.start_server(reset, address, port)


async def ended(server: asyncio.Server) -> None:
    """Close a server."""
    server.close()


def forget(config: dict[str, Any], address: str) -> None:
    """Take an address out of every cluster of an Envoy, as if DNS had not found it."""
    for cluster in config["static_resources"]["clusters"]:
        for group in cluster.get("load_assignment", {}).get("endpoints", ()):
            kept = [each for each in group.get("lb_endpoints", ()) if f"'{address}'" not in str(each)]
            group["lb_endpoints"] = kept
