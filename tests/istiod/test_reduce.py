"""What remains of a case is what its disagreement needs."""

from istiod.compare import disagreements
from istiod.objects import named, obj
from istiod.reduce import AGAIN, held, reduced
from istiod.test_compare import CASE, ENTRY, PROXY, answer, to

OTHER = obj("Sidecar", "other/default", {"egress": [{"hosts": ["./*"]}]})
SECOND = {**PROXY["calls"][0], "host": "other.test"}


def test_objects_and_calls_that_do_not_matter_go():
    """This istiod knows another cluster for the host, as long as it has its ServiceEntry."""

    def ask(case):
        known = any(named(each) == named(ENTRY) for each in case["objects"])
        [proxy] = case["proxies"]
        passed = {"act": "passthrough", "route": "allow_any"}
        [said] = answer(clusters=[to("other")])["proxies"][0]["answers"]
        [unknown] = answer(**passed)["proxies"][0]["answers"]
        answers = [said if known and call["host"] == "docs.example.com" else unknown for call in proxy["calls"]]
        return {"id": "1/1", "proxies": [{"namespace": "app", "name": "curl-1", "answers": answers}]}

    case = {**CASE, "objects": [*CASE["objects"], OTHER], "proxies": [{**PROXY, "calls": [SECOND, *PROXY["calls"]]}]}
    wanted, *others = disagreements(case, ask(case))
    assert not others
    small = reduced(case, wanted, ask)
    assert [named(each) for each in small["objects"]] == ["Pod app/curl-1", "ServiceEntry app/docs"]
    assert [call["host"] for call in small["proxies"][0]["calls"]] == ["docs.example.com"]


def test_a_disagreement_stays_one_only_if_istiod_says_it_each_time():
    """The model sends to the host's own cluster; this istiod says so at the third time, or never."""
    own, other = answer(clusters=[to("outbound|80||docs.example.com")]), answer(clusters=[to("other")])
    for said in ([other, own], [other] * AGAIN):
        answers = iter(said)
        found = held(CASE, other, lambda _, answers=answers: next(answers))
        assert (found is None) == (own in said)
    assert [each.istiod for each in found] == [each.istiod for each in disagreements(CASE, other)]
    assert held(CASE, own, None) == []
