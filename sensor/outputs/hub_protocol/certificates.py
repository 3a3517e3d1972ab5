"""Checks of a JWT, a client certificate and the operator's key before a sensor stores them: a NATS server between
sensor and hub passes them on, and must not replace them.
"""

from __future__ import annotations

from sensor.outputs.hub_protocol.credentials import claims_of
from sensor.outputs.hub_protocol.messages import Admission
from sensor.outputs.transport.nkeys import KeyPair, is_signed, raw_public

# Prefix of the signed data, so that no other signature of the account is valid for an operator's key.
_PURPOSE = "sensor operator 1\n"


def is_admission_of(answer: Admission, user: str, account: str) -> bool:
    """Whether the account of a hub admitted a sensor. A hub of an earlier version gives no certificate."""
    if not is_issued_by(answer.jwt, account) or claims_of(answer.jwt).sub != user:
        return False
    return not answer.certificate or is_certificate_of(answer.certificate, user, account)


def sign_operator(operator: str, account: KeyPair, user: str) -> str:
    """The account's signature of the key that signs configuration, for one sensor. ``operator``, ``user``: public
    keys.
    """
    return account.sign(_operator_text(operator, user))


def operator_of(answer: Admission, user: str, account: str) -> str:
    """Public key of the operator, if the account of the hub signed it for this sensor; otherwise empty, also from a hub
    of an earlier version.
    """
    signed = is_signed(account, _operator_text(answer.operator, user), answer.operator_signature)
    return answer.operator if signed else ""


def _operator_text(operator: str, user: str) -> bytes:
    return f"{_PURPOSE}{operator} {user}".encode()


def is_issued_by(jwt: str, account: str) -> bool:
    """Whether an account signed a JWT. ``account``: its public key."""
    content, _, signature = jwt.rpartition(".")
    try:
        return claims_of(jwt).iss == account and is_signed(account, content.encode(), signature)
    except ValueError:
        return False


def is_certificate_of(pem: str, user: str, account: str) -> bool:
    """Whether the account of a hub certified the key of a sensor. ``user``, ``account``: public keys."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.x509 import load_pem_x509_certificate

    try:
        found = load_pem_x509_certificate(pem.encode("ascii"))
        Ed25519PublicKey.from_public_bytes(raw_public(account)).verify(found.signature, found.tbs_certificate_bytes)
        return found.public_key() == Ed25519PublicKey.from_public_bytes(raw_public(user))
    except (ValueError, InvalidSignature):
        return False
