"""The cluster as the pipeline sees it.

In: e.g. `Cluster.connect().objects(RESOURCES)`. Out: the objects as the server wrote them, or an error with a hint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from egressaudit.cluster.access import ClusterAccess
from egressaudit.cluster.api_path import api_path
from egressaudit.cluster.execution import MOST_OUTPUT, Completed, execute
from egressaudit.cluster.listing import Listed, list_all, read_objects
from egressaudit.cluster.logs import LogStream, read_head
from egressaudit.cluster.parallel import THREADS
from egressaudit.cluster.probe_pod import admitted_pod, create_pod, delete_pod, wait_pod
from egressaudit.cluster.refusals import Action, Refused, forbidden
from egressaudit.cluster.rest import Rest
from egressaudit.cluster.reviews import reviewed
from egressaudit.errors import Forbidden
from egressaudit.model import LogSource, ObjectRef

if TYPE_CHECKING:
    from egressaudit.model.analysis import ServedApi


class Cluster:
    """One Kubernetes cluster. Deadlines are points of `time.monotonic`; safe to use from several threads."""

    def __init__(self, rest: Rest, warn: Callable[[str], None] = lambda _: None) -> None:
        self.warn = warn
        """Takes what a person must be told whatever else they see, one sentence each: what was left behind."""
        self._rest = rest
        self._access = rest.access
        self.unreadable: tuple[str, ...] = ()
        """What the last `objects` was not allowed to read, one sentence each."""
        self.read: tuple[str, ...] = ()
        """The resources that it did read, by name, also those of kinds that the server does not have."""

    @classmethod
    def connect(
        cls,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        as_user: str | None = None,
        as_groups: Sequence[str] = (),
        request_timeout: float = 10.0,
        warn: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Access by kubeconfig, or by the account of the pod this runs in; sends nothing yet.

        ClusterError if the kubeconfig cannot be used, UsageError for who cannot be impersonated.
        """
        access = ClusterAccess.load(kubeconfig=kubeconfig, context=context, as_user=as_user, as_groups=tuple(as_groups))
        return cls(Rest(access, request_timeout, THREADS), warn)

    def until(self, deadline: float) -> Self:
        """The same cluster, of which no single request outlives a deadline; only removing a pod has its own time."""
        return type(self)(self._rest.until(deadline), self.warn)

    @property
    def namespace(self) -> str:
        """The namespace of the context, `default` where it has none."""
        return self._access.namespace

    @property
    def context(self) -> str:
        """The name of the kubeconfig's context; `in-cluster` for a pod's own account."""
        return self._access.context

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return self._access.server

    def objects(self, resources: Iterable[Listed]) -> list[dict[str, Any]]:
        """All objects of these resources in all namespaces; `read` and `unreadable` then say what was read.

        Forbidden, with a ClusterRole for everything that is missing, where a `required` resource may not be listed.
        """
        listing = read_objects(self._rest, resources)
        self.read, self.unreadable = listing.read, listing.unreadable
        return listing.objects

    def further(self, resources: Iterable[Listed]) -> list[dict[str, Any]]:
        """Single objects beside those of `objects`; `unreadable` then says which of them may not be read, too."""
        listing = read_objects(self._rest, resources)
        self.unreadable += listing.unreadable
        return listing.objects

    def may(self, actions: Sequence[Action]) -> tuple[bool | None, ...]:
        """Whether the caller may do each of these, None where the server does not say; one verb in each."""
        return reviewed(self._rest, actions)

    def apis(self, groups: Iterable[str]) -> tuple[ServedApi, ...]:
        """Those of these API groups that the server has, with versions and kinds."""
        # Import here: only `analyze` asks, and `verify` waits for what its request does not need.
        from egressaudit.cluster.served_apis import served_apis

        return served_apis(self._rest, groups)

    def apply(self, plural: str, manifest: Mapping[str, Any]) -> bool:
        """Write an object of ours by server-side apply; False if its namespace is gone."""
        # Import here: only `audit --publish` writes objects.
        from egressaudit.cluster.applying import applied

        return applied(self._rest, plural, manifest)

    def labelled(self, api_version: str, plural: str, selector: str) -> tuple[ObjectRef, ...]:
        """The objects of one kind with these labels, wherever they are."""
        from egressaudit.cluster.applying import labelled

        return labelled(self._rest, api_version, plural, selector)

    def delete(self, api_version: str, plural: str, ref: ObjectRef) -> None:
        """Remove an object; fine if it is gone."""
        from egressaudit.cluster.applying import deleted

        deleted(self._rest, api_version, plural, ref)

    def pods(self, label_selector: str, namespace: str | None) -> list[dict[str, Any]]:
        """The pods with these labels, in one namespace or in all."""
        path = api_path("v1", "pods", namespace or "")
        return list_all(self._rest, path, Action(("list",), "pods", namespace=namespace or ""), label_selector)

    def pod(self, ref: ObjectRef) -> dict[str, Any] | None:
        """One pod, None if there is none of that name."""
        try:
            path = api_path("v1", "pods", ref.namespace, ref.name)
            return self._rest.get(path, Action(("get",), "pods", namespace=ref.namespace, name=ref.name))
        except Refused as error:
            if error.status == 404:
                return None
            raise

    def create_pod(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The pod as it was created; PodNotReady if it is not admitted."""
        return create_pod(self._rest, manifest)

    def admitted_pod(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """The pod as admission would make it, without creating it; None if the server does not say."""
        return admitted_pod(self._rest, manifest)

    def delete_pod(self, ref: ObjectRef, grace: int = 0) -> None:
        """Remove a pod, `grace` seconds after its processes were told to end; fine if it is gone."""
        delete_pod(self._rest, ref, grace)

    def wait_pod(
        self, ref: ObjectRef, ready: Callable[[dict[str, Any]], bool | str], deadline: float
    ) -> dict[str, Any]:
        """The pod as soon as `ready` says True of it; PodNotReady, with the reason, if it does not by the deadline."""
        return wait_pod(self._rest, ref, ready, deadline)

    def exec(
        self, ref: ObjectRef, container: str, argv: Sequence[str], deadline: float, most: int = MOST_OUTPUT
    ) -> Completed:
        """What a command wrote, at most `most` bytes, and its exit code where the stream tells it.

        ExecFailed if it did not start.
        """
        return execute(self._access, ref, container, argv, deadline, most)

    def follow(
        self,
        source: LogSource,
        *,
        tail: int | None = None,
        since: datetime | None = None,
        since_seconds: int | None = None,
    ) -> LogStream:
        """A log from its last `tail` lines, or from a time on, and all that will be written; connects when iterated.

        Lines are as the kubelet sends them: a timestamp (RFC 3339, nanoseconds), a space, the container's line.
        """
        return LogStream(self._access, source, follow=True, tail=tail, since=since, since_seconds=since_seconds)

    def logs(
        self, source: LogSource, *, tail: int | None = None, since: datetime | None = None, previous: bool = False
    ) -> LogStream:
        """A log to its present end, lines as in `follow`; `previous` is the container's run before its last restart.

        Iterating it raises LogRefused if the cluster does not serve it.
        """
        return LogStream(self._access, source, follow=False, tail=tail, since=since, previous=previous)

    def logs_forbidden(self, server_message: str) -> Forbidden:
        """The error where no log may be read at all: its hint is a ClusterRole for the logs of the whole cluster."""
        return forbidden(Action(("get",), "pods/log"), server_message.partition(": ")[2] or server_message)

    def log_head(self, source: LogSource, *, previous: bool = False) -> bytes:
        """How a log begins, as far back as it is kept: a timestamp and the beginning of a line; b'' of an empty log."""
        return read_head(self._access, source, previous=previous)
