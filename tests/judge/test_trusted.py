"""Who could have changed the evidence: reports name the proxies that they rest on, and whose writers they believe."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from support.mesh import AMBIENT, BARE, READ, Manifest, but, deployed, pod
from support.probes import sidecar as sidecar_hop
from support.reports import AROUND, CLEAN, PASSED, TAKEN, text_of
from support.tools import SAMPLES

from egressaudit.findings.trust_notes import trusted_for_window
from egressaudit.mesh import Mesh, Trust, TrustedProxy
from egressaudit.mesh.tampering import Relied, trusted
from egressaudit.model import (
    Confidence,
    Coverage,
    DataplaneMode,
    Evidence,
    FlowGroup,
    Judged,
    ObjectRef,
    Outcome,
    Path,
    Reporter,
    SourceCoverage,
    VerifyReport,
)
from egressaudit.pipeline.replay import audit

BELIEVED = "egress gateway egress/gw is believed because Deployment/gw asks for gateway injection"
NAMED = "egress gateway egress/gw is believed because the policy, --trust or --expect names it"
WRITERS = "whoever may write workloads in namespace egress could have changed its log"
GW = f"{BELIEVED}; {WRITERS}"
WAYPOINT = f"waypoint egress/waypoint is believed because istiod made it for Gateway egress/waypoint; {WRITERS}"
ADMINISTRATORS = "whoever administers namespace ztunnel or the nodes could have changed its log"
ZTUNNEL = f"ztunnel ztunnel/ztunnel is believed because it belongs to DaemonSet/ztunnel in namespace ztunnel; {ADMINISTRATORS}"  # noqa: E501  a sentence that is compared whole
OWN = "; that is the namespace of the workload itself"
SIDECAR = (
    "a sidecar's log speaks for its own pod alone; "
    "whoever may write pods in namespace curl, or run commands in them, could have changed it"
)
SIDECARS = (
    "a sidecar's log speaks for its own pod alone; "
    "whoever may write pods in the namespace of that pod, or run commands in them, could have changed it"
)
SECOND = pod(
    "egress/gw-2",
    "10.0.0.19",
    "istio-proxy",
    owner="ReplicaSet/gw-5d8f",
    labels={"istio": "gw"},
    annotations={"inject.istio.io/templates": "gateway"},
)


def said(
    relied: dict[str, Iterable[str]],
    objects: Iterable[Manifest] = AMBIENT,
    trust: Trust | None = None,
    read: Iterable[str] = READ,
) -> tuple[str, ...]:
    """The sentences about these pods (`namespace/name`), each with the namespaces of those who sent."""
    pods = {ObjectRef(*name.split("/")): frozenset(senders) for name, senders in relied.items()}
    return trusted(Mesh.of(objects, read, trust), Relied(pods))


@pytest.mark.parametrize(
    ("relied", "sentences"),
    [
        ({"egress/gw-1": ["curl"]}, (GW,)),
        ({"egress/gw-1": ["egress"]}, (GW + OWN,)),
        (
            {"egress/gw-1": ["curl", "egress"]},
            (f"{GW}; some of the workloads that sent through it are in that namespace themselves",),
        ),
        # Nobody knows who sent.
        ({"egress/gw-1": []}, (GW,)),
        ({"egress/waypoint-1": ["amb"]}, (WAYPOINT,)),
        ({"egress/waypoint-1": ["egress"]}, (WAYPOINT + OWN,)),
        ({"ztunnel/ztunnel-1": ["amb"]}, (ZTUNNEL,)),
        ({"ztunnel/ztunnel-1": ["ztunnel"]}, (ZTUNNEL + OWN,)),
        (
            {"ztunnel/ztunnel-1": ["amb", "ztunnel"]},
            (f"{ZTUNNEL}; some of the workloads whose traffic it carried are in that namespace themselves",),
        ),
        (
            {"ztunnel/ztunnel-1": ["amb"], "egress/waypoint-1": ["amb"], "egress/gw-1": ["amb"]},
            (GW, WAYPOINT, ZTUNNEL),
        ),
        # A pod of no proxy, a sidecar's, one that is not in the snapshot.
        ({"amb/app-1": ["amb"], "curl/curl-1": ["curl"], "egress/gone-1": ["curl"]}, ()),
        ({}, ()),
    ],
)
def test_each_proxy_has_one_sentence(relied: dict[str, Iterable[str]], sentences: tuple[str, ...]) -> None:
    assert said(relied) == sentences


def test_the_pods_of_one_workload_share_a_sentence_and_their_senders_are_put_together() -> None:
    both = {"egress/gw-1": ["curl"], "egress/gw-2": ["egress"]}
    assert said(both, [*BARE, SECOND]) == (
        f"{GW}; some of the workloads that sent through it are in that namespace themselves",
    )


@pytest.mark.parametrize(
    ("trust", "pod_name", "sentence"),
    [
        (Trust(gateways=(TrustedProxy("egress", "gw"),)), "egress/gw-1", f"{NAMED}; {WRITERS}"),
        (Trust(named_gateways=frozenset({ObjectRef("egress", "gw")})), "egress/gw-1", f"{NAMED}; {WRITERS}"),
        (
            Trust(waypoints=(TrustedProxy("egress", "waypoint"),)),
            "egress/waypoint-1",
            f"waypoint egress/waypoint is believed because the policy, --trust or --expect names it; {WRITERS}",
        ),
        (
            Trust(ztunnels=(TrustedProxy("ztunnel"),)),
            "ztunnel/ztunnel-1",
            f"ztunnel ztunnel/ztunnel is believed because the policy or --trust names it; {ADMINISTRATORS}",
        ),
    ],
)
def test_who_is_named_is_believed_for_that(trust: Trust, pod_name: str, sentence: str) -> None:
    assert said({pod_name: ["curl"]}, trust=trust) == (sentence,)


def test_a_proxy_beside_one_that_is_named_says_so() -> None:
    plain = deployed("egress/plain", "10.0.0.20", labels={"istio": "plain"})
    trust = Trust(named_gateways=frozenset({ObjectRef("egress", "gw")}))
    believed = "egress gateway egress/plain is believed because it belongs to Deployment/plain in namespace egress"
    [sentence] = said({"egress/plain-1": ["curl"]}, [*BARE, *plain], trust)
    assert sentence == f"{believed}, where a gateway or the control plane is trusted; {WRITERS}"


def test_what_could_not_be_checked_of_a_proof_is_in_the_sentence() -> None:
    unread = READ - {"apps/Deployment"}
    assert said({"egress/gw-1": ["curl"]}, but(BARE, "Deployment egress/gw"), read=unread) == (
        f"{BELIEVED}, but Deployments were not read: that gw is one is what its pods say; {WRITERS}",
    )


def test_a_role_without_proof_has_no_sentence() -> None:
    claims = pod("evil/x-1", "10.0.5.7", "istio-proxy", owner="StatefulSet/x", labels={"istio": "gw"})
    assert said({"evil/x-1": ["curl"]}, [*BARE, claims]) == ()


@pytest.mark.parametrize(
    ("namespaces", "sentences"), [(["curl"], (SIDECAR,)), (["curl", "shop"], (SIDECARS,)), ([], ())]
)
def test_sidecars_share_a_sentence(namespaces: list[str], sentences: tuple[str, ...]) -> None:
    assert trusted(Mesh.of(BARE, READ), Relied(sidecars=frozenset(namespaces))) == sentences


# ---------------------------------------------------------------- verify


@pytest.mark.parametrize(
    ("sample", "starts"),
    [
        ("istio-apis", ["a sidecar's log", "egress gateway egress-gateway/egressgateway"]),
        ("ambient", ["waypoint egress-gateway/waypoint", "ztunnel ztunnel/ztunnel"]),
        # It went around the gateway: the gateway's log proves nothing here.
        ("mesh-gateway-missing", ["a sidecar's log"]),
        ("waypoint-ignored", ["ztunnel ztunnel/ztunnel"]),
        # No line was used, or none is clean.
        ("no-sidecar", []),
    ],
)
def test_verify_names_the_proxies_whose_lines_are_the_proof(sample: str, starts: list[str]) -> None:
    found = audit(SAMPLES / sample).trusted
    assert [sentence.startswith(start) for sentence, start in zip(found, starts, strict=True)] == [True] * len(starts)


def test_verify_says_that_the_sender_shares_its_namespace_with_the_gateway() -> None:
    [_, gateway] = audit(SAMPLES / "gateway-api").trusted
    assert gateway.endswith(
        "namespace egress-gateway could have changed its log; that is the namespace of the workload itself"
    )


def test_the_text_report_of_verify_says_it_with_the_evidence() -> None:
    report = VerifyReport((), {}, {}, notes=("a note",), trusted=(GW,))
    short, whole = (text_of(report, "text", width=300, verbose=verbose).splitlines() for verbose in (False, True))
    assert f"trusted: {GW}" in whole
    assert f"trusted: {GW}" not in short
    assert "note: a note" in short


# ---------------------------------------------------------------- audit of a window

JOINED = replace(TAKEN, namespace="curl", via=(ObjectRef("egress", "gw"),))
TUNNELLED = replace(
    JOINED,
    namespace="amb",
    mode=DataplaneMode.AMBIENT,
    path=Path.VIA_WAYPOINT,
    via=(ObjectRef("egress", "waypoint"),),
    confidence=Confidence.MATCHED,
)
REPORTED = replace(JOINED, confidence=Confidence.REPORTED)
BY_SIDECAR = replace(
    AROUND, namespace="curl", evidence=(Evidence("curl/curl-1/istio-proxy", 1, sidecar_hop().line.text, "source"),)
)
BY_ZTUNNEL = replace(
    AROUND,
    namespace="amb",
    mode=DataplaneMode.AMBIENT,
    evidence=(Evidence("ztunnel/ztunnel-1/istio-proxy", 1, "", "source"),),
)


def for_window(*groups: FlowGroup, outcome: Outcome | None = Outcome.PASS) -> tuple[str, ...]:
    """The sentences of a window in which these groups had this outcome."""
    sources = tuple(
        SourceCoverage(name, reporter, expected=True, read=True)
        for name, reporter in (
            ("curl/curl-1/istio-proxy", Reporter.SIDECAR),
            ("ztunnel/ztunnel-1/istio-proxy", Reporter.ZTUNNEL),
            ("egress/gw-1/istio-proxy", Reporter.EGRESS_GATEWAY),
        )
    )
    judged = [Judged(group, PASSED.decision, outcome, "It is so.") for group in groups]
    return trusted_for_window(judged, Coverage(sources), Mesh.of(AMBIENT, READ))


@pytest.mark.parametrize(
    ("groups", "sentences"),
    [
        ([JOINED], (SIDECAR, GW)),
        ([replace(JOINED, namespace="egress")], (SIDECAR.replace("curl", "egress"), GW + OWN)),
        ([TUNNELLED], (WAYPOINT, ZTUNNEL)),
        ([JOINED, TUNNELLED], (SIDECAR, GW, WAYPOINT, ZTUNNEL)),
        ([replace(TUNNELLED, via=(*TUNNELLED.via, *JOINED.via))], (GW, WAYPOINT, ZTUNNEL)),
        # One line is all that there is: of the sidecar, of a ztunnel, of the gateway that refused it.
        ([BY_SIDECAR], (SIDECAR,)),
        ([BY_ZTUNNEL], (ZTUNNEL,)),
        ([replace(REPORTED, path=Path.BLOCKED)], (GW,)),
        # No pod of the snapshot owns the source address.
        ([replace(REPORTED, path=Path.BLOCKED, namespace="", workload="")], (GW,)),
        ([], ()),
    ],
)
def test_a_window_names_the_proxies_that_a_pass_rests_on(groups: list[FlowGroup], sentences: tuple[str, ...]) -> None:
    assert for_window(*groups) == sentences


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INCONCLUSIVE, None])
def test_a_window_names_no_proxy_for_what_is_no_pass(outcome: Outcome | None) -> None:
    assert for_window(JOINED, TUNNELLED, BY_SIDECAR, outcome=outcome) == ()


@pytest.mark.parametrize(("output_format", "title"), [("text", "TRUSTED FOR"), ("markdown", "## Trusted for")])
def test_reports_for_people_show_twenty_sentences_and_say_how_many_more_there_are(
    output_format: str, title: str
) -> None:
    sentences = tuple(f"waypoint w{number:02}" for number in range(25))
    rendered = text_of(replace(CLEAN, trusted=sentences), output_format).replace("`", "")
    assert f"{title} what passed (25)".upper() in rendered.upper()
    assert [each in rendered for each in sentences] == [True] * 20 + [False] * 5
    assert "- and 5 more, all in -o json" in rendered
    assert "more" not in text_of(replace(CLEAN, trusted=sentences[:20]), output_format)
    assert title not in text_of(CLEAN, output_format)


def test_json_has_all_sentences() -> None:
    sentences = tuple(f"waypoint w{number:02}" for number in range(25))
    assert json.loads(text_of(replace(CLEAN, trusted=sentences), "json"))["trusted"] == list(sentences)
    assert json.loads(text_of(VerifyReport((), {}, {}, trusted=sentences), "json"))["trusted"] == list(sentences)


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_names_in_the_sentences_are_harmless_in_the_report_of_verify(output_format: str) -> None:
    rendered = text_of(VerifyReport((), {}, {}, trusted=("gw\x1b[2J\u202e\nnote: all is well",)), output_format)
    assert "\x1b" not in rendered
    assert "\u202e" not in rendered
    assert not any(line.startswith("note:") for line in rendered.splitlines())
