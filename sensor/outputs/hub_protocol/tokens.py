"""Enrolment tokens: the JWT of a user who may only ask to join. If the hub's NATS servers require client certificates,
two more parts follow after dots: a certificate for that user (DER in base 64, RFC 4648, 5) and the seed of its key.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from sensor.outputs.hub_protocol.credentials import claims_of
from sensor.outputs.transport.nkeys import USER, KeyPair, is_public
from sensor.outputs.transport.tls import Tls, presenting

EXPECTED = "found no token, expected the whole text that `sensor hub token` printed"


def with_certificate(jwt: str, user: KeyPair, certificate: str) -> str:
    """A token with the certificate (PEM) of its user."""
    return ".".join((jwt, _text(ssl.PEM_cert_to_DER_cert(certificate)), user.seed))


def bearer_of(token: str) -> tuple[str, str]:
    """The JWT in a token, and its public key. Raises ValueError."""
    jwt = ".".join(token.split(".")[:3])
    try:
        bearer = claims_of(jwt).sub
    except ValueError:
        bearer = ""
    if not is_public(bearer, USER):
        raise ValueError(EXPECTED)
    return jwt, bearer


@contextmanager
def tls_of(token: str, tls: Tls) -> Iterator[Tls]:
    """TLS settings with the certificate in a token, if it has one. Raises ValueError if it is invalid."""
    _, bearer = bearer_of(token)
    parts = token.split(".")[3:]
    if not parts:
        yield tls
        return
    with presenting(tls, _pem(parts, bearer)) as own:
        yield own


def _pem(parts: list[str], bearer: str) -> bytes:
    """Certificate and key, as TLS libraries read them."""
    from cryptography.x509 import load_der_x509_certificate

    if len(parts) != 2:
        raise ValueError(EXPECTED)
    try:
        raw = base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4))
        load_der_x509_certificate(raw)
        pair = KeyPair.of_seed(parts[1], USER)
    except (binascii.Error, ValueError):
        raise ValueError(EXPECTED) from None
    if pair.public != bearer:
        raise ValueError(EXPECTED)
    return ssl.DER_cert_to_PEM_cert(raw).encode() + pair.pkcs8


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
