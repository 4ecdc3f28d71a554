#!/usr/bin/env python3
"""Check an evidence bundle of egressaudit without egressaudit: this file shares no code with it.

    python3 check_bundle.py audit.tar.zst [--key auditor.pub]

It needs Python 3.9 and something that unpacks Zstandard: Python 3.14, the package zstandard, or the program zstd (or
give it the unpacked .tar). To check a signature it needs the package cryptography. docs/bundle.md has the format.

What it does: every member against its digest; the Merkle tree over each log; each line that the report shows against
the root of its log, by its inclusion proof; the signature; and for each flow of the report, whether its lines say what
the report makes of them: the cluster that a proxy chose, the address it connected to, and the socket by which two
proxies' lines belong together. It doesn't judge: no policy, no coverage. `egressaudit bundle verify` does that.

Exit code: 0 if all that was checked holds, 1 if anything does not, 2 if it could not be checked.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

LARGEST = 8 << 30  # bytes that a bundle may unpack to: all of it is kept in memory
UNPRINTED = re.compile(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|[^ -~]|\\")
PART = re.compile(r"\S+ (?:stdout|stderr) P(?::\S*)? ")  # a container runtime splits long lines
PAYLOAD = "application/vnd.in-toto+json"


class Wrong(Exception):
    """Something that does not hold."""


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def unpacked(file: str) -> bytes:
    """The archive without its compression."""
    data = Path(file).read_bytes()
    if not data.startswith(b"\x28\xb5\x2f\xfd"):
        return data
    try:
        from compression import zstd

        return zstd.ZstdDecompressor().decompress(data, LARGEST)
    except ImportError:
        pass
    try:
        import zstandard

        try:
            return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read(LARGEST)
        except zstandard.ZstdError as error:
            raise Wrong("the compressed data is damaged") from error
    except ImportError:
        pass
    program = shutil.which("zstd")
    if program is None:
        print("install zstd, or the package zstandard, or unpack the file first", file=sys.stderr)
        sys.exit(2)
    ran = subprocess.run([program, "-dc", "--", file], stdout=subprocess.PIPE, check=False)
    if ran.returncode:
        raise Wrong("the compressed data is damaged")
    return ran.stdout


def members(archive: bytes) -> dict[str, bytes]:
    """Each member by its name, in their order."""
    found: dict[str, bytes] = {}
    at = 0
    while True:
        header = archive[at : at + 512]
        if header == bytes(512):
            if archive[at:] != bytes(1024):
                raise Wrong("something follows the last member")
            return found
        name = header[:100].rstrip(b"\0").decode("ascii", "replace")
        digits = header[124:136].rstrip(b"\0 ")
        if len(header) < 512 or header[156:157] != b"0" or not re.fullmatch(rb"[0-7]+", digits):
            raise Wrong(f"the archive is broken behind {next(reversed(found), 'its start')}")
        size = int(digits, 8)
        start, end = at + 512, at + 512 + size
        padded = start + (size + 511) // 512 * 512
        if end > len(archive) or archive[end:padded] != bytes(padded - end):
            raise Wrong(f"{name} is cut off")
        if name in found or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", name) or ".." in name:
            raise Wrong(f"{name!r} is in it twice, or is no name of a member")
        found[name] = archive[start:end]
        at = padded


def lines_of(log: bytes) -> list[bytes]:
    """Its lines with their newlines; the last one may have none."""
    *lines, last = log.split(b"\n")
    return [line + b"\n" for line in lines] + ([last] if last else [])


def leaf(number: int, line: bytes) -> bytes:
    return sha256(b"\0", number.to_bytes(8, "big"), line)


def tree_root(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash of RFC 9162, 2.1.1, a level at a time."""
    level = leaves or [sha256()]
    while len(level) > 1:
        pairs = [sha256(b"\1", level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def root_by_proof(hashed: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        raise Wrong(f"there is no line {index + 1} of {size}")
    at, last = index, size - 1
    for other in proof:
        if last == 0:
            raise Wrong("the proof is too long")
        if at % 2 == 1 or at == last:
            hashed = sha256(b"\1", other, hashed)
            while at % 2 == 0 and at != 0:
                at, last = at // 2, last // 2
        else:
            hashed = sha256(b"\1", hashed, other)
        at, last = at // 2, last // 2
    if last != 0:
        raise Wrong("the proof is too short")
    return hashed


# ---------------------------------------------------------------- what a line says


class Said(NamedTuple):
    """The fields of a line that decide, as the proxy wrote them; '' where it wrote none."""

    cluster: str = ""
    upstream: str = ""
    own_socket: str = ""  # from which the proxy connected to its upstream
    peer_socket: str = ""  # that connected to the proxy
    host: str = ""
    route: str = ""
    flags: str = ""
    tunnel: str = ""  # where a ztunnel's tunnel through a waypoint leads


# Istio's default format, from its end: what a client can write is quoted before it. Groups 2 and 7: authority, SNI.
ENVOY = re.compile(
    r'" [0-9]+ (?P<flags>\S+) .* "([^"]*)" "(?P<upstream>[^" ]*)" (?P<cluster>\S+) (?P<own_socket>\S+) \S+ '
    r"(?P<peer_socket>\S+) (\S+) (?P<route>\S+)$"
)
ZTUNNEL = re.compile(r'([a-z_.]+)=(?:"([^"]*)"|(\S+))')
JSON = {
    "cluster": "upstream_cluster",
    "upstream": "upstream_host",
    "own_socket": "upstream_local_address",
    "peer_socket": "downstream_remote_address",
    "route": "route_name",
    "flags": "response_flags",
}


def read_line(text: str) -> Said | None:
    """What a line says; None for a format that this program does not read."""
    found = ENVOY.search(text)
    if found:
        row = {name: _plain(value) for name, value in found.groupdict().items()}
        return Said(**row, host=_plain(found[2]) or _plain(found[7]))
    if text.startswith("{"):
        try:
            row = json.loads(text)
        except ValueError:
            return None
        if not isinstance(row, dict) or "upstream_cluster" not in row:
            return None
        host = row.get("authority") or row.get("requested_server_name")
        return Said(**{name: _plain(row.get(key)) for name, key in JSON.items()}, host=_plain(host))
    if "\taccess\t" in text and "dst.addr=" in text:
        pairs = {key: quoted or plain for key, quoted, plain in ZTUNNEL.findall(text.partition("\taccess\t")[2])}
        return Said(
            upstream=pairs.get("dst.addr", ""),
            host=pairs.get("dst.service", ""),
            tunnel=pairs.get("dst.hbone_addr", ""),
            flags=pairs.get("error", ""),
        )
    return None


def _plain(value: Any) -> str:
    return "" if value in (None, "-") else str(value)


def holds(flow: dict[str, Any], lines: list[tuple[str, Said | None]]) -> bool | None:
    """Whether a flow's lines say what the report makes of them; None where this program cannot tell."""
    read = [(role, said) for role, said in lines if said is not None]
    if len(read) < len(lines) or not read:
        return None
    sources = [said for role, said in read if role == "source"]
    others = [said for role, said in read if role != "source"]
    roles = {role for role, _ in read}
    host, path = flow["host"], flow["path"]
    if path == "passthrough":
        return bool(sources) and all(
            (each.cluster == "PassthroughCluster" or not (each.cluster or each.tunnel or each.host))
            and each.upstream.startswith((f"{host}:", f"[{host}]:"))
            for each in sources
        )
    if path == "direct":
        return bool(sources) and all(
            each.upstream != "" and not each.tunnel and host in (each.cluster.rpartition("|")[2], each.host)
            for each in sources
        )
    if path in ("via-gateway", "via-waypoint"):
        left = [each for each in others if each.upstream and host in (each.cluster.rpartition("|")[2], each.host)]
        if path == "via-waypoint" or flow["confidence"] != "joined":
            # Sockets inside a tunnel are in no line: only that the waypoint connected is left to check.
            return bool(left) and path[4:] in roles
        given = {each.own_socket for _, each in read} - {""}
        return bool(left) and path[4:] in roles and any(each.peer_socket in given for each in others)
    if path == "blocked":
        # No proxy but the last one on the way may have connected to anything.
        last = others or sources
        return all(each.upstream == "" or each.flags != "" for each in last)
    return None


# ---------------------------------------------------------------- the bundle


class Bundle:
    """A bundle while it is checked; `done` has a line for each thing that was."""

    def __init__(self, archive: bytes) -> None:
        self.members = members(archive)
        self.done: list[str] = []
        self.statement = json.loads(self._take("manifest.json"))
        self.predicate = self.statement["predicate"]
        self.proven: dict[tuple[int, int], bytes] = {}

    def _take(self, name: str) -> bytes:
        if name not in self.members:
            raise Wrong(f"{name} is missing")
        return self.members[name]

    def check_digests(self) -> None:
        """Each member is the one that the manifest names, and the manifest the one that SHA256SUMS names."""
        own = ["manifest.json"] + [name for name in ("signature.json",) if name in self.members]
        sums = "".join(f"{hashlib.sha256(self.members[name]).hexdigest()}  {name}\n" for name in own)
        if self._take("SHA256SUMS") != sums.encode():
            raise Wrong("SHA256SUMS does not fit manifest.json or signature.json")
        listed = {each["name"]: each["digest"]["sha256"] for each in self.statement["subject"]}
        if list(self.members) != [*own, "SHA256SUMS", *listed]:
            odd = set(self.members) ^ {*own, "SHA256SUMS", *listed}
            raise Wrong(f"the manifest lists other members: {', '.join(sorted(odd)) or 'their order differs'}")
        for name, digest in listed.items():
            if hashlib.sha256(self.members[name]).hexdigest() != digest:
                raise Wrong(f"{name} was altered")
        self.done.append(f"{len(listed)} members have the digests that the manifest has")

    def check_trees(self) -> None:
        """Each log that is here leads to its root; where only hashes are, they do."""
        count = 0
        logs = {int(name.split("/")[1]): data for name, data in self.members.items() if name.startswith("logs/")}
        for number, log in enumerate(self.predicate["logs"], start=1):
            if number in logs:
                leaves = [leaf(n, line) for n, line in enumerate(lines_of(logs[number]), start=1)]
            elif self.predicate["holds"] == "none":
                hashes = self._take(f"leaves/{number:06}")
                leaves = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
            else:
                continue
            if len(leaves) != log["lines"] or tree_root(leaves).hex() != log["root"]:
                raise Wrong(f"log {number} does not lead to the root in the manifest")
            count += 1
        if self.predicate["holds"] != "relevant" and count < len(self.predicate["logs"]):
            raise Wrong("a log is missing")
        self.done.append(f"{count} of {len(self.predicate['logs'])} logs lead to their roots, line by line")

    def check_lines(self) -> None:
        """Each row of lines.jsonl is proven by its own inclusion proof."""
        logs = self.predicate["logs"]
        for row in map(json.loads, self._take("lines.jsonl").splitlines()):
            text, log = row["text"].encode("latin-1"), logs[row["log"] - 1]
            proof = [bytes.fromhex(each) for each in row["proof"]]
            if root_by_proof(leaf(row["line"], text), row["line"] - 1, log["lines"], proof).hex() != log["root"]:
                raise Wrong(f"line {row['line']} of log {row['log']} is not proven")
            self.proven[row["log"], row["line"]] = text
        self.done.append(f"{len(self.proven)} shown lines are proven to be lines of their logs")

    def check_report(self) -> None:
        """Each verdict's lines are proven ones, and say what the report makes of them."""
        report = json.loads(self._take("report.json"))
        self.done.append(f"the report says {report['outcome']}, with {len(report['flows'])} groups of flows")
        counting = [each for each in (*report["findings"], *report["flows"]) if not each["waived"]]
        if report["outcome"] == "PASS" and {each["outcome"] for each in counting} - {"PASS", None}:
            raise Wrong("the report says PASS, and what it lists does not")
        if self.predicate["holds"] == "none":
            self.done.append("the lines of its verdicts are not in the bundle")
            return
        found: Counter[str] = Counter()
        for flow in report["flows"]:
            lines = [(each["role"], read_line(self._text(each))) for each in flow["evidence"]]
            answer = holds(flow, lines)
            found[str(answer)] += 1
            if answer is False:
                raise Wrong(
                    f"the lines of {flow['namespace']}/{flow['workload']} to {flow['host']} do not say {flow['path']}"
                )
        for each in report["findings"]:
            for evidence in each["evidence"]:
                self._text(evidence)
        self.done.append(f"{found['True']} groups: their lines say so; {found['None']}: this program cannot tell")

    def _text(self, evidence: dict[str, Any]) -> str:
        """The proven line that a report shows, without what a log pipeline put around it."""
        name, line, shown = evidence["source"], evidence["line"], evidence["raw"]
        numbered = enumerate(self.predicate["logs"], start=1)
        paths = (name, name.partition("@")[2])  # a line of a file with several pods' lines names the file behind an @
        raw = self.proven.get(
            (next((n for n, log in numbered if log["name"] == name or log["path"] in paths), 0), line)
        )
        if raw is None:
            raise Wrong(f"line {line} of {name} is shown, and not proven")
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        if text.startswith('{"log":') and text.endswith("}"):
            text = str(json.loads(text)["log"]).rstrip("\r\n")
        if PART.match(text):
            text, shown = PART.sub("", text), shown[:60]
        # Secrets were taken out of what is shown, and what does not print is an escape there.
        plain, at = UNPRINTED.sub("", text), 0
        for part in shown.split("REDACTED"):
            bare = UNPRINTED.sub("", part)
            if (at := plain.find(bare, at)) < 0:
                raise Wrong(f"line {line} of {name} reads otherwise than it is shown")
            at += len(bare)
        return text[max(text.find(shown[:20]), 0) :]

    def check_signature(self, key: str | None) -> None:
        """The DSSE envelope over the manifest, with an Ed25519 key."""
        if "signature.json" not in self.members:
            if key:
                raise Wrong("it is not signed")
            self.done.append("it is not signed: nothing proves who made it")
            return
        envelope = json.loads(self.members["signature.json"])
        signatures = envelope["signatures"]
        if base64.b64decode(envelope["payload"]) != self.members["manifest.json"] or len(signatures) != 1:
            raise Wrong("the signature is of something else, or not one")
        if key is None:
            self.done.append("its signature was not checked: name the public key with --key")
            return
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.serialization import load_pem_public_key
        except ImportError:
            print("to check a signature, install the package cryptography", file=sys.stderr)
            sys.exit(2)
        public = load_pem_public_key(Path(key).read_bytes())
        payload = self.members["manifest.json"]
        signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)
        try:
            public.verify(base64.b64decode(signatures[0]["sig"]), signed)  # type: ignore[call-arg, union-attr]
        except InvalidSignature as error:
            raise Wrong("the signature is not that of this key") from error
        self.done.append("the signature is that of this key")


def main() -> int:
    parser = argparse.ArgumentParser(description="Check an evidence bundle of egressaudit without egressaudit.")
    parser.add_argument("file")
    parser.add_argument("--key", help="the public key (PEM) that must have signed it")
    options, bundle = parser.parse_args(), None
    try:
        bundle = Bundle(unpacked(options.file))
        bundle.check_digests()
        bundle.check_trees()
        bundle.check_lines()
        bundle.check_signature(options.key)
        bundle.check_report()
    except OSError as error:
        print(f"cannot read {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except (Wrong, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        what = str(error) if isinstance(error, Wrong) else f"it is not a bundle ({type(error).__name__})"
        print(*(bundle.done if bundle else ()), f"WRONG: {what.encode('ascii', 'backslashreplace').decode()}", sep="\n")
        return 1
    print(*bundle.done, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
