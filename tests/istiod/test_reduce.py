"""What remains of a case is what its disagreement needs."""

import pytest

pytest.importorskip("egressaudit.mesh.routes.waypoint_step")
pytest.importorskip("egressaudit.mesh.routes.gateway")

from istiod.compare import disagreements
from istiod.objects import named, obj
from istiod.reduce import reduced
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
