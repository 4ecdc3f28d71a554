"""The catalogue of attempts: what each asks of curl, and how it changes a pod."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.batteries import IP, SCENE

from egressaudit.bypass import attempts, named_attempts
from egressaudit.bypass.attempt import Need, OtherProxy, PositiveControl, Scene, Transport
from egressaudit.bypass.scene import not_tried
from egressaudit.model import DataplaneMode, Scheme, Target

BY_NAME = {each.name: each for each in attempts().values()}
HTTPS = replace(SCENE, target=Target("docs.redhat.com", 443, Scheme.HTTPS, "/a"))
ODD = replace(SCENE, target=Target("docs.redhat.com", 8080, Scheme.HTTP, "/a?b"), outside="2001:db8::7")
OTHER = OtherProxy("other/gw", "10.0.0.10", 8080)
HOST = "--header 'Host: docs.redhat.com'"


# One row: the attempt, where it is made, and what a person reads of it.
@pytest.mark.parametrize(
    ("name", "scene", "words"),
    [
        ("address", SCENE, f"http://{IP}/"),
        ("address", HTTPS, f"https://{IP}/a"),
        ("address", ODD, "http://[2001:db8::7]:8080/a?b"),
        ("address", replace(SCENE, target=Target("db.example.com", 5432, Scheme.TCP)), f"tcp://{IP}:5432"),
        ("address-with-host", SCENE, f"http://{IP}/ {HOST}"),
        ("address-with-host", HTTPS, f"https://{IP}/a {HOST}"),
        ("address-with-host", ODD, "http://[2001:db8::7]:8080/a?b --header 'Host: docs.redhat.com:8080'"),
        ("other-port", SCENE, "http://docs.redhat.com:8080/"),
        ("other-port", HTTPS, "https://docs.redhat.com:8443/a"),
        ("other-port", ODD, "http://docs.redhat.com/a?b"),
        ("other-scheme", SCENE, "https://docs.redhat.com/"),
        ("other-scheme", HTTPS, "http://docs.redhat.com/a"),
        ("http3", SCENE, "https://docs.redhat.com/ --http3-only"),
        ("udp", SCENE, f"tftp://{IP}:69/egressaudit-{{nonce}} --tftp-no-options --max-time 3"),
        ("ipv6", SCENE, "http://docs.redhat.com/ --ipv6"),
        ("no-sni", SCENE, f"https://{IP}/ {HOST}"),
        ("other-sni", SCENE, f"https://egressaudit.invalid/ {HOST} --connect-to egressaudit.invalid:443:{IP}:443"),
        ("forward-proxy", SCENE, "http://docs.redhat.com/ --noproxy '' --proxy http://docs.redhat.com:80"),
        ("forward-proxy", HTTPS, "https://docs.redhat.com/a --noproxy '' --proxy http://docs.redhat.com:80"),
        ("other-gateway", replace(SCENE, other=OTHER), f"http://10.0.0.10:8080/ {HOST}"),
        (
            "other-gateway",
            replace(HTTPS, other=OTHER),
            "https://docs.redhat.com/a --connect-to docs.redhat.com:443:10.0.0.10:8080",
        ),
    ],
)
def test_what_curl_is_asked(name: str, scene: Scene, words: str) -> None:
    assert BY_NAME[name].request(scene).words == words


def test_lines_are_judged_as_being_about_the_host_and_not_about_what_curl_was_given() -> None:
    for name in ("address-with-host", "no-sni", "other-sni", "other-gateway", "udp"):
        asked = BY_NAME[name].request(replace(SCENE, other=OTHER))
        assert asked.target.host == "docs.redhat.com"
        assert asked.dialled


# One row: the attempt, and the change of its pod.
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("inject-false", 'sidecar.istio.io/inject: "false"'),
        ("exclude-ranges", 'traffic.sidecar.istio.io/excludeOutboundIPRanges: "0.0.0.0/0,::/0"'),
        ("exclude-ports", 'traffic.sidecar.istio.io/excludeOutboundPorts: "{port}"'),
        ("include-nothing", 'traffic.sidecar.istio.io/includeOutboundIPRanges: ""'),
        ("interception-none", 'sidecar.istio.io/interceptionMode: "NONE"'),
        ("ambient-opt-out", 'istio.io/dataplane-mode: "none"'),
        ("uid-1337", "runAsUser: 1337"),
        ("host-network", "hostNetwork: true"),
    ],
)
def test_how_a_pod_is_changed(name: str, words: str) -> None:
    change = BY_NAME[name].pod
    assert change is not None
    assert change.words == words
    assert BY_NAME[name].request(SCENE).words == "http://docs.redhat.com/"


def test_codes_and_names_are_unique_and_every_row_says_what_it_is() -> None:
    rows = attempts().values()
    assert len({each.name for each in rows}) == len(rows) == 19
    assert list(attempts()) == sorted(attempts())
    for each in rows:
        assert each.title
        assert each.title[0].islower() or each.title.startswith(("HTTP", "TLS"))
        assert each.tries.endswith(".")
        assert each.closed_by.endswith(".")
        assert (each.control is PositiveControl.SAME_POD) == (each.pod is not None)


def test_what_needs_more_rights_is_made_only_if_it_is_named() -> None:
    assert named_attempts() == ("uid-1337", "host-network")
    for name in named_attempts():
        assert (
            not_tried(BY_NAME[name], SCENE, frozenset()) == f"it needs more permissions; --bypass-with {name} adds it"
        )
        assert not_tried(BY_NAME[name], SCENE, frozenset({name})) == ""


# One row: the attempt, where it is, and why it is not tried.
@pytest.mark.parametrize(
    ("name", "scene", "why"),
    [
        ("address", SCENE, ""),
        ("address", replace(SCENE, outside=""), ""),
        ("address-with-host", replace(SCENE, target=Target("a", 1, Scheme.TCP)), "the host is probed over bare TCP"),
        ("http3", replace(SCENE, features=frozenset({"http"})), "the source's curl has no HTTP/3"),
        ("http3", replace(SCENE, features=frozenset({"http3"})), ""),
        (
            "udp",
            replace(SCENE, features=frozenset({"http"})),
            "the source's curl has no TFTP, the only UDP protocol that fits",
        ),
        # What curl can do is not known: then it is no reason.
        ("http3", SCENE, ""),
        ("udp", SCENE, ""),
        ("udp", replace(SCENE, features=frozenset({"tftp"})), ""),
        ("ipv6", SCENE, "the pod has no IPv6 address"),
        ("ipv6", replace(SCENE, addresses=("10.0.0.5", "2001:db8::5")), ""),
        ("other-gateway", SCENE, "every gateway and waypoint of the mesh is on the expected way"),
        ("other-gateway", replace(SCENE, other=OTHER), ""),
        ("inject-false", SCENE, ""),
        ("inject-false", replace(SCENE, mode=DataplaneMode.AMBIENT), "the source is not in sidecar mode"),
        ("ambient-opt-out", SCENE, "the source is not in ambient mode"),
        ("address", replace(SCENE, mode=DataplaneMode.NONE), "the source is not in ambient or sidecar mode"),
    ],
)
def test_why_an_attempt_makes_no_sense(name: str, scene: Scene, why: str) -> None:
    assert not_tried(BY_NAME[name], scene, frozenset()) == why


def test_what_needs_an_address_says_so() -> None:
    for each in attempts().values():
        asked = each.request(replace(SCENE, other=OTHER))
        assert (IP in (asked.url or asked.target.url)) <= (Need.ADDRESS in each.needs)


def test_udp_is_what_the_mesh_does_not_capture() -> None:
    assert {each.name for each in attempts().values() if each.transport is Transport.UDP} == {"http3", "udp"}
