"""Pseudonyms for addresses, identities and hosts: `ip-3f9a2c1b04`, `name-0b61d2e4c7`, `host-9d0e47a1f2`.

In: text, and a key that only the auditor has. Out: the same text, with the same pseudonym for the same value in this
report and in every other one that was made with this key. A pseudonym is an HMAC (RFC 2104): without the key nobody can
try all four billion addresses, or all likely names, as they could with a plain hash.

Example: `10.128.2.30:80` becomes `ip-3f9a2c1b04:80`, and `docs.example.com` becomes `host-9d0e47a1f2`.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from egressaudit.addresses import is_ip
from egressaudit.report.redaction import Level

_Test = Callable[[str], bool]

_OF_EVERY_MESH = """
default kube-system kube-public istio-system istio-ingress istio-proxy istio istiod istio-cni ztunnel Kubernetes
cluster.local istio-egressgateway istio-ingressgateway openshift-ingress openshift-dns
"""
# As a name they tell nobody anything, and in sentences they must stay readable.
_WORDS_OF_REPORTS = """
gateway gateways waypoint waypoints sidecar sidecars egress mesh proxy proxies policy host hosts pod pods namespace
namespaces workload workloads log logs line lines flow flows rule rules probe probes traffic curl source sources service
services node nodes cluster address the and or not no of to from in on at by for with is are was has have its it this
that all any none unknown http https tcp tls text json true false
"""
PUBLIC = frozenset((_OF_EVERY_MESH + _WORDS_OF_REPORTS).split())
"""Names that stay: every mesh has them, or a report could not be read without them."""

_DIGITS = 10
"""Hex digits: with 40 bits, two of ten thousand values share a pseudonym in one of 20,000 reports."""
_IPV4 = re.compile(r"(?<![A-Za-z0-9.])([0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9]|\.[0-9])")
# Hosts of clouds and of Kubernetes hold an address: `ip-10-0-1-2.ec2.internal`, `10-0-1-2.shop.pod.cluster.local`.
_DASHED = re.compile(r"(?<![A-Za-z0-9])(?:ip-)?([0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3})(?![A-Za-z0-9])")
_IPV6 = re.compile(
    r"(?<![\w:.])\[?((?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}))(?![\w:])\]?"
)
# Of any letters and any length: what a sender writes as its Host is no valid name, but may hold one.
_WORD = re.compile(r"\w(?:[\w.-]*[\w-])?")
_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_](?:[^\W_]|-)+")
_ENDINGS_OF_FILES = "json yaml yml md log txt xml csv sarif gz zst tar py db duckdb html parquet jsonl conf toml prom"
_FILES = frozenset(_ENDINGS_OF_FILES.split())
_FIELDS = frozenset({"spec", "status", "metadata", "meshconfig", "values", "data", "global"})
_KEYS_OF_ZTUNNEL = "src.addr src.workload src.namespace src.identity src.cluster dst.addr dst.service dst.workload"
_KEYS = frozenset((_KEYS_OF_ZTUNNEL + " dst.namespace dst.identity dst.cluster").split())
"""Words of a ztunnel's line that look like hosts."""
_API_GROUPS = ("istio.io", "k8s.io", "kubernetes.io", "openshift.io")


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Who is called what. `names` and `hosts` are those that a report is known to have, hosts in small letters."""

    key: bytes = field(repr=False)
    levels: frozenset[Level]
    names: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    def in_line(self, text: str) -> str:
        """A log line, or a value of one: every word with the form of a host is one."""
        return self._replaced(text, _is_host_in_line)

    def in_prose(self, text: str) -> str:
        """A sentence, in which `mesh.json` and `networking.istio.io` aren't hosts."""
        return self._replaced(text, _is_host_in_prose)

    def of_host(self, text: str) -> str:
        """A value that is a host and nothing else, whatever it looks like; `*.example.com` keeps its `*.`."""
        changed = self._replaced(text, _is_host_in_line)
        if Level.HOSTS not in self.levels or changed != text or not text or is_ip(text) or in_cluster(text):
            return changed
        return text if text in PUBLIC else self._made("host", text.lower())

    def _replaced(self, text: str, is_host: _Test) -> str:
        if Level.ADDRESSES in self.levels:
            text = _IPV4.sub(lambda found: self._address(found[0], found[1]), text)
            if text.count(":") > 1:
                text = _IPV6.sub(lambda found: self._address(found[0], found[1]), text)
            if text.count("-") > 2:
                text = _DASHED.sub(lambda found: self._address(found[0], found[1].replace("-", ".")), text)
        if self.levels & {Level.HOSTS, Level.IDENTITIES}:
            text = _WORD.sub(lambda found: self._word(found[0], is_host), text)
        return text

    def _address(self, written: str, text: str) -> str:
        try:
            plain = ".".join(str(int(part)) for part in text.split(".")) if ":" not in text else text
            address = ipaddress.ip_address(plain)
        except ValueError:
            return written
        address = getattr(address, "ipv4_mapped", None) or address
        # They say nothing about anybody, and much about what happened.
        return written if address.is_loopback or address.is_unspecified else self._made("ip", str(address))

    def _word(self, word: str, is_host: _Test) -> str:
        if Level.IDENTITIES in self.levels:
            if word in self.names:
                return self._made("name", word)
            parts = word.split(".")
            if in_cluster(word) or (len(parts) > 1 and all(each in self.names for each in parts)):
                return ".".join(self._made("name", each) if each in self.names else each for each in parts)
        if Level.HOSTS not in self.levels or in_cluster(word):
            return word
        name = word.lower()
        known = name in self.hosts or ("." in word and is_host(word))
        return self._made("host", name) if known else word

    def _made(self, kind: str, value: str) -> str:
        said = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return f"{kind}-{hmac.digest(self.key, said, 'sha256').hex()[:_DIGITS]}"


def in_cluster(host: str) -> bool:
    """Whether a name is the cluster's own: `cart.shop.svc.cluster.local`, `cart.shop.svc`."""
    name = host.lower()
    return name.endswith((".svc", ".cluster.local")) or ".svc." in name or name == "cluster.local"


def _is_host_in_line(word: str) -> bool:
    return _HOST.fullmatch(word) is not None and word not in _KEYS


def _is_host_in_prose(word: str) -> bool:
    if word != word.lower() or _HOST.fullmatch(word) is None or word.endswith(_API_GROUPS):
        return False
    return word.partition(".")[0] not in _FIELDS and word.rpartition(".")[2] not in _FILES
