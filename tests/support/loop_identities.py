"""Certificates as istiod's CA issues them: each with the SPIFFE ID of a service account, all of one authority."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Identities:
    """A certificate authority of one test."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cluster.local")])
        now = datetime.now(UTC)
        self._from, self._until = now - _DAY, now + _DAY
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        made = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.authority = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def certificate(self, account: str) -> dict[str, object]:
        """Envoy's `TlsCertificate` for `NAMESPACE/ACCOUNT`."""
        chain, key = self._issued(account)
        return {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}

    def client(self, account: str, folder: Path) -> ssl.SSLContext:
        """What a ztunnel presents for a pod of this account; it checks the peer's chain."""
        chain, key = self._issued(account)
        file = folder / "ztunnel.pem"
        file.write_text(chain + key)
        context = ssl.create_default_context(cadata=self.authority)
        # The peer has a SPIFFE ID and no DNS name.
        context.check_hostname = False
        context.load_cert_chain(file)
        context.set_alpn_protocols(["h2"])
        return context

    def _issued(self, account: str) -> tuple[str, str]:
        namespace, _, name = account.partition("/")
        key = ec.generate_private_key(ec.SECP256R1())
        uri = x509.UniformResourceIdentifier(f"spiffe://cluster.local/ns/{namespace}/sa/{name}")
        builder = self._builder(x509.Name([]), key)
        builder = builder.add_extension(x509.SubjectAlternativeName([uri]), critical=True)
        chain = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return chain, private.decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._from)
            .not_valid_after(self._until)
        )
