"""Seals: short salted hashes of a user and a password, which stand in events where the password itself never may.

A seal answers one question: is this a login that everybody knows, because devices are sold with it? The same pair has
the same seal in every run and at every sensor, so the salt is no secret, and whoever reads a seal may try words against
it. Therefore it is short. Its 28 bits fit a billion likely passwords four times over and do not say which it was, and a
password nobody can guess leaves nothing to find; yet of a million other logins hardly one is taken for one of a few
hundred known ones. What a seal gives away of a password that stands in every list, the packet itself gave away before.
"""

from __future__ import annotations

import hashlib

DIGITS = 7
SALT = b"known logins"


def seal(user: str, password: bytes) -> str:
    """Of a login; letter case of the user aside, as most devices see it."""
    return hashlib.blake2b(
        user.lower().encode("utf-8", "replace") + b"\0" + password, digest_size=8, salt=SALT
    ).hexdigest()[:DIGITS]
