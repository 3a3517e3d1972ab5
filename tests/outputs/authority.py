"""A throw-away certificate authority, and valid and invalid certificates: expired, for another name, self-signed."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "127.0.0.1")
PEM = serialization.Encoding.PEM


class Pair(NamedTuple):
    """Files of a certificate and its key."""

    certificate: Path
    key: Path

    def context(self, clients: Path | None = None) -> ssl.SSLContext:
        """The TLS context of a server with this certificate; ``clients``: CA file that client certificates are verified
        with.
        """
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(self.certificate, self.key)
        if clients is not None:
            made.load_verify_locations(clients)
            made.verify_mode = ssl.CERT_REQUIRED
        return made


class Authority:
    """``ca``: the CA certificate file that clients trust. All files are in ``folder``, by name."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(name)
        self._certificate = self._signed(
            _builder(self._subject, self._subject, self._key.public_key(), days=365), authority=True
        )
        self.ca = folder / f"{name.lower().replace(' ', '-')}.pem"
        self.ca.write_bytes(self._certificate.public_bytes(PEM))

    def issue(
        self,
        name: str,
        names: tuple[str, ...] = NAMES,
        *,
        days: int = 90,
        starts_in_days: int = -1,
        client: bool = False,
    ) -> Pair:
        """Issue a certificate for hosts or addresses; negative ``days``: it expired that many days ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._subject, key.public_key(), days=days, starts_in_days=starts_in_days)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return self._written(name, key, self._signed(builder, authority=False))

    def self_signed(self, name: str, names: tuple[str, ...] = NAMES) -> Pair:
        """A self-signed certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), _name(name), key.public_key(), days=90)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
        return self._written(name, key, builder.sign(key, hashes.SHA256()))

    def _signed(self, builder: x509.CertificateBuilder, *, authority: bool) -> x509.Certificate:
        # Python 3.13 verifies strictly (RFC 5280): both key identifiers and the key usage of the CA are required.
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        if authority:
            usage = x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def _written(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Pair:
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        pair.certificate.write_bytes(certificate.public_bytes(PEM))
        pair.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int, starts_in_days: int = -1
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    end = now + timedelta(days=days, minutes=1)
    begin = min(now + timedelta(days=starts_in_days), end - timedelta(days=1))
    made = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), begin, end)
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
