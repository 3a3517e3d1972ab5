"""A pending login at an OpenID provider: binds the provider's response to the browser that started it.

State, nonce and code verifier (RFC 6749, 10.12; OpenID Connect Core 1.0, 3.1.2.1; RFC 7636) are derived from a cookie
and a key of this console. Nothing is stored, so a flood of attempts uses no memory.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

# Time limit of a login at the provider, seconds.
LASTS_S = 600


class Attempt(NamedTuple):
    """``verifier``: the PKCE code verifier, 43 characters."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """The code challenge, method S256 (RFC 7636, 4.2)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


class Attempts:
    """Attempts of one process, unless others have the same key."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"OpenID Connect", "sha256")

    def new(self, now: float) -> tuple[str, Attempt]:
        """The cookie of a new attempt, and the attempt. ``now``: seconds since the epoch."""
        cookie = f"{int(now)}.{secrets.token_urlsafe(32)}"
        return cookie, self._of(cookie)

    def of(self, cookie: str, now: float) -> Attempt | None:
        """The attempt of a cookie; None if the cookie is expired or malformed."""
        began, _, secret = cookie.partition(".")
        if not (began.isascii() and began.isdigit() and len(began) < 16 and secret):
            return None
        if not int(now) - LASTS_S <= int(began) <= int(now):
            return None
        return self._of(cookie)

    def _of(self, cookie: str) -> Attempt:
        return Attempt(*(self._derived(use, cookie) for use in Attempt._fields))

    def _derived(self, use: str, cookie: str) -> str:
        return _text(hmac.digest(self._key, f"{use} {cookie}".encode("utf-8", "surrogatepass"), "sha256"))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
