"""Seals: short salted hashes of a user and a password, stored in events in place of the password.

A seal shows whether a login is a known default login. The same pair has the same seal in every run and on every sensor,
so the salt is not secret, and a reader of the seal can test candidate passwords against it. Therefore it is short: its
28 bits match a billion likely passwords four times over and do not identify one, and a strong password is not
recoverable; yet of a million other logins hardly any collides with one of a few hundred known ones. All that a seal
reveals about a password in public lists, the packet revealed already.
"""

from __future__ import annotations

import hashlib

DIGITS = 7
SALT = b"known logins"


def seal(user: str, password: bytes) -> str:
    """The seal of a login; the user is case-insensitive, as on most devices."""
    return hashlib.blake2b(
        user.lower().encode("utf-8", "replace") + b"\0" + password, digest_size=8, salt=SALT
    ).hexdigest()[:DIGITS]


def password_seal(password: bytes) -> str:
    """The seal of a password alone, equal for accounts with the same one; empty for an empty password."""
    return seal("", password) if password else ""
