"""The program's place follows from its sources. A case that ends it costs only itself."""

import stat

from istiod import program
from istiod.program import Program, binary

ENDS = """#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    case = json.loads(line)
    if case["id"] == "bad":
        sys.exit(2)
    print(json.dumps({"id": case["id"]}), flush=True)
"""


def test_another_source_is_another_program(tmp_path, monkeypatch):
    for name in ("main.go", "go.mod", "go.sum"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(program, "SOURCES", tmp_path)
    before = binary()
    assert before == binary()
    (tmp_path / "main.go").write_text("package main")
    assert binary() != before


def test_a_case_that_ends_the_program_costs_only_itself(tmp_path):
    path = tmp_path / "oracle"
    path.write_text(ENDS)
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    with Program(path) as running:
        answers = [answer for _, answer in running.ask_all({"id": each} for each in ("a", "bad", "b"))]
    assert answers == [{"id": "a"}, {"id": "bad", "error": "the program ended"}, {"id": "b"}]
