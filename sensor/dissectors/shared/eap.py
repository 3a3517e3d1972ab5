"""EAP (RFC 3748) as 802.1X and RADIUS carry it: names of methods, and identities."""

from __future__ import annotations

import functools
import re

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean

REQUEST, RESPONSE, SUCCESS, FAILURE = range(1, 5)
IDENTITY, NOTIFICATION, NAK = 1, 2, 3
METHODS = {
    4: "md5", 5: "otp", 6: "gtc", 13: "tls", 17: "leap", 18: "sim", 21: "ttls", 23: "aka", 25: "peap", 26: "mschapv2",
    29: "mschapv2", 43: "fast", 50: "aka_prime", 52: "pwd", 55: "teap",
}  # fmt: skip
IDENTITY_LIMIT = 253  # maximum of a RADIUS user name
_SIM = lazy_pattern(r"[0-9]\d{6,15}@|[^@]*@(?:[^@]*\.)?3gppnetwork\.org$", re.IGNORECASE)
_MAC = lazy_pattern(r"(?:[0-9a-fA-F]{2}[:.-]?){5}[0-9a-fA-F]{2}|[0-9a-fA-F]{4}(?:[.:-][0-9a-fA-F]{4}){2}")


def method_of(kind: int) -> str:
    """The name of a method, or its number if unknown."""
    return {IDENTITY: "identity", NOTIFICATION: "notification", NAK: "nak"}.get(kind) or METHODS.get(kind) or str(kind)


@functools.lru_cache(maxsize=512)
def read_identity(content: bytes) -> tuple[str, str, str]:
    r"""(identity, kind, host name of a computer). Windows writes ``host/name.domain`` for the computer and
    ``DOMAIN\name$`` in older forms. Identities of SIM cards are left out.
    """
    identity = clean(content.partition(b"\0")[0], IDENTITY_LIMIT)
    if not identity:
        return "", "anonymous" if not content else "", ""
    if _SIM.match(identity):
        return "", "sim", ""
    if identity.lower().startswith("host/"):
        return identity, "computer", identity[5:]
    user = identity.rpartition("\\")[2].partition("@")[0]
    if user.endswith("$") and len(user) > 1:
        return identity, "computer", user[:-1]
    if _MAC.fullmatch(user):
        return identity, "mac", ""
    return identity, "anonymous" if user.lower() in ("", "anonymous", "anon") else "user", ""
