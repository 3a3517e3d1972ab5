"""NATS nkeys (github.com/nats-io/nkeys): Ed25519 keys in base 32, with a type prefix and a checksum (CRC-16/XMODEM)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Prefix bytes: they make the first letter S, O, A or U.
SEED, OPERATOR, ACCOUNT, USER = 18 << 3, 14 << 3, 0, 20 << 3
KEY_SIZE = 32


class KeyPair:
    """``public``: the public key as text. ``kind``: one of OPERATOR, ACCOUNT, USER."""

    def __init__(self, kind: int, raw: bytes) -> None:
        """``raw``: the 32 bytes of an Ed25519 private key (RFC 8032)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._kind, self._raw = kind, raw
        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(raw)
        self.public = _text(bytes([kind]) + self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, kind: int) -> KeyPair:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(kind, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def of_seed(cls, seed: str, kind: int) -> KeyPair:
        """Raises ValueError, which does not contain the seed, if the text is not a seed of this kind."""
        whole = _bytes(seed.strip())
        if len(whole) != KEY_SIZE + 2 or whole[0] & 0xF8 != SEED or (whole[0] & 7) << 5 | whole[1] >> 3 != kind:
            raise ValueError("expected the seed of an nkey of this type")
        return cls(kind, whole[2:])

    @property
    def seed(self) -> str:
        """The seed as text."""
        return _text(bytes([SEED | self._kind >> 5, (self._kind & 31) << 3]) + self._raw)

    def sign(self, data: bytes) -> str:
        """The signature in URL-safe base 64, without padding (RFC 4648, 5)."""
        return base64.urlsafe_b64encode(self._key.sign(data)).rstrip(b"=").decode()

    @property
    def private(self) -> Ed25519PrivateKey:
        """The key for X.509 certificates."""
        return self._key

    @property
    def pkcs8(self) -> bytes:
        """The private key as PEM, as TLS libraries read it (RFC 8410)."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def is_public(text: str, kind: int) -> bool:
    """Whether a text is the public key of this kind of nkey."""
    try:
        whole = _bytes(text)
    except ValueError:
        return False
    return len(whole) == KEY_SIZE + 1 and whole[0] == kind


def raw_public(text: str) -> bytes:
    """The 32 bytes of a public key. Raises ValueError."""
    whole = _bytes(text)
    if len(whole) != KEY_SIZE + 1:
        raise ValueError("found no public key")
    return whole[1:]


def is_signed(public: str, data: bytes, signature: str) -> bool:
    """Whether a signature of ``KeyPair.sign`` belongs to these bytes and this public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
        Ed25519PublicKey.from_public_bytes(raw_public(public)).verify(raw, data)
    except (ValueError, InvalidSignature):
        return False
    return True


def _text(raw: bytes) -> str:
    return base64.b32encode(raw + _crc(raw)).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """The decoded bytes without the checksum. Raises ValueError."""
    try:
        whole = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise ValueError("expected base 32") from None
    if len(whole) < 3 or _crc(whole[:-2]) != whole[-2:]:
        raise ValueError("found an invalid checksum")
    return whole[:-2]


def _crc(raw: bytes) -> bytes:
    return binascii.crc_hqx(raw, 0).to_bytes(2, "little")
