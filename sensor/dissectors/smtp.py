"""SMTP and submission (RFC 5321, RFC 6409; AUTH of RFC 4954, STARTTLS of RFC 3207): clients and servers, and logins
with their result.

Reads the greeting and logins until one succeeds, TLS begins or the first mail is sent; no mail. A cleartext password is
stored as a seal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.lines import SERVICE_READY
from sensor.dissectors.shared.login_events import PasswordLogin
from sensor.dissectors.shared.sasl import Login, LoginStream
from sensor.dissectors.shared.sender_facts import fact

PORTS = (25, 587, 2525)
BANNER_LIMIT = 512
READY, RIGHT, GO_ON, WRONG = 220, 235, 334, 535
_REPLY = re.compile(rb"([2-5]\d\d)([ -])?(.*)", re.DOTALL)


class SmtpBanner(Event):
    """A server greets."""

    text: str


class SmtpLogin(PasswordLogin):
    """``method``: ``clear``, or the SASL mechanism."""


class Smtp(Dissector):
    """Connections until a login succeeds or mail is submitted."""

    interest = Interest(tcp=PORTS, starts=SERVICE_READY, stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SmtpStream(sure=packet.sport in PORTS or packet.dport in PORTS)


class SmtpStream(LoginStream):
    """One connection: the client's current command."""

    def __init__(self, *, sure: bool = True) -> None:
        """``sure``: another protocol with similar replies (FTP) is excluded."""
        super().__init__()
        self._sure = sure
        self._begun = self._wants_tls = False
        self._login: Login | None = None

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client:
            self._command(line)
            return iter(())
        found = _REPLY.fullmatch(line)
        if found is None:
            self.done = True  # another protocol
            return iter(())
        return iter(() if found[2] == b"-" else self._reply(packet, int(found[1]), found[3]))

    def _command(self, line: bytes) -> None:
        if self._login is not None:
            self._login.line(line)
            return
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if verb == b"AUTH" and rest:
            mechanism, _, first = rest.partition(b" ")
            self._login = Login.by(mechanism, first)
        elif verb == b"STARTTLS":
            self._wants_tls = True
        elif verb in (b"MAIL", b"DATA", b"BDAT") or not self._begun:
            self.done = True

    def _reply(self, packet: Packet, code: int, text: bytes) -> list[Parsed]:
        if not self._begun:
            words = clean(text, BANNER_LIMIT)
            self._begun, self.done = True, code != READY or not (self._sure or "smtp" in words.casefold())
            if self.done or not words:
                return []
            return [SmtpBanner(packet, words), fact(packet, "smtp.banner", words)]
        if self._wants_tls:
            self._wants_tls, self.done = False, code == READY
        elif self._login is not None and code != GO_ON:
            login, self._login = self._login, None
            self.done = code == RIGHT
            if code in (RIGHT, WRONG):
                return [SmtpLogin(packet, login.user, login.method, code == RIGHT, login.seal)]
        return []
