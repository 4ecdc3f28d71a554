"""Without the compiled module every report is the same, byte for byte; a person is told once that it takes longer."""

from __future__ import annotations

import json
import sys
from contextlib import chdir
from datetime import UTC, datetime

import pytest
from support.lanes import compiled
from support.tools import ROOT

from egressaudit.cli import run
from egressaudit.compiled_module import OFF, missing
from egressaudit.hops.tables import HopTable, TimedLogEnd, hop_tables
from egressaudit.mesh import Mesh
from egressaudit.pipeline.audit import audit_window
from egressaudit.pipeline.joined_logs import AuditSettings
from egressaudit.report import render
from egressaudit.sources import Sources

SAMPLES = ROOT / "sample_logs"
EVERY_SAMPLE = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
NOTICE = "reading line by line"


def both_ways(monkeypatch, made):
    """What is made with the compiled module, and without it."""
    monkeypatch.delenv(OFF, raising=False)
    assert not missing()
    fast = made()
    monkeypatch.setenv(OFF, "off")
    assert missing()
    return fast, made()


@compiled
@pytest.mark.parametrize("sample", EVERY_SAMPLE)
def test_every_sample_gives_the_same_report_without_the_module(monkeypatch, sample):
    mesh = Mesh.from_json(json.loads((SAMPLES / sample / "mesh.json").read_text("utf-8")))
    # Most samples have too few lines for a window of their own.
    ends = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2040, 1, 1, tzinfo=UTC)}

    def report():
        with chdir(SAMPLES):
            return render(audit_window((sample,), mesh, AuditSettings(**ends)), "json")

    fast, slow = both_ways(monkeypatch, report)
    assert fast == slow


@compiled
def test_every_row_and_count_of_the_samples_is_the_same_without_the_module(monkeypatch):
    def read():
        events = list(hop_tables(Sources([str(SAMPLES)]), in_order=True))
        rows = [row for each in events if isinstance(each, HopTable) for row in each.table.to_pylist()]
        return rows, [
            (each.origin.path, each.count, each.first, each.last) for each in events if isinstance(each, TimedLogEnd)
        ]

    fast, slow = both_ways(monkeypatch, read)
    assert fast == slow
    assert len(fast[0]) > 100


@pytest.fixture
def without_the_module(monkeypatch):
    """A package in which the module was not built."""
    monkeypatch.delenv(OFF, raising=False)
    monkeypatch.setitem(sys.modules, "egressaudit._lanes", None)


def audited(*more):
    sample = SAMPLES / "whole-mesh"
    return run(["audit", str(sample), "--policy", str(sample / "policy.yaml"), *more])


@pytest.mark.usefixtures("without_the_module")
def test_a_module_that_was_not_built_is_said_once_and_never_in_a_report(capsys):
    assert audited() == 10
    out, err = capsys.readouterr()
    assert err.count(NOTICE) == 1
    assert NOTICE not in out


@pytest.mark.usefixtures("without_the_module")
def test_parse_says_it_where_it_reads_in_blocks_and_only_there(capsysbinary):
    for output, said in (("parquet", 1), ("csv", 0)):
        assert run(["parse", str(SAMPLES / "noisy"), "-o", output]) == 0
        assert capsysbinary.readouterr().err.decode().count(NOTICE) == said


@pytest.mark.usefixtures("without_the_module")
def test_it_is_not_said_to_who_wants_quiet_nor_by_verify(capsys):
    assert audited("--quiet") == 10
    run(["verify", "--replay", str(SAMPLES / "istio-apis")])
    assert NOTICE not in capsys.readouterr().err


@compiled
def test_with_the_module_nothing_is_said(capsys, monkeypatch):
    monkeypatch.delenv(OFF, raising=False)
    assert audited() == 10
    assert NOTICE not in capsys.readouterr().err
