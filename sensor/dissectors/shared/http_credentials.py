"""Credentials in HTTP (RFC 9110, 11; RFC 7617; RFC 7616; [MS-NTHT]): user and scheme; a password is stored
as a seal.
"""

from __future__ import annotations

import base64
import functools
import re
from urllib.parse import unquote_to_bytes

import msgspec

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.dissectors.shared import ntlm
from sensor.dissectors.shared.seal import password_seal, seal

NAME_LIMIT = 255
HEAD_LIMIT = 8192
TOKEN_LIMIT = 8192
BASIC_LIMIT = 2048
SCHEMES = frozenset(
    ("basic", "digest", "bearer", "ntlm", "negotiate", "hoba", "mutual", "scram-sha-256", "aws4-hmac-sha256", "wsse")
)
_REALM = lazy_pattern(rb"""\brealm\s{0,4}=\s{0,4}(?:"([^"]{0,512})"|([^\s,"]{1,512}))""", re.IGNORECASE)
_STALE = lazy_pattern(rb"""[\s,]stale\s{0,4}=\s{0,4}"?true\b""", re.IGNORECASE)
_USER_NAME = lazy_pattern(rb"""\busername\s{0,4}=\s{0,4}"([^"]{0,255})""", re.IGNORECASE)
# User and password in the query of a URL, as in web interfaces of cameras and routers.
_QUERY_USER = lazy_pattern(rb"[?&](?:user|usr|username|login|loginuse|account)=([^&#]{0,128})", re.IGNORECASE)
_QUERY_PASSWORD = lazy_pattern(rb"[?&](?:pass|pwd|psw|password|passwd|loginpas)=([^&#]{0,128})", re.IGNORECASE)
_TOKEN = lazy_pattern(rb"(?:^|,)\s{0,4}(?:ntlm|negotiate)\s{1,4}([A-Za-z0-9+/]{16,8192}={0,2})", re.IGNORECASE)


class Credentials(msgspec.Struct, frozen=True, gc=False):
    """``scheme``: in lower case, ``other`` if unknown, ``query`` if they are in the URL, empty without any; ``user``:
    if readable; ``seal`` and ``password_seal``: of user and password, and of the password alone, if it is readable.
    """

    scheme: str = ""
    user: str = ""
    seal: str = ""
    password_seal: str = ""


NONE = Credentials()


def credentials(raw: bytes) -> Credentials:
    """Parse the credentials of a request. Those of an unknown scheme may be the secret itself, so they are not
    reported.
    """
    if not raw:
        return NONE
    name, _, rest = raw.partition(b" ")
    scheme = clean(name, 32).lower()
    if scheme == "basic":
        return _basic(rest.strip())
    if scheme == "digest" and (found := _USER_NAME.search(rest[:HEAD_LIMIT])):
        return Credentials(scheme, clean(found[1], NAME_LIMIT))
    return Credentials(scheme if scheme in SCHEMES else "other")


def _basic(raw: bytes) -> Credentials:
    """``user:password`` in base64 (RFC 7617)."""
    try:
        user, colon, password = base64.b64decode(raw[:BASIC_LIMIT], validate=True).partition(b":")
    except ValueError:
        return Credentials("basic")
    name = clean(user, NAME_LIMIT)
    return _sealed("basic", name, password) if colon else Credentials("basic")


def in_query(target: bytes) -> Credentials:
    """Credentials in the query of a URL; empty if user or password is missing."""
    password = _QUERY_PASSWORD.search(target) if b"?" in target else None
    user = _QUERY_USER.search(target) if password is not None else None
    if user is None or password is None:
        return NONE
    name = clean(unquote_to_bytes(user[1]), NAME_LIMIT)
    return _sealed("query", name, unquote_to_bytes(password[1]))


def _sealed(scheme: str, user: str, password: bytes) -> Credentials:
    return Credentials(scheme, user, seal(user, password), password_seal(password))


@functools.lru_cache(maxsize=1024)
def challenge(raw: bytes) -> tuple[tuple[str, ...], str]:
    """(schemes, realm) of a response's challenges."""
    found = _REALM.search(raw)
    words = (clean(word, 32).lower() for word in re.split(rb"[\s,]+", raw[:4096]))
    return tuple(dict.fromkeys(word for word in words if word in SCHEMES)), clean(
        found[1] or found[2] or b"", 512
    ) if found else ""


@functools.lru_cache(maxsize=1024)
def is_stale(raw: bytes) -> bool:
    """Whether a challenge replaces the nonce of credentials, whose password it does not judge (RFC 7616, 3.3)."""
    return _STALE.search(raw) is not None


def ntlm_message(raw: bytes) -> ntlm.Message | None:
    """The NTLM message in credentials or in a challenge."""
    found = _TOKEN.search(raw[:TOKEN_LIMIT]) if raw else None
    if found is None:
        return None
    try:
        return ntlm.find(base64.b64decode(found[1]), partial=True)
    except ValueError:
        return None
