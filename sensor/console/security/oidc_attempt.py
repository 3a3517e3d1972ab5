"""A login at an OpenID provider that has begun: what binds the answer of the provider to the browser that asked.

State, nonce and code verifier (RFC 6749, 10.12; OpenID Connect Core 1.0, 3.1.2.1; RFC 7636) are derived from a cookie
and a key of this process, so that nothing is kept here: a flood of attempts takes no memory.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

# Seconds that a login at the provider may take.
LASTS_S = 600


class Attempt(NamedTuple):
    """``verifier``: the secret of PKCE, 43 characters."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """The code challenge, method S256 (RFC 7636, 4.2)."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


class Attempts:
    """Those of one process: its end is theirs."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def new(self, now: float) -> tuple[str, Attempt]:
        """The cookie of a new attempt, and what belongs to it. ``now``: seconds since the epoch."""
        cookie = f"{int(now)}.{secrets.token_urlsafe(32)}"
        return cookie, self._of(cookie)

    def of(self, cookie: str, now: float) -> Attempt | None:
        """What belongs to a cookie; None where it is too old, or none of ours by its form."""
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
