"""EA32x: whether the evidence is what it is said to be, and whole."""

from __future__ import annotations

from egressaudit.findings.controls.control import Control
from egressaudit.model import Outcome, Severity

ACCOUNT = (
    Control(
        code="EA320",
        name="not-as-collected",
        title="a file is not what was collected",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="collection.json says how many lines and bytes a log's file has, and its SHA-256. The file has others, or "
        "is not there.",
        why="Lines were taken away, added or changed after the collection. What the file covers is not known any more.",
        remedy="Restore the folder as it was collected, or collect the window anew.",
        confidence="observed: collection.json against the files.",
        passing="collection.json: 500 lines, 90000 bytes; the file has 500 lines, 90000 bytes",
        failing="collection.json: 500 lines, 90000 bytes; the file has 2 lines, 92 bytes",
    ),
    Control(
        code="EA321",
        name="not-collected",
        title="a file that nobody collected",
        severity=Severity.LOW,
        outcomes=(None,),
        what="A log lies beside collection.json, which does not name it. It is read all the same.",
        why="Nobody says where it comes from. Its lines can only be as good as whoever put it there.",
        remedy="Find out who put it there, and take it away if it does not belong to the collection.",
        confidence="observed: collection.json against the files.",
        passing="the folder holds shop/cart-1/istio-proxy.log, and collection.json names it",
        failing="the folder also holds x/cart-1/istio-proxy.log, which collection.json does not name",
    ),
    Control(
        code="EA322",
        name="kind-not-read",
        title="objects of a kind were not read",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="mesh.json does not hold all objects of a kind on which a verdict could depend, or does not say what was "
        "read. Kinds that only explain are said under what is not covered.",
        why="An object that was not read may turn a proxy's log off or send traffic another way.",
        remedy="Grant the ClusterRole of docs/permissions.md and take the snapshot again.",
        confidence="observed: what mesh.json says was read.",
        passing="mesh.json: read: [..., telemetry.istio.io/Telemetry]",
        failing="mesh.json: read lacks telemetry.istio.io/Telemetry",
    ),
    Control(
        code="EA323",
        name="copies-differ",
        title="two copies of a log differ",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="Two files of one log have a line of the same sockets and the same time, and the lines say different "
        "things. Both are judged.",
        why="A proxy writes a line once. One of the two was changed, and nothing says which.",
        remedy="Find the file that is as the proxy wrote it, and audit that one alone.",
        confidence="observed: the lines of the two files.",
        passing="curl/curl-1/istio-proxy.log and its copy are the same",
        failing="curl/curl-1/istio-proxy.log: outbound|80||gw.egress...; the copy: PassthroughCluster",
    ),
    Control(
        code="EA324",
        name="envoy-filter",
        title="an EnvoyFilter patches a proxy",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE, None),
        what="An EnvoyFilter applies to a proxy whose log was to be read. INCONCLUSIVE where it changes the access "
        "log, routes, clusters or listeners, mirrors requests, runs code, or does something unknown. Info where it "
        "only adds metrics, limits, times or headers.",
        why="What Istio's objects declare does not hold where Envoy's configuration is patched behind them.",
        remedy="Read the filter and the proxy's config_dump, and narrow the filter to what only adds metrics, limits, "
        "times or headers.",
        confidence="observed: the EnvoyFilters of the snapshot.",
        passing="EnvoyFilter: INSERT_BEFORE of HTTP_FILTER istio.stats",
        failing="EnvoyFilter: MERGE of NETWORK_FILTER http_connection_manager, access_log: []",
    ),
    Control(
        code="EA325",
        name="mirrored",
        title="requests are mirrored out of the mesh",
        severity=Severity.HIGH,
        outcomes=(Outcome.INCONCLUSIVE,),
        what="A VirtualService or route sends copies of requests to a host that is not proven to be inside, and flows "
        "to the host that it copies were seen.",
        why="Envoy logs the request and not its copy. That nothing else left is not proven.",
        remedy="Remove the mirror, or let it go to a Service that leads to pods alone.",
        confidence="observed: the rules of the snapshot against the hosts of flows.",
        passing="VirtualService curl/to-egress without mirror; flows to docs.redhat.com",
        failing="VirtualService curl/to-egress: mirror evil.example.com; flows to docs.redhat.com",
    ),
)
