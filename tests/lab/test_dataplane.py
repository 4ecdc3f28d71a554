"""The lab's data plane: real Envoys whose lines join as Istio's do."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import datetime
from pathlib import Path

import pytest
from support.lab_traffic import access, changed, curl, in_lab, line_with, lines, ztunnel_fields

from egressaudit_lab.runner import Lab
from egressaudit_lab.scenario import ExternalHost, OddLine, Serves, load_scenario
from egressaudit_lab.world import AdmissionDenied, CommandNotFound

pytestmark = pytest.mark.e2e

DOCS, BIN = "http://docs.redhat.com/", "http://httpbin.org/"
GATEWAY = "egress-gateway/egressgateway"
TO_GATEWAY = "outbound|80|rh-docs|egressgateway.egress-gateway.svc.cluster.local"


# One row: scenario, URL, then code, flags, details, cluster and route of the sidecar's line.
@pytest.mark.parametrize(
    ("scenario", "url", "line"),
    [
        ("mesh-gateway-missing", DOCS, ("200", "-", "via_upstream", "outbound|80||docs.redhat.com", "default")),
        ("no-service-entry", BIN, ("200", "-", "via_upstream", "PassthroughCluster", "allow_any")),
        ("forged", BIN, ("200", "-", "via_upstream", "PassthroughCluster", "allow_any")),
        ("registry-only", BIN, ("502", "-", "direct_response", "-", "block_all")),
        ("gateway-down", DOCS, ("503", "UH", "no_healthy_upstream", TO_GATEWAY, "-")),
        ("logging-off", DOCS, ("200", "-", "via_upstream", TO_GATEWAY, "-")),
    ],
)
def test_the_sidecar_says_what_istio_would(scenario: str, url: str, line: tuple[str, ...]) -> None:
    async def work(lab: Lab) -> None:
        said = await curl(lab, "curl/curl", "curl", "-A", "marked", url)
        hop = access(await line_with(lab, "curl/curl", "marked"))
        assert tuple(hop[f] for f in ("code", "flags", "details", "cluster", "route")) == line
        assert hop["remote"] == said.socket
        assert hop["local"] == said.remote
        assert hop["code"] == said.code
        assert hop["forwarded"] == "-"

    in_lab(scenario, work)


REFUSED = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"


# One row: scenario, then code, flags and details of the gateway's line.
@pytest.mark.parametrize(
    ("scenario", "line"),
    [
        ("istio-apis", ("200", "-", "via_upstream")),
        ("noisy", ("200", "-", "via_upstream")),
        ("redirect-escapes", ("301", "-", "via_upstream")),
        ("rbac-denied", ("403", "-", "rbac_access_denied_matched_policy[none]")),
        ("upstream-down", ("503", "URX,UF", REFUSED)),
    ],
)
def test_the_gateway_continues_the_sidecars_line(scenario: str, line: tuple[str, ...]) -> None:
    async def work(lab: Lab) -> None:
        said = await curl(lab, "curl/curl", "curl", "-A", "marked", DOCS)
        first = access(await line_with(lab, "curl/curl", "marked"))
        second = access(await line_with(lab, GATEWAY, "marked"))
        [pod] = lab.dataplane.pods(GATEWAY)
        assert first["remote"] == said.socket
        assert first["upstream_local"] == second["remote"]
        assert first["upstream"] == second["local"] == f"{pod.address}:8080"
        assert second["forwarded"] == said.socket.rpartition(":")[0]
        # Gateways overwrite the id: it joins nothing (Istio 1.25 and later).
        assert first["request_id"] != second["request_id"]
        assert (first["protocol"], second["protocol"]) == ("HTTP/1.1", "HTTP/2")
        assert (second["cluster"], second["route"]) == ("outbound|80||docs.redhat.com", "-")
        assert tuple(second[field] for field in ("code", "flags", "details")) == line

    in_lab(scenario, work)


def test_a_pod_made_over_the_api_gets_a_sidecar_and_the_gateway_api_names_its_routes() -> None:
    async def work(lab: Lab) -> None:
        container = {"name": "curl", "image": "curlimages/curl:8", "command": ["sleep", "60"]}
        meta = {"name": "probe", "namespace": "egress-gateway"}
        await lab.api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}})
        await curl(lab, "egress-gateway/probe", "curl", "-A", "marked", BIN)
        first = access(await line_with(lab, "egress-gateway/probe", "marked"))
        second = access(await line_with(lab, "egress-gateway/httpbin-egress-gateway-istio", "marked"))
        assert first["route"] == "egress-gateway.direct-httpbin-to-egress-gateway.0"
        assert first["upstream_local"] == second["remote"]
        assert second["protocol"] == "HTTP/1.1"
        assert second["route"] == "egress-gateway.forward-httpbin-from-egress-gateway.0"

    in_lab("gateway-api", work)


def test_ztunnel_pools_its_connections_and_the_waypoint_sees_the_virtual_address() -> None:
    async def work(lab: Lab) -> None:
        source, waypoint = "egress-gateway/test-pod", "egress-gateway/waypoint"
        said = [await curl(lab, source, "test-pod", "-A", f"marked-{n}", BIN) for n in range(3)]
        tunnelled = [ztunnel_fields(await line_with(lab, "ztunnel/ztunnel", each.socket)) for each in said]
        out = [access(await line_with(lab, waypoint, f"marked-{n}")) for n in range(3)]
        [pod] = lab.dataplane.pods(waypoint)
        [test_pod] = lab.dataplane.pods(source)
        for first, second in zip(tunnelled, out, strict=True):
            assert list(first) == [
                *("src.addr", "src.workload", "src.namespace", "src.identity", "dst.addr", "dst.hbone_addr"),
                *("dst.service", "dst.workload", "dst.namespace", "dst.identity"),
                *("direction", "bytes_sent", "bytes_recv", "duration"),
            ]
            assert first["dst.addr"] == f"{pod.address}:15008"
            assert first["dst.workload"] == pod.name
            assert first["dst.hbone_addr"] == second["local"] == "240.240.0.1:80"
            assert second["cluster"] == "inbound-vip|80|http|httpbin.org"
            assert second["route"] == "default"
            assert second["remote"].startswith(f"{test_pod.address}:")
        # One connection carried them all, and its port is none of curl's.
        assert len({each["remote"] for each in out}) == 1
        assert out[0]["remote"] not in {each.socket for each in said}

    in_lab("ambient", work)


def test_ztunnel_that_ignores_the_waypoint_names_neither_tunnel_nor_identities() -> None:
    async def work(lab: Lab) -> None:
        said = await curl(lab, "egress-gateway/test-pod", "test-pod", BIN)
        hop = ztunnel_fields(await line_with(lab, "ztunnel/ztunnel", said.socket))
        assert hop["dst.addr"].endswith(":10080")
        assert hop["dst.service"] == "httpbin.org"
        assert not {"dst.hbone_addr", "src.identity", "dst.identity", "dst.workload"} & hop.keys()

    in_lab("waypoint-ignored", work)


def test_tls_goes_by_its_name_and_shows_no_request() -> None:
    async def work(lab: Lab) -> None:
        said = await curl(lab, "curl/curl", "curl", "-k", "https://docs.redhat.com/")
        first = access(await line_with(lab, "curl/curl", said.socket))
        second = access(await line_with(lab, GATEWAY, first["upstream_local"]))
        [pod] = lab.dataplane.pods(GATEWAY)
        assert said.code == "200"
        assert first["upstream"] == second["local"] == f"{pod.address}:8443"
        assert (second["method"], second["code"], second["sni"]) == ("-", "0", "docs.redhat.com")
        assert second["cluster"] == "outbound|443||docs.redhat.com"
        assert (first["sent"], first["received"]) == (second["sent"], second["received"])

    in_lab("tls-passthrough", work)


def test_a_tcp_connection_to_a_host_without_an_entry_is_passed_through() -> None:
    ports = (Serves(80, "http"), Serves(5432, "tcp"))

    async def work(lab: Lab) -> None:
        said = await curl(lab, "curl/curl", "curl", "--telnet-option", "B", "telnet://docs.redhat.com:5432")
        assert said.exit == 49, said.stderr
        hop = access(await line_with(lab, "curl/curl", said.socket))
        assert (hop["cluster"], hop["code"]) == ("PassthroughCluster", "0")
        assert hop["upstream"].endswith(":5432")

    in_lab(changed("istio-apis", hosts=(ExternalHost("docs.redhat.com", ports),)), work)


def test_a_pod_without_a_sidecar_goes_straight_out_and_unknown_hosts_are_nobodys() -> None:
    async def work(lab: Lab) -> None:
        said = await curl(lab, "curl/curl", "curl", DOCS)
        assert said.remote.endswith(":10080")
        assert (await curl(lab, "curl/curl", "curl", "http://example.com/")).exit == 7
        assert (await curl(lab, "curl/curl", "curl", "-x", "http://example.com:3128", "http://example.com/")).exit == 7
        # Nothing runs beside curl, so there is nothing to log.
        [pod] = lab.dataplane.pods("curl/curl")
        assert list(pod.logs) == ["curl"]

    in_lab("no-sidecar", work)


def test_json_logs_native_sidecars_and_skewed_clocks() -> None:
    scenario = changed("istio-apis", encoding="JSON", native_sidecars=True, clock_skew={GATEWAY: 7.0})

    async def work(lab: Lab) -> None:
        await curl(lab, "curl/curl", "curl", "-A", "marked", DOCS)
        first = json.loads(await line_with(lab, "curl/curl", "marked"))
        second = json.loads(await line_with(lab, GATEWAY, "marked"))
        assert len(first) == 24
        assert first["response_code"] == 200
        assert first["connection_termination_details"] is None
        assert first["upstream_local_address"] == second["downstream_remote_address"]
        ahead = datetime.fromisoformat(second["start_time"]) - datetime.fromisoformat(first["start_time"])
        assert 6.5 < ahead.total_seconds() < 7.5

    in_lab(scenario, work)


def test_odd_lines_are_in_the_log_from_the_start() -> None:
    odd = (OddLine(GATEWAY, text="x", repeat=1 << 20), OddLine(GATEWAY, hex="fffe"))

    async def work(lab: Lab) -> None:
        [pod] = lab.dataplane.pods(GATEWAY)
        first, second, *_ = await lines(pod)
        assert (len(first), second) == (1 << 20, "��")

    in_lab(changed("istio-apis", lines=odd), work)


def test_forged_lines_are_in_the_gateways_log() -> None:
    async def work(lab: Lab) -> None:
        deadline = time.monotonic() + 5
        [pod] = lab.dataplane.pods(GATEWAY)
        while not any('"httpbin.org" "1.2.3.4:80" outbound|80||httpbin.org' in each for each in await lines(pod)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    in_lab("forged", work)


def test_containers_have_curl_and_little_else() -> None:
    async def work(lab: Lab) -> None:
        [pod] = lab.dataplane.pods("curl/curl")
        process = await pod.exec("curl", ["/bin/echo", "hello"])
        assert (await process.communicate())[0] == b"hello\n"
        for argv in (["sh", "-c", "true"], ["/usr/bin/python3"], ["curl", "http://docs.redhat.com"]):
            with pytest.raises(CommandNotFound, match="unable to start container process"):
                await pod.exec("curl", argv)

    in_lab(changed("istio-apis", without_curl=("curl",)), work)


def pod(image: str, **security: object) -> dict[str, object]:
    container = {"name": "curl", "image": image, "securityContext": security}
    meta = {"name": "odd", "namespace": "curl"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}


def test_pods_that_cannot_run_say_so_in_their_status() -> None:
    async def work(lab: Lab) -> None:
        for image, phase, state in (
            ("example/missing:1", "Pending", "waiting"),
            ("missing:1", "Pending", "waiting"),
            ("example/slow:1", "Running", "running"),
        ):
            admitted = lab.dataplane.admit(pod(image))
            admitted["spec"]["nodeName"] = "node-1"
            running, status = await lab.dataplane.start(admitted)
            assert status["phase"] == phase
            assert list(status["containerStatuses"][0]["state"]) == [state]
            assert {c["type"]: c["status"] for c in status["conditions"]}["Ready"] == "False"
            await running.stop()

    in_lab("istio-apis", work)


def test_a_namespace_that_enforces_the_restricted_profile_refuses_a_careless_pod() -> None:
    from egressaudit_lab.pods.injection import admit

    strict = {"pod-security.kubernetes.io/enforce": "restricted"}
    with pytest.raises(AdmissionDenied, match=r'pods "odd" is forbidden: violates PodSecurity "restricted:latest"'):
        admit(pod("curl:8", runAsNonRoot=True), strict, native=False)
    careful = pod(
        "curl:8",
        allowPrivilegeEscalation=False,
        capabilities={"drop": ["ALL"]},
        runAsNonRoot=True,
        seccompProfile={"type": "RuntimeDefault"},
    )
    assert admit(careful, strict | {"istio-injection": "enabled"}, native=False)


def test_two_labs_run_side_by_side_and_nothing_of_them_remains() -> None:
    async def work() -> tuple[list[int], list[Path]]:
        async with Lab(load_scenario("istio-apis")) as one, Lab(load_scenario("istio-apis")) as two:
            said = [await curl(lab, "curl/curl", "curl", "-A", "marked", DOCS) for lab in (one, two)]
            hops = [access(await line_with(lab, GATEWAY, "marked")) for lab in (one, two)]
            assert [each.code for each in said] == ["200", "200"]
            assert hops[0]["local"] != hops[1]["local"]
            return children(), [one.kubeconfig_path, two.kubeconfig_path]

    running, kubeconfigs = asyncio.run(work())
    assert len(running) >= 4
    assert not [number for number in running if Path(f"/proc/{number}").exists()]
    assert not [path for path in kubeconfigs if path.parent.exists()]


def children() -> list[int]:
    """The processes that this one has started and not yet ended."""
    return [int(n) for n in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
