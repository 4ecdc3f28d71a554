"""`bypass.json`: what was tried, written and read again; whatever else it holds is an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.probes import SOURCE, probe

from egressaudit.errors import BadLogs
from egressaudit.evidence.batteries_file import load_batteries, save_batteries
from egressaudit.model import Battery, Scheme, Target, Tried

BATTERY = Battery(
    target=Target("docs.redhat.com", 80, Scheme.HTTP, "/a"),
    source=SOURCE,
    control=probe().nonce,
    tried=(
        Tried("EB01", asked="http://203.0.113.7/", dialled="203.0.113.7:80", nonce=probe().nonce, control="c" * 16),
        Tried("EB21", refused="denied\x1b[31m request"),
        Tried("EB22", failed="no"),
        Tried("EB05", not_tried="no HTTP/3"),
    ),
    probes=(probe(),),
    admitted="curl/egressaudit-probe-1",
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert load_batteries(tmp_path, "hint") == ()
    save_batteries((BATTERY, BATTERY), tmp_path)
    assert load_batteries(tmp_path, "hint") == (BATTERY, BATTERY)


def changed(tmp_path: Path, *path: str | int, to: Any) -> None:
    save_batteries((BATTERY,), tmp_path)
    file = tmp_path / "bypass.json"
    document = json.loads(file.read_text())
    place = document
    for each in path[:-1]:
        place = place[each]
    place[path[-1]] = to
    file.write_text(json.dumps(document))


# One row: where the file is changed, and to what.
@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("schema_version",), 2),
        (("batteries",), 7),
        (("batteries", 0), "x"),
        (("batteries", 0, "source"), "curl"),
        (("batteries", 0, "target", "port"), 0),
        (("batteries", 0, "target", "port"), True),
        (("batteries", 0, "target", "scheme"), "gopher"),
        (("batteries", 0, "control"), None),
        (("batteries", 0, "tried", 0), {"code": "EB01"}),
        (("batteries", 0, "tried", 0, "refused"), 7),
        (("batteries", 0, "probes", 0, "nonce"), ""),
    ],
)
def test_what_is_not_ours_is_an_error(path: tuple[str | int, ...], to: Any, tmp_path: Path) -> None:
    changed(tmp_path, *path, to=to)
    with pytest.raises(BadLogs, match=r"bypass\.json"):
        load_batteries(tmp_path, "hint")
