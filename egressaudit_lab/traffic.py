"""Requests that a pod keeps sending over keep-alive connections: noise, or forgeries.

In: a pod and a list of requests. Out: their lines in the proxies' logs, until the lab ends.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count, cycle

from egressaudit_lab.scenario import Traffic


async def keep_sending(traffic: Traffic, source: str, place: tuple[str, int]) -> None:
    """Send until cancelled, from the address `source` to the proxy at `place`."""
    await asyncio.gather(*(_one_connection(traffic, source, place) for _ in range(traffic.connections)))


async def _one_connection(traffic: Traffic, source: str, place: tuple[str, int]) -> None:
    interval = traffic.connections / traffic.per_second
    agents = cycle(traffic.user_agents)
    number = 0
    while True:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            reader, writer = await asyncio.open_connection(*place, local_addr=(source, 0))
            try:
                for _ in range(traffic.requests) if traffic.requests else count():
                    number += 1
                    request = (
                        f"GET /noise/{number} HTTP/1.1\r\nHost: {traffic.host}\r\nUser-Agent: {next(agents)}\r\n\r\n"
                    )
                    writer.write(request.encode())
                    await _response(reader)
                    await asyncio.sleep(interval)
            finally:
                writer.close()
        # The proxy is not there yet, or has gone.
        await asyncio.sleep(0.1)


async def _response(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, after = head.partition(b"content-length:")
    await reader.readexactly(int(after.partition(b"\r\n")[0]) if found else 0)
