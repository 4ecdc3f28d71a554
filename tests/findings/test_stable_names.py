"""Replaced pods have other names; what a fingerprint is made of stays."""

from __future__ import annotations

import pytest

from egressaudit.findings.stable_names import owners_of, stable_name, stable_workload
from egressaudit.model import Pod

OWNERS = owners_of(
    [
        Pod("shop", "cart-5d4f7c9b6d-x2x8q", (), owner="Deployment/cart"),
        Pod("shop", "backup-29384756-k4k4k", (), owner="Job/backup-29384756"),
        Pod("shop", "lonely", ()),
    ]
)

ROWS = """
    shop/cart-5d4f7c9b6d-x2x8q                  shop/Deployment/cart
    shop/cart-5d4f7c9b6d-x2x8q/istio-proxy      shop/Deployment/cart/istio-proxy
    shop/backup-29384756-k4k4k/istio-proxy      shop/Job/backup/istio-proxy
    shop/lonely                                 shop/Pod/lonely
    gone/batch-x95fcpjrv6-fhmxl/istio-proxy     gone/batch/istio-proxy
    gone/agent-fhmxl/istio-proxy.log            gone/agent/istio-proxy.log
    gone/db-0/istio-proxy                       gone/db/istio-proxy
    gone/web/istio-proxy                        gone/web/istio-proxy
    egress/gw                                   egress/gw
    egress/gw-fhmxl                             egress/gw-fhmxl
    window                                      window
    shop/Deployment/cart                        shop/Deployment/cart
"""


@pytest.mark.parametrize(("name", "stable"), [row.split() for row in ROWS.strip().splitlines()])
def test_the_stable_name(name: str, stable: str) -> None:
    assert stable_name(name, OWNERS) == stable


def test_only_a_cron_jobs_job_loses_its_time() -> None:
    assert stable_workload("Job/backup-29384756") == "Job/backup"
    assert stable_workload("Job/backup-2938") == "Job/backup-2938"
    assert stable_workload("Deployment/backup-29384756") == "Deployment/backup-29384756"
