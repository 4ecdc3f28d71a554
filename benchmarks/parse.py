"""Logs to hops at volume: the compiled lane against DuckDB, a compiled regex, the line parser and GoAccess, as ratios.

All read the same generated files in one run, taking turns, best of ROUNDS, each in a process of its own that has
loaded its libraries before the clock starts. What takes lines one by one takes the first of them.

    python benchmarks/parse.py [LINES] [long]      LINES of each log (2 million); `long` also reads five times as many
"""

from __future__ import annotations

import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROUNDS = 3
SAMPLES = {"careful": 20_000, "regex": 20_000, "grammar": 1_000}
"""How many lines are read by what takes them one by one."""
NEEDED = (
    "line", "start_time", "method", "path", "response_code", "response_flags", "response_code_details", "authority",
    "upstream_host", "upstream_cluster", "cluster_kind", "cluster_direction", "cluster_port", "cluster_subset",
    "cluster_host", "upstream_local_address", "downstream_local_address", "downstream_remote_address",
    "requested_server_name", "route_name",
)  # fmt: skip
IN_CSV = {
    "start_time": 0, "method": 1, "response_code": 2, "response_flags": 3, "response_code_details": 4, "authority": 14,
    "upstream_host": 15, "upstream_cluster": 16, "upstream_local_address": 17, "downstream_local_address": 18,
    "downstream_remote_address": 19, "requested_server_name": 20, "route_name": 21,
}  # fmt: skip
"""Where a CSV reader finds the columns: method, path and protocol are one field to it."""

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{n}.0.0.0 Safari/537.36",
    "curl/8.{n}.0",
    "python-requests/2.{n}.0",
    "Go-http-client/1.1",
    "okhttp/4.{n}.0",
)


def fields(rng: random.Random, n: int) -> dict[str, object]:
    """One request's fields by Istio's keys."""
    host = f"{rng.choice(('api', 'www', 'cdn', 'auth'))}.vendor{rng.randrange(400)}.example.com"
    day, second = divmod(n // 40, 86_400)
    clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{rng.randrange(1000):03}"
    return {
        "start_time": f"2026-11-{2 + day:02}T{clock}Z",
        "method": rng.choice(("GET", "GET", "GET", "POST", "PUT")),
        "path": f"/v1/items/{rng.randrange(10**7)}?page={rng.randrange(90)}",
        "protocol": rng.choice(("HTTP/1.1", "HTTP/2")),
        "response_code": rng.choice((200, 200, 200, 204, 301, 404, 503)),
        "response_flags": rng.choice(("-",) * 20 + ("UF,URX", "DC")),
        "response_code_details": "via_upstream",
        "connection_termination_details": "-",
        "upstream_transport_failure_reason": "-",
        "bytes_received": rng.randrange(5000),
        "bytes_sent": rng.randrange(10**6),
        "duration": rng.randrange(900),
        "upstream_service_time": rng.randrange(900),
        "x_forwarded_for": f"10.128.{rng.randrange(250)}.{rng.randrange(250)}",
        "user_agent": rng.choice(AGENTS).format(n=rng.randrange(90, 140)),
        "request_id": f"{rng.getrandbits(128):032x}",
        "authority": host,
        "upstream_host": f"203.0.{rng.randrange(250)}.{rng.randrange(250)}:443",
        "upstream_cluster": f"outbound|443||{host}",
        "upstream_local_address": f"10.129.0.7:{rng.randrange(1024, 65535)}",
        "downstream_local_address": "10.129.0.7:8443",
        "downstream_remote_address": f"10.128.{rng.randrange(250)}.{rng.randrange(250)}:{rng.randrange(1024, 65535)}",
        "requested_server_name": rng.choice(("-", host)),
        "route_name": rng.choice(("-", "default", f"egress.vendor{rng.randrange(400)}.0")),
    }


TEXT = (
    '[{start_time}] "{method} {path} {protocol}" {response_code} {response_flags} {response_code_details} '
    '{connection_termination_details} "{upstream_transport_failure_reason}" {bytes_received} {bytes_sent} {duration} '
    '{upstream_service_time} "{x_forwarded_for}" "{user_agent}" "{request_id}" "{authority}" "{upstream_host}" '
    "{upstream_cluster} {upstream_local_address} {downstream_local_address} {downstream_remote_address} "
    "{requested_server_name} {route_name}\n"
)


def as_json(values: dict[str, object]) -> str:
    """As Envoy writes it: null for what is absent, the service time as text."""
    typed = {key: None if value == "-" else value for key, value in values.items()}
    return (
        json.dumps(typed | {"upstream_service_time": str(typed["upstream_service_time"])}, separators=(",", ":")) + "\n"
    )


def as_ztunnel(values: dict[str, object]) -> str:
    """A tunnel to a waypoint."""
    return (
        f"{str(values['start_time'])[:-1]}123Z\tinfo\taccess\tconnection complete\t"
        f'src.addr={values["downstream_remote_address"]} src.workload="app-7d9f" src.namespace="shop" '
        'src.identity="spiffe://cluster.local/ns/shop/sa/app" dst.addr=10.128.3.4:15008 '
        f'dst.hbone_addr={values["upstream_host"]} dst.service="{values["authority"]}" dst.workload="waypoint-5b66" '
        'dst.namespace="egress" dst.identity="spiffe://cluster.local/ns/egress/sa/waypoint" direction="outbound" '
        f'bytes_sent={values["bytes_sent"]} bytes_recv={values["bytes_received"]} duration="{values["duration"]}ms"\n'
    )


def generate(folder: Path, lines: int, *, long: bool) -> None:
    """The logs, the same each time. A million lines of fields are made once and written in each form."""
    rng = random.Random(7)
    names = ("gateway", "wrapped", "dirty", "sidecar", "json", "ztunnel", "one")
    files = {name: (folder / f"{name}.log").open("w", encoding="utf-8") for name in names}
    for n in range(lines):
        values = fields(rng, n)
        text = TEXT.format(**values)
        files["gateway"].write(text)
        files["wrapped"].write(f"{str(values['start_time'])[:-1]}{n % 10**6:06}Z stdout F {text}")
        files["dirty"].write(text.replace('" "', '" "x" ', 1) if n % 100 == 7 else text)
        sidecar = values | {"upstream_cluster": "PassthroughCluster"} if n % 5 == 0 else values
        files["sidecar"].write(TEXT.format(**sidecar | {"route_name": "allow_any"}))
        files["json"].write(as_json(values))
        files["ztunnel"].write(as_ztunnel(values))
        if n < lines // 2:
            files["one"].write(text)
    for file in files.values():
        file.close()
    if long:
        # 1 million lines and 10 million, if LINES is 2 million.
        with (folder / "ten.log").open("wb") as out:
            for _ in range(5):
                with (folder / "gateway.log").open("rb") as part:
                    shutil.copyfileobj(part, out)


# ---------------------------------------------------------------- what is measured, each in a process of its own


def ours(path: str, columns: tuple[str, ...] | None) -> int:
    from egressaudit.hops.tables import HopTable, hop_tables
    from egressaudit.sources import Sources

    return sum(each.table.num_rows for each in hop_tables(Sources([path]), columns) if isinstance(each, HopTable))


def careful(path: str) -> int:
    from egressaudit.hops.line_parser import LineParser
    from egressaudit.model import LogLine, LogSource, Reporter

    parser, source = LineParser(), LogSource("n", "p", "c")
    return sum(
        1 for n, text in enumerate(_sample(path, "careful")) if parser.parse(LogLine(source, n, text), Reporter.SIDECAR)
    )


def grammar(path: str) -> int:
    from egressaudit.hops.dialects.envoy.default_text import ISTIO
    from egressaudit.hops.dialects.result import AccessFields

    return sum(isinstance(ISTIO.careful(text), AccessFields) for text in _sample(path, "grammar"))


def regex(path: str) -> int:
    from egressaudit.hops.dialects.envoy.default_text import ISTIO

    pattern: re.Pattern[str] = ISTIO.pattern
    return sum(len(found.groupdict()) > 0 for text in _sample(path, "regex") if (found := pattern.fullmatch(text)))


def duckdb_csv(path: str) -> int:
    import duckdb

    columns = ", ".join(f"column{n:02}" for n in IN_CSV.values())
    return duckdb.connect(config={"threads": 2}).sql(
        f"SELECT {columns} FROM read_csv('{path}', delim=' ', quote='\"', escape='\"', header=false, all_varchar=true, "
        "auto_detect=false, columns={" + ", ".join(f"'column{n:02}': 'VARCHAR'" for n in range(22)) + "})"
    ).to_arrow_table().num_rows  # fmt: skip


def duckdb_json(path: str) -> int:
    import duckdb

    columns = [column for column in NEEDED if column in IN_CSV or column == "path"]
    kinds = ", ".join(f"{column}: '{'BIGINT' if column == 'response_code' else 'VARCHAR'}'" for column in columns)
    return duckdb.connect(config={"threads": 2}).sql(
        f"SELECT * FROM read_json('{path}', format='newline_delimited', columns={{{kinds}}})"
    ).to_arrow_table().num_rows  # fmt: skip


def goaccess(path: str) -> int:
    log_format = '[%dT%t.%^] "%m %U %H" %s %^ %^ %^ "%^" %^ %b %^ %^ "%h" "%u" "%^" "%v" "%^" %^'
    command = ["goaccess", path, "--no-global-config", f"--log-format={log_format}", "--date-format=%Y-%m-%d"]
    subprocess.run([*command, "--time-format=%T", "-o", "/dev/null.json"], check=False, capture_output=True)
    return 0


def _sample(path: str, name: str) -> Iterator[str]:
    with Path(path).open(encoding="utf-8") as file:
        for n, line in enumerate(file):
            if n == SAMPLES[name]:
                return
            yield line.rstrip("\n")


WORK: dict[str, Callable[[str], int]] = {
    "needed": lambda path: ours(path, NEEDED),
    "all": lambda path: ours(path, None),
    "careful": careful,
    "grammar": grammar,
    "regex": regex,
    "read_csv": duckdb_csv,
    "read_json": duckdb_json,
    "goaccess": goaccess,
}


def child(name: str, path: str) -> int:
    """Do it once, and print seconds, rows and the most memory in MiB. A few lines before load all that is imported."""
    with tempfile.NamedTemporaryFile(suffix=".log") as few, Path(path).open("rb") as lines:
        few.writelines(line for _, line in zip(range(100), lines, strict=False))
        few.flush()
        WORK[name](few.name)
    start, before = time.perf_counter(), cpu()
    rows = WORK[name](path)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, cpu() - before, rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
    return 0


def cpu() -> float:
    """Seconds of processor time of this process and of those it waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in both)


class Figures:
    """Lines a second of each piece of work on each log, by the clock and by processor time, and its memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rate: dict[tuple[str, str], float] = {}
        self.by_cpu: dict[tuple[str, str], float] = {}
        self.memory: dict[tuple[str, str], float] = {}

    def measure(self, *pairs: tuple[str, str]) -> None:
        """Each several times, taking turns."""
        for _ in range(ROUNDS):
            for name, log in pairs:
                path = self._folder / f"{log}.log"
                lines = SAMPLES.get(name) or self._lines(path)
                done = subprocess.run(
                    [sys.executable, __file__, "child", name, str(path)], check=True, capture_output=True
                )
                seconds, processor, rows, memory = json.loads(done.stdout)
                assert rows == lines or name == "goaccess", f"{name} found {rows} rows in {lines} lines of {log}"
                self.by_cpu[name, log] = max(self.by_cpu.get((name, log), 0.0), lines / processor)
                self.rate[name, log] = max(self.rate.get((name, log), 0.0), lines / seconds)
                self.memory[name, log] = max(self.memory.get((name, log), 0.0), memory)

    def _lines(self, path: Path) -> int:
        counts = self.__dict__.setdefault("_counts", {})
        if path not in counts:
            with path.open("rb") as file:
                counts[path] = sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
        return int(counts[path])


def main() -> int:
    """Generate, measure, print."""
    if sys.argv[1:2] == ["child"]:
        return child(*sys.argv[2:4])
    lines = int(sys.argv[1]) if sys.argv[1:] else 2_000_000
    long = "long" in sys.argv
    with tempfile.TemporaryDirectory(prefix="egressaudit-bench-") as temporary:
        folder = Path(temporary)
        generate(folder, lines, long=long)
        figures = Figures(folder)
        more = [("goaccess", "gateway")] if shutil.which("goaccess") else []
        figures.measure(
            ("needed", "gateway"), ("all", "gateway"), ("read_csv", "gateway"), ("regex", "gateway"),
            ("careful", "gateway"), ("grammar", "gateway"), ("needed", "dirty"), ("needed", "sidecar"),
            ("needed", "wrapped"), *more,
        )  # fmt: skip
        figures.measure(("needed", "json"), ("read_json", "json"), ("needed", "ztunnel"))
        if long:
            figures.measure(("needed", "one"), ("needed", "ten"))
        show(figures)
    return 0


def show(figures: Figures) -> None:
    """The rates, and the ratios with their aims: by the clock, and by processor time, which others disturb less."""
    for key, value in figures.rate.items():
        name, log = key
        by_cpu, memory = figures.by_cpu[key], figures.memory[key]
        print(f"{name:10} {log:8} {value:12,.0f} lines/s {by_cpu:12,.0f} a CPU second {memory:6.0f} MiB")
    for title, rate in (("by the clock", figures.rate), ("by processor time", figures.by_cpu)):
        print(f"--- {title}")
        needed = rate["needed", "gateway"]
        of_csv = needed / rate["read_csv", "gateway"]
        print(f"needed columns        {needed:,.0f} lines/s, {of_csv:.2f} of read_csv (aim 0.7, or 1 million)")
        print(f"over one regex        {needed / rate['regex', 'gateway']:.0f} x")
        print(f"over line by line     {needed / rate['careful', 'gateway']:.0f} x")
        print(f"over the grammar      {needed / rate['grammar', 'gateway']:.0f} x (aim 100)")
        if ("goaccess", "gateway") in rate:
            print(f"over GoAccess         {needed / rate['goaccess', 'gateway']:.1f} x (aim 10)")
        print(f"1 % dirty             {needed / rate['needed', 'dirty']:.2f} x the time (aim 1.5)")
        print(f"wrapped by CRI        {needed / rate['needed', 'wrapped']:.2f} x the time (aim 1.5)")
        print(f"JSON                  {rate['needed', 'json'] / rate['read_json', 'json']:.2f} of read_json (aim 0.5)")
        print(f"ztunnel               {rate['needed', 'ztunnel']:,.0f} lines/s (aim 300,000)")
        if ("needed", "ten") in rate:
            slower = rate["needed", "one"] / rate["needed", "ten"]
            print(f"ten times the lines   {slower:.2f} x the time for each (aim 1.2)")
    most = max(memory for (name, _), memory in figures.memory.items() if name in ("needed", "all"))
    print(f"most memory           {most:.0f} MiB (aim 1024)")


if __name__ == "__main__":
    sys.exit(main())
