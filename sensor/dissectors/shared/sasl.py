"""Logins in line-based protocols: SASL in base64 (RFC 4422; PLAIN of RFC 4616, the non-standard LOGIN, CRAM-MD5 of RFC
2195), and similar ones.

A pending login stores user and method; a cleartext password is stored as a seal.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from sensor.core.dissector import Parsed
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.lines import LineStream
from sensor.dissectors.shared.login_events import CLEAR
from sensor.dissectors.shared.seal import password_seal, seal

NAME_LIMIT = 128
MECHANISM_LIMIT = 32
LINES_LIMIT = 8
CLEAR_MECHANISMS = frozenset(("plain", "login"))
# A failure that names the login: LOGIN failed; invalid user name or password; authentication failure.
_LOGIN_FAILED = lazy_pattern(
    rb"(?=.*(?:log[io]n|log ?on|authentic|password|credential|user ?name|(?:invalid|unknown|bad) user))"
    rb"(?=.*(?:fail|invalid|incorrect|wrong|\bbad\b|denied|reject|unsuccessful|unknown user))",
    re.IGNORECASE | re.DOTALL,
)
# One with another reason than the password: the mechanism, no encryption, the mailbox or the server.
_OTHER_REASON = lazy_pattern(
    rb"mechanism|(?:plain|clear)[ -]?text|\b(?:ssl|tls)\b|encrypt|temporar|unavailable|mail(?:drop|box)|\bin use\b|"
    rb"(?:not |un)supported",
    re.IGNORECASE,
)


class Login:
    """One login: ``user``, ``method``, ``seal`` and ``password_seal`` as in the events."""

    __slots__ = ("_lines", "_mechanism", "method", "password_seal", "seal", "user")

    def __init__(self, user: str = "", method: str = CLEAR) -> None:
        self.user, self.method, self.seal, self.password_seal = user, method, "", ""
        self._mechanism, self._lines = "", 0

    @classmethod
    def clear(cls, user: bytes, password: bytes) -> Login:
        """A login with user and password in cleartext."""
        login = cls(clean(user, NAME_LIMIT))
        login._show(password)
        return login

    @classmethod
    def by(cls, mechanism: bytes, first: bytes = b"") -> Login:
        """A SASL login; ``first``: initial response in the command."""
        name = clean(mechanism, MECHANISM_LIMIT).lower()
        login = cls("", CLEAR if name in CLEAR_MECHANISMS else name)
        login._mechanism = name
        if first:
            login.line(first)
        return login

    def line(self, raw: bytes) -> None:
        """A line of the client in response to the server."""
        self._lines += 1
        if self._lines > LINES_LIMIT or self._mechanism not in ("plain", "login", "cram-md5"):
            return
        try:
            text = base64.b64decode(raw.strip(), validate=True)
        except ValueError:
            return
        if self._mechanism == "plain":
            self.user, password = _parts(text)
            if password is not None:
                self._show(password)
        elif self._mechanism == "cram-md5":
            self.user = clean(text.rpartition(b" ")[0], NAME_LIMIT)
        elif self._lines == 1:
            self.user = clean(text, NAME_LIMIT)
        else:
            self._show(text)

    def _show(self, password: bytes) -> None:
        self.seal, self.password_seal = seal(self.user, password), password_seal(password)


def plain(message: bytes) -> tuple[str, str]:
    """User and seal in a message of PLAIN. Both are empty if there is no password."""
    user, password = _parts(message)
    return user, "" if password is None else seal(user, password)


def _parts(message: bytes) -> tuple[str, bytes | None]:
    """User and password in a message of PLAIN (RFC 4616, 2): identity, user and password, with zero bytes between them.
    Without a password, an empty user and None.
    """
    _, _, rest = message.partition(b"\0")
    user, end, password = rest.partition(b"\0")
    return (clean(user, NAME_LIMIT), password) if end else ("", None)


def is_other_reason(text: bytes) -> bool:
    """Whether a server's text states that a login failed for another reason than its password."""
    return _OTHER_REASON.search(text) is not None


def names_failed_login(text: bytes) -> bool:
    """Whether the text of a failure shows by itself that the failed command was a login."""
    return not is_other_reason(text) and _LOGIN_FAILED.match(text) is not None


class LoginStream(LineStream):
    """A line-based connection that is parsed until a login succeeds or encryption starts. A connection captured from
    its middle, or with a gap, yields nothing.
    """

    def is_sent(self, packet: Packet, login: Login | None) -> bool:
        """Whether a login has its password, and the capture will not show the result."""
        return login is not None and bool(login.seal) and packet.one_sided

    def lost(self, from_client: bool) -> None:
        self.done = True

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(()) if self.done else super().feed(packet, data, from_client)
