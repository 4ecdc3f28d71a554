"""`lab run` and `lab list`, as processes: exit codes, signals, nothing left behind; lab.yaml and its errors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from egressaudit.errors import LabError, NotFound
from egressaudit_lab.addresses import AddressBook
from egressaudit_lab.commands import lab_list
from egressaudit_lab.pods.capture import Wiring, free_curl, wired_curl
from egressaudit_lab.proxies.envoy_config import Destination
from egressaudit_lab.scenario import load_scenario, scenario_names
from egressaudit_lab.skew import shifted

_RUN = "import sys; from egressaudit_lab.commands import lab_run; sys.exit(lab_run(sys.argv[1], sys.argv[2:]))"

PLACE = Destination("docs.redhat.com", 80, "127.1.2.180", 10080, 15100)


def start(tmp_path: Path, scenario: str, *command: str) -> subprocess.Popen[str]:
    """A lab in a process of its own, with its temporary folder below tmp_path."""
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, scenario, *command],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_of(folder: Path) -> list[str]:
    """The processes whose command line names the folder, or whose KUBECONFIG is in it."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (each / "cmdline").read_bytes():
                found.append(each.name)
        except OSError:
            continue
    return found


def none_left(folder: Path) -> bool:
    deadline = time.monotonic() + 5
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not processes_of(folder)


@pytest.mark.e2e
def test_the_commands_exit_code_is_ours_and_kubeconfig_is_set(tmp_path: Path) -> None:
    lab = start(tmp_path, "istio-apis", "sh", "-c", "head -1 $KUBECONFIG; exit 7")
    out, err = lab.communicate(timeout=30)
    assert (lab.returncode, err) == (7, "")
    assert out == "apiVersion: v1\n"
    assert list(tmp_path.iterdir()) == []
    assert none_left(tmp_path)


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_to_the_command(tmp_path: Path, number: signal.Signals) -> None:
    script = f"trap 'echo caught; exit 9' {number.name[3:]}; echo up; while :; do sleep 0.1; done"
    lab = start(tmp_path, "istio-apis", "sh", "-c", script)
    assert lab.stdout
    assert lab.stdout.readline() == "up\n"
    lab.send_signal(number)
    out, err = lab.communicate(timeout=30)
    assert (lab.returncode, out, err) == (9, "caught\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_command_it_says_what_to_export_and_stays_until_interrupted(
    tmp_path: Path, number: signal.Signals
) -> None:
    lab = start(tmp_path, "tls-passthrough")
    assert lab.stdout
    export = lab.stdout.readline()
    assert export.startswith(f"export KUBECONFIG={tmp_path}/")
    assert lab.stdout.readline() == (
        "egressaudit verify --host docs.redhat.com --scheme https --from deploy/curl -n curl\n"
    )
    kubeconfig = export.split()[1].partition("=")[2]
    assert Path(kubeconfig).stat().st_mode & 0o777 == 0o600
    lab.send_signal(number)
    _, err = lab.communicate(timeout=30)
    assert (lab.returncode, err) == (128 + number, "")
    assert list(tmp_path.iterdir()) == []
    assert none_left(tmp_path)


@pytest.mark.e2e
def test_a_signal_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    lab = start(tmp_path, "noisy", "true")
    while not any(tmp_path.iterdir()):
        time.sleep(0.01)
    lab.terminate()
    _, err = lab.communicate(timeout=30)
    assert (lab.returncode, err) == (143, "")
    assert list(tmp_path.iterdir()) == []
    assert none_left(tmp_path)


@pytest.mark.e2e
def test_no_process_survives_a_killed_lab(tmp_path: Path) -> None:
    lab = start(tmp_path, "istio-apis")
    assert lab.stdout
    lab.stdout.readline()
    assert len(processes_of(tmp_path)) == 2  # sidecar and gateway
    lab.kill()
    lab.communicate(timeout=30)
    assert none_left(tmp_path)


@pytest.mark.e2e
def test_it_starts_in_well_under_ten_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    lab = start(tmp_path, "istio-apis", "true")
    lab.communicate(timeout=30)
    assert lab.returncode == 0
    assert time.monotonic() - started < 10


def test_an_unknown_scenario_or_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no scenario 'nothing'") as caught:
        load_scenario("nothing")
    assert "istio-apis" in caught.value.hint
    lab = start(tmp_path, "istio-apis", "no-such-command")
    _, err = lab.communicate(timeout=30)
    assert "there is no command 'no-such-command'" in err


def test_the_list_gives_each_scenario_with_how_to_verify_it() -> None:
    rows = json.loads(lab_list("json"))
    assert [each["name"] for each in rows] == list(scenario_names())
    for each in rows:
        assert list(each) == ["name", "shows", "verify", "expect", "audit", "policy"]
        assert each["shows"].endswith(".")
        assert each["verify"][0] == "--host"
        worst = {v["outcome"] for v in each["expect"]["verdicts"]}
        if "--bypass" not in each["verify"]:
            assert each["expect"]["exit"] == (10 if "FAIL" in worst else 3 if "INCONCLUSIVE" in worst else 0)
    assert "egressaudit verify --host docs.redhat.com --from deploy/curl -n curl" in lab_list()


# One row: what is written over in istio-apis' lab.yaml, and what the error must say.
@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ("shows:", "show:", "unknown key 'show'"),
        ("port: 80, serves", "port: '80', serves", r"hosts\[0\].ports\[0\].port: expected int, got str '80'"),
        ("port: 80, serves", "port: true, serves", r"port: expected int, got bool True"),
        ("serves: http", "serves: gopher", "'gopher' is none of http, https, tcp, tftp, nothing"),
        ("verify: [", "verify: x #[", "verify: expected a list, got str 'x'"),
        ("kind: gateway", "kind: gateway\n    colour: red", r"proxies\[0\]: unknown key 'colour'"),
        ("exit: 0", "# exit: 0", "expect: 'exit' is missing"),
        ("gateway: egress-gateway/egressgateway", "gateway: other/gateway", "other/gateway, which is not in `proxies`"),
        ("{port: 80, serves: http}", "{port: 81, serves: http}", "no such port in `hosts`"),
        ("shows:", "shows: [", "while parsing"),
    ],
)
def test_a_wrong_lab_yaml_is_told_where(tmp_path: Path, before: str, after: str, error: str) -> None:
    import egressaudit_lab

    folder = tmp_path / "mine"
    shutil.copytree(Path(egressaudit_lab.__file__).parent / "scenarios" / "istio-apis", folder)
    text = (folder / "lab.yaml").read_text()
    assert before in text
    (folder / "lab.yaml").write_text(text.replace(before, after, 1))
    with pytest.raises(LabError, match=error) as caught:
        load_scenario(str(folder))
    assert str(folder / "lab.yaml") in caught.value.message


def test_curl_meets_the_proxy_of_its_pod_whatever_its_arguments_order() -> None:
    ours = ["--interface", "127.1.2.11", "--noproxy", "*"]
    nobody = ["--connect-to", "::127.1.2.254:9"]
    wiring = Wiring("127.1.2.11", {("docs.redhat.com", 80): ("127.1.2.11", 15100)}, "127.1.2.254")
    captured = wired_curl("/usr/bin/curl", ["curl", "-q", "http://docs.redhat.com", "-v"], wiring)
    to_proxy = ["--connect-to", "docs.redhat.com:80:127.1.2.11:15100"]
    assert captured == ["/usr/bin/curl", "-q", *ours, *to_proxy, *nobody, "http://docs.redhat.com", "-v"]
    free = free_curl("/usr/bin/curl", ["curl", "http://docs.redhat.com"], "127.1.2.11", [PLACE], "127.1.2.254")
    straight = ["--connect-to", "docs.redhat.com:80:127.1.2.180:10080"]
    assert free == ["/usr/bin/curl", *ours, *straight, *nobody, "http://docs.redhat.com"]


WIRING = Wiring(
    "127.1.2.11",
    {
        ("docs.redhat.com", 80): ("127.1.2.11", 15100),
        ("127.1.2.180", 443): ("127.1.2.11", 15101),
        ("127.1.2.10", 8080): ("127.1.2.10", 8080),
    },
    "127.1.2.254",
)
OURS = ["--interface", "127.1.2.11", "--noproxy", "*"]
WIRED = [
    *("--connect-to", "docs.redhat.com:80:127.1.2.11:15100"),
    *("--connect-to", "127.1.2.180:443:127.1.2.11:15101"),
    *("--connect-to", "127.1.2.10:8080:127.1.2.10:8080"),
    *("--connect-to", "::127.1.2.254:9"),
]


def test_every_transfer_of_one_command_is_wired() -> None:
    made = wired_curl(
        "/c", ["curl", "-q", "--parallel", "-o", "a", "http://b", "--next", "-o", "c", "http://d"], WIRING
    )
    first, second = [*OURS, *WIRED, "--parallel", "-o", "a", "http://b"], [*OURS, *WIRED, "-o", "c", "http://d"]
    assert made == ["/c", "-q", *first, "--next", *second]


def test_where_a_command_connects_by_itself_is_translated_and_comes_first() -> None:
    made = wired_curl("/c", ["curl", "--connect-to", "odd.invalid:443:127.1.2.180:443", "https://odd.invalid"], WIRING)
    own = ["--connect-to", "odd.invalid:443:127.1.2.11:15101"]
    assert made == ["/c", *OURS, *own, *WIRED, *own, "https://odd.invalid"]
    nowhere = wired_curl("/c", ["curl", "--connect-to", "a:1:192.0.2.1:2", "http://a:1"], WIRING)
    assert nowhere[nowhere.index("a:1:127.1.2.254:9") - 1] == "--connect-to"


def test_a_forward_proxy_is_where_curl_connects_to_and_makes_no_tunnel_of_it() -> None:
    asked = ["curl", "--noproxy", "", "--proxy", "http://docs.redhat.com:80", "http://docs.redhat.com/"]
    there = ["--noproxy", "", "--proxy", "http://127.1.2.11:15100", "http://docs.redhat.com/"]
    assert wired_curl("/c", asked, WIRING) == ["/c", *OURS, *there]


def test_addresses_are_reserved_leased_and_given_back() -> None:
    book = AddressBook()
    other = AddressBook()
    try:
        book.reserve("a/gateway", 2)
        one, two = book.endpoints("a/gateway")
        assert [book.lease("a/gateway"), book.lease("a/gateway")] == [one, two]
        third = book.lease("a/gateway")
        assert third not in (one, two)
        book.release(one)
        assert book.lease("a/gateway") == one
        assert book.host("x") == book.host("x") != book.host("y")
        assert book.port(80) >= 10080
        assert not one.startswith(other.nobody.rpartition(".")[0] + ".")
    finally:
        book.close()
        other.close()


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        (b'[2026-01-01T00:00:59.500Z] "GET', b'[2026-01-01T00:01:01.000Z] "GET'),
        (b"2026-01-01T00:00:00.000001Z\tinfo\tx", b"2026-01-01T00:00:01.500001Z\tinfo\tx"),
        (b'{"a":1,"start_time":"2026-01-01T00:00:00.000Z"}', b'{"a":1,"start_time":"2026-01-01T00:00:01.500Z"}'),
        (b"no time 2026-01-01T00:00:00.000Z", b"no time 2026-01-01T00:00:00.000Z"),
        (b"\xff\xfe", b"\xff\xfe"),
    ],
)
def test_a_skewed_clock_moves_only_the_lines_own_time(line: bytes, moved: bytes) -> None:
    assert shifted(1.5)(line) == moved
    assert shifted(0)(line) == line
