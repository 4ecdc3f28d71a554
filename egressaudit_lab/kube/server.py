"""The lab's API server: its socket, its certificate, its start and stop.

In: a control plane. Out: https://127.0.0.1:PORT, until the block ends.
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from typing import Self, cast
from weakref import WeakSet

import trustme
from aiohttp import web

from egressaudit_lab.kube.access import Access
from egressaudit_lab.kube.controlplane import ControlPlane
from egressaudit_lab.kube.kinds import by_name
from egressaudit_lab.kube.kubeconfig import kubeconfig
from egressaudit_lab.kube.refusal import bad_request
from egressaudit_lab.kube.serving import Handler
from egressaudit_lab.world import DataPlane, Faults, Manifest

_GOODBYE = 0.25
"""How long a closed connection waits for the client's TLS to agree, in seconds."""
_LARGEST_BODY = 3 * 1024 * 1024  # as in apiserver/pkg/server/config.go


class ApiServer:
    """`async with ApiServer(dataplane, faults) as api:` serves HTTPS on a free port of 127.0.0.1 until it is left.

    Leaving it ends all pods' processes. It lives in the running event loop, together with the data plane.
    """

    def __init__(self, dataplane: DataPlane, faults: Faults | None = None) -> None:
        self._control = ControlPlane(dataplane)
        self._token = secrets.token_urlsafe(24)
        self._authority = trustme.CA(organization_name="egressaudit lab")
        self._handler = Handler(self._control, Access(faults or Faults()), self._token)
        self._transports: WeakSet[asyncio.BaseTransport] = WeakSet()
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # A client that leaves a stream ends its handler.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1)
        self._url = ""
        self._listener: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """`https://127.0.0.1:PORT`."""
        return self._url

    def kubeconfig(self) -> Manifest:
        """A kubeconfig for this server, certificate authority and token inside."""
        return kubeconfig(self._url, self._authority.cert_pem.bytes(), self._token)

    async def apply(self, manifest: Manifest) -> None:
        """Load an object of a scenario, or a `List` of them, creating or replacing; returns when its pods have started.

        Unlike over HTTP a given `status` is kept: the scenario stands in for the controllers that would write it.
        Raises Refusal in Kubernetes' words.
        """
        for item in manifest["items"] if manifest.get("kind") == "List" else [manifest]:
            self._apply(item)
        await self._control.pods.settled()

    async def restart_container(self, namespace: str, pod: str, container: str) -> None:
        """Stand in for a container's restart: a new log, the old one served as previous, a status that says so."""
        await self._control.pods.restart(namespace, pod, container)

    async def stop_pods(self) -> None:
        """End all pods' processes and logs; their objects stay."""
        await self._control.stop()

    async def __aenter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        await self._runner.setup()
        assert self._runner.server
        # Not a web.TCPSite: that one lets a closed connection wait 30 seconds for TLS's goodbye.
        self._listener = await asyncio.get_running_loop().create_server(
            self._runner.server, "127.0.0.1", 0, ssl=context, ssl_shutdown_timeout=_GOODBYE
        )
        self._url = f"https://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner.server
        assert self._listener
        self._listener.close()
        try:
            # First what streams wait for, so that they end by themselves.
            await self.stop_pods()
        finally:
            self._control.store.close()
            await self._close_connections(self._runner.server)
            await self._runner.cleanup()

    async def _close_connections(self, server: web.Server) -> None:
        await asyncio.sleep(0.02)  # a moment for streams to say that they have ended
        for transport in self._transports:
            cast("asyncio.WriteTransport", transport).abort()
        # A connection that was closed before cannot be aborted, but ends within the goodbye.
        deadline = time.monotonic() + 2 * _GOODBYE
        while server.connections and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            self._transports.add(request.transport)
        return await self._handler(request)

    def _apply(self, manifest: Manifest) -> None:
        kind = by_name(manifest.get("apiVersion", ""), manifest.get("kind", ""))
        if kind is None:
            names = f"{manifest.get('apiVersion')} {manifest.get('kind')}"
            raise bad_request(f"the lab's API server does not know the kind {names}")
        meta = manifest["metadata"]
        namespace = meta.get("namespace", "default") if kind.namespaced else ""
        present = self._control.store.find(kind, namespace, meta.get("name", ""))
        if present is None:
            self._control.create(kind, namespace, manifest, with_status=True)
            return
        kept = {"status": present["status"]} if "status" in present else {}
        changed = kept | manifest | {"metadata": meta | ({"namespace": namespace} if namespace else {})}
        self._control.replace(kind, changed, with_status=True)
