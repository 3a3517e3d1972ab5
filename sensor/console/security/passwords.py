"""Passwords as Argon2id (RFC 9106): 19 MiB, two passes, one lane, as in OWASP's Password Storage Cheat Sheet."""

from __future__ import annotations

import base64
import hmac
import os

from sensor.views.errors import Malformed, NotReadable

LEAST, MOST = 12, 512
KIB, PASSES, LANES, SALT, SIZE = 19_456, 2, 1, 16, 32
KIND = "argon2id"


def checked(password: str, again: str) -> str:
    """A new password. Raises Malformed; messages never contain the password."""
    if not LEAST <= len(password) <= MOST:
        raise Malformed("password", f"{len(password)} characters", f"{LEAST} to {MOST}")
    if password != again:
        raise Malformed("password", "two different ones", "the same twice")
    return password


def hashed(password: str) -> str:
    """The hash with its parameters and salt. Raises NotReadable if Argon2id is not installed."""
    salt = os.urandom(SALT)
    digest = _derived(password, salt, KIB, PASSES, LANES)
    return "$".join((KIND, str(KIB), str(PASSES), str(LANES), _text(salt), _text(digest)))


def verified(password: str, stored: str) -> bool:
    """Whether a password matches a hash. An empty or unknown hash matches none, in the same time. Raises
    NotReadable.
    """
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != KIND:
        _derived(password, bytes(SALT), KIB, PASSES, LANES)
        return False
    kib, passes, lanes = map(int, parts[1:4])
    found = _derived(password, base64.b64decode(parts[4]), kib, passes, lanes)
    return hmac.compare_digest(found, base64.b64decode(parts[5]))


def _derived(password: str, salt: bytes, kib: int, passes: int, lanes: int) -> bytes:
    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    except ImportError:
        raise NotReadable("passwords need the package cryptography 44 or newer; one-time links work without") from None
    derive = Argon2id(salt=salt, length=SIZE, iterations=passes, lanes=lanes, memory_cost=kib).derive
    return bytes(derive(password.encode("utf-8", "surrogatepass")))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
