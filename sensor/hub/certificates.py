"""Client certificates (X.509, RFC 5280): NATS servers of the hub can require one before a client may even log in.

The authority is the key of the account, which signs the JWTs of sensors as well, so that a hub has no further secret.
A certificate is for the key of the sensor (Ed25519, RFC 8410) and as long valid as its JWT.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sensor.outputs.transport.nkeys import KeyPair, raw_public

# RFC 5280, 4.1.2.5: a certificate without a defined expiration.
NO_EXPIRY = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
# A fixed date and serial number: the same key gives the same certificate at any time.
BEGIN, SERIAL = datetime(2020, 1, 1, tzinfo=UTC), 1
# Clocks of hosts may differ by as much.
SKEW = timedelta(minutes=5)


def authority(account: KeyPair) -> str:
    """The certificate of the authority, as PEM: ``ca_file`` of NATS servers."""
    key, name = account.private.public_key(), _name(account.public)
    builder = (
        x509.CertificateBuilder(name, name, key, SERIAL, BEGIN, NO_EXPIRY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
    )
    return builder.sign(account.private, None).public_bytes(Encoding.PEM).decode()


def client_certificate(account: KeyPair, user: str, now: datetime, expires: datetime = NO_EXPIRY) -> str:
    """A certificate for the public key of a user, as PEM."""
    key = Ed25519PublicKey.from_public_bytes(raw_public(user))
    serial = x509.random_serial_number()
    builder = (
        x509.CertificateBuilder(_name(account.public), _name(user), key, serial, now - SKEW, expires)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(account.private.public_key()), critical=False)
    )
    return builder.sign(account.private, None).public_bytes(Encoding.PEM).decode()


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(public: str) -> x509.Name:
    """A public key as name: 56 characters, of the 64 that a common name may have."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, public)])
