"""The HTTP side: authentication, authorization, and the answer to each request.

In: an HTTP request. Out: a response with objects, a Table, a watch, or a `v1.Status`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import yaml
from aiohttp import web

from egressaudit_lab.kube import discovery, openapi
from egressaudit_lab.kube.access import Access
from egressaudit_lab.kube.applying import APPLY, applied
from egressaudit_lab.kube.controlplane import ControlPlane
from egressaudit_lab.kube.exec import serve_exec
from egressaudit_lab.kube.kinds import POD, REVIEWS
from egressaudit_lab.kube.logs import container_of, log_of, options_of, previous_log_of, send_log, truth
from egressaudit_lab.kube.patching import patched
from egressaudit_lab.kube.protobuf import decoded
from egressaudit_lab.kube.refusal import (
    Refusal,
    bad_request,
    method_not_allowed,
    status,
    unauthorized,
    unsupported_media_type,
)
from egressaudit_lab.kube.routing import Target, target_of
from egressaudit_lab.kube.views import View
from egressaudit_lab.world import Manifest

_DISCOVERY_REQUEST = "as=APIGroupDiscoveryList"


class Handler:
    """Answers requests. `token` is the one bearer token that is let in."""

    def __init__(self, control: ControlPlane, access: Access, token: str) -> None:
        self._control = control
        self._access = access
        self._token = token

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """The response, refusals as `v1.Status`."""
        try:
            if request.headers.get("Authorization") != f"Bearer {self._token}":
                raise unauthorized()
            return await self._answer(request)
        except Refusal as refusal:
            headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
            return web.json_response(refusal.body, status=refusal.code, headers=headers)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        watch = truth(request.query.get("watch"))
        target = target_of(request.method, request.path, watch=watch)
        if target is None:
            return _document(request)
        self._access.check(target)
        if target.subresource == "exec" and target.verb == "get":
            # Since Kubernetes 1.35 an exec by GET needs `create` too (kubernetes/kubernetes#134577).
            self._access.check(target, "create")
        if target.kind in REVIEWS:
            if target.verb != "create":
                raise method_not_allowed()
            return web.json_response(self._access.review(target.kind, await _body(request)), status=201)
        if target.subresource in {"log", "exec"}:
            return await self._stream(request, target)
        return await self._objects(request, target)

    async def _stream(self, request: web.Request, target: Target) -> web.StreamResponse:
        pod = self._control.store.get(target.kind, target.namespace, target.name)
        uid = pod["metadata"]["uid"]
        cut = self._access.cut(f"pods/{target.subresource}", target.namespace, target.name)
        if target.subresource == "exec":
            if target.verb != "get":
                raise bad_request("the lab's API server does exec over WebSockets only, not over SPDY")
            return await serve_exec(request, pod, self._control.pods.running(uid), cut.cut_after_bytes if cut else -1)
        options = options_of(request.query, target.name)
        container = container_of(pod, request.query.get("container", ""))
        if options.previous:
            log = previous_log_of(pod, container, self._control.pods.previous_logs(uid))
        else:
            log = log_of(pod, container, self._control.pods.logs(uid))
        return await send_log(request, log, options, cut.cut_after_lines if cut else -1)

    async def _objects(self, request: web.Request, target: Target) -> web.StreamResponse:
        dry = request.method != "GET" and "dryRun" in request.query
        if dry and (target.verb, target.kind) != ("create", POD):
            raise bad_request("the lab's API server has a dry run for new pods alone; nothing has been changed")
        view = View(target, request.query, request.headers.get("Accept", ""))
        store, kind = self._control.store, target.kind
        match target.verb:
            case "get":
                return web.json_response(view.one(store.get(kind, target.namespace, target.name)))
            case "list":
                return web.json_response(view.many(store.all(kind, target.namespace), store.version))
            case "watch":
                return await _send_watch(request, view.watch(store), view.timeout)
            case "create":
                stored = self._control.create(kind, target.namespace, await _body(request), dry=dry)
                return web.json_response(view.one(stored), status=201)
            case "patch" if request.content_type == APPLY:
                return await self._apply(request, target, view)
            case "update" | "patch":
                changed = await self._changed(request, target)
                return web.json_response(view.one(self._control.replace(kind, changed, subresource=target.subresource)))
            case _:
                return await self._delete(request, target, view)

    async def _apply(self, request: web.Request, target: Target, view: View) -> web.StreamResponse:
        """Server-side apply, which creates an object that is not there."""
        before = self._control.store.find(target.kind, target.namespace, target.name)
        if before is None:
            self._access.check(target, "create")
        config = _named(await _body(request), target)
        force = truth(request.query.get("force"))
        wanted = applied(target.kind, before, config, request.query.get("fieldManager", ""), force=force)
        if before is None:
            return web.json_response(view.one(self._control.create(target.kind, target.namespace, wanted)), status=201)
        return web.json_response(view.one(self._control.replace(target.kind, wanted)))

    async def _changed(self, request: web.Request, target: Target) -> Manifest:
        body: Manifest = await _body(request)
        present = self._control.store.get(target.kind, target.namespace, target.name)
        if target.verb == "patch":
            body = dict(patched(request.content_type, present, body))
        return _named(body, target)

    async def _delete(self, request: web.Request, target: Target, view: View) -> web.StreamResponse:
        options = await _body(request) if request.can_read_body else {}
        grace = options.get("gracePeriodSeconds", request.query.get("gracePeriodSeconds"))
        orphan = "Orphan" in (options.get("propagationPolicy"), request.query.get("propagationPolicy"))
        uid = (options.get("preconditions") or {}).get("uid", "")
        store, kind = self._control.store, target.kind
        if target.verb == "delete":
            doomed = [store.get(kind, target.namespace, target.name)]
        else:
            doomed = [obj for obj in store.all(kind, target.namespace) if view.selects(obj)]
        grace = None if grace is None else int(grace)
        gone = [self._control.delete(kind, obj, grace=grace, orphan=orphan, uid=uid) for obj in doomed]
        if grace == 0:
            await asyncio.gather(*(self._control.pods.ended(obj["metadata"]["uid"]) for obj in gone))
        if target.verb == "deletecollection":
            return web.json_response(view.many(gone, store.version))
        if kind.plural == "pods":
            return web.json_response(view.one(gone[0]))
        details = {"name": target.name, "group": kind.group, "kind": kind.plural, "uid": gone[0]["metadata"]["uid"]}
        return web.json_response(status(details=details))


def _named(body: Manifest, target: Target) -> Manifest:
    """The object, with the name and the namespace of the URL; Refusal 400 if it has others."""
    meta = body.get("metadata") or {}
    body["metadata"] = meta
    if meta.setdefault("name", target.name) != target.name:
        raise bad_request("the name of the object does not match the name on the URL")
    if target.namespace and meta.setdefault("namespace", target.namespace) != target.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return body


async def _send_watch(
    request: web.Request, events: AsyncGenerator[Manifest, None], seconds: float | None
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    try:
        async with asyncio.timeout(seconds), aclosing(events) as open_events:
            async for event in open_events:
                await response.write(json.dumps(event).encode() + b"\n")
    except TimeoutError:
        pass  # The client asked for no more: the stream ends as it should.
    return response


async def _body(request: web.Request) -> Any:
    """The request's JSON or YAML; Refusal 400 if it cannot be read, 415 for another encoding."""
    kind = request.content_type
    if kind == "application/vnd.kubernetes.protobuf":
        return decoded(await request.read())
    if not kind.endswith(("json", "yaml", "octet-stream")):
        raise unsupported_media_type(f"the body of the request was in an unknown format - got {kind}")
    text = await request.text()
    try:
        body = _yaml(text) if kind.endswith("yaml") else json.loads(text or "{}")
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the request body could not be read: {error}") from error
    if not isinstance(body, dict):
        if kind == "application/json-patch+json":
            raise unsupported_media_type("the lab's API server does not understand JSON patches")
        raise bad_request("the request body is not an object")
    return body


def _yaml(text: str) -> Any:
    """Clients mostly send JSON, which is YAML too, and is read much faster."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def _document(request: web.Request) -> web.Response:
    """What is served besides resources: discovery, version, health, OpenAPI."""
    parts = request.path.strip("/").split("/")
    if parts[0] in {"healthz", "livez", "readyz"}:
        return web.Response(text="ok")
    if parts in (["api"], ["apis"]) and _DISCOVERY_REQUEST in request.headers.get("Accept", ""):
        text = json.dumps(discovery.aggregated(core=parts == ["api"]))
        return web.Response(body=text.encode(), headers={"Content-Type": discovery.AGGREGATED})
    document = openapi.document(parts) or discovery.document(parts)
    if document is None:
        return web.Response(status=404, text="404 page not found\n")
    return web.json_response(document)
