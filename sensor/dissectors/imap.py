"""IMAP (RFC 9051; with STARTTLS and AUTHENTICATE): greetings, and logins with their result.

Reads the greeting and logins until one succeeds, or TLS begins; no mail. Arguments are atoms, quoted strings or
literals. A password is stored as a seal only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.login_events import PasswordLogin, PasswordSent
from sensor.dissectors.shared.odd_arguments import odd_commands
from sensor.dissectors.shared.sasl import Login, LoginStream, is_other_reason, names_failed_login
from sensor.dissectors.shared.sender_facts import facts

BANNER_LIMIT = 512
LITERAL_LIMIT = 256
# Failures unrelated to the password (RFC 5530).
OTHER_REASONS = (b"[UNAVAILABLE]", b"[PRIVACYREQUIRED]", b"[INUSE]", b"[LIMIT]", b"[SERVERBUG]", b"[CONTACTADMIN]")
WRONG = b"[AUTHENTICATIONFAILED]"
_GREETING = lazy_pattern(rb"\* (?:OK|PREAUTH)(.*)", re.IGNORECASE | re.DOTALL)
_CODE = lazy_pattern(rb"\[[^\]]*\]")  # capabilities and tokens (RFC 9051, 7.1)
_LITERAL = lazy_pattern(rb"\{(\d{1,4})\+?\}$")
_WORD = lazy_pattern(rb'"((?:[^"\\]|\\.){0,256})"|([^\s"]{1,256})')


class ImapBanner(Event):
    """A server greets."""

    text: str


class ImapLogin(PasswordLogin):
    """``method``: ``clear``, or the SASL mechanism."""


class ImapPassword(PasswordSent):
    """A client sent a password, and the capture holds no packet of the server."""


class Imap(Dissector):
    """Whole conversations until a login succeeds."""

    interest = Interest(tcp=(143,), starts=(b"* OK",), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return ImapStream()


class ImapStream(LoginStream):
    """One connection: the pending login with its tag, and incomplete arguments."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._tag = self._tls = b""
        self._login: Login | None = None
        self._exchange = False  # the client's lines belong to SASL
        self._words: list[bytes] = []  # of a LOGIN whose next argument is a literal
        self._wanted = 0

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        if not self._begun and not (from_client and packet.one_sided):
            return iter(self._greeting(packet, line, from_client))
        if not from_client:
            return iter(self._answer(packet, line))
        return iter(self._sent(packet, line))

    def _sent(self, packet: Packet, line: bytes) -> list[Parsed]:
        odd: list[Parsed] = []
        if self._exchange and self._login is not None:
            self._login.line(line)
        elif self._wanted:
            word, rest = line[: self._wanted], line[self._wanted :]
            self._wanted = 0
            self._gather([*self._words, word], rest)
        else:
            verb, arguments = self._command(line)
            if verb.isalpha() and verb != b"AUTHENTICATE":  # those of SASL are encoded
                odd = odd_commands(packet, "imap", verb, arguments)
        login = self._login
        if login is None or not self.is_sent(packet, login):
            return odd
        self._login, self._exchange = None, False
        return [*odd, ImapPassword(packet, login.user, login.seal, login.password_seal)]

    def _greeting(self, packet: Packet, line: bytes, from_client: bool) -> list[Parsed]:
        found = None if from_client else _GREETING.fullmatch(line)
        if found is None:
            self.done = True
            return []
        self._begun = True
        program = clean(_CODE.sub(b"", found[1]), BANNER_LIMIT).strip()
        return [ImapBanner(packet, clean(found[1], BANNER_LIMIT)), *facts(packet, [("imap.banner", program)])]

    def _command(self, line: bytes) -> tuple[bytes, bytes]:
        """Returns the command and its arguments."""
        tag, _, rest = line.partition(b" ")
        verb, _, rest = rest.partition(b" ")
        verb = verb.upper()
        if verb == b"LOGIN":
            self._tag, self._login = tag, Login()
            self._gather([], rest)
        elif verb == b"AUTHENTICATE":
            mechanism, _, first = rest.partition(b" ")
            self._tag, self._login, self._exchange = tag, Login.by(mechanism, first), True
        elif verb == b"STARTTLS":
            self._tls = tag
        return verb, rest

    def _gather(self, words: list[bytes], rest: bytes) -> None:
        """User and password, as far as available."""
        literal = _LITERAL.search(rest)
        bare = rest[: literal.start()] if literal is not None else rest
        words += [
            re.sub(rb"\\(.)", rb"\1", found[1]) if found[2] is None else found[2] for found in _WORD.finditer(bare)
        ]
        if literal is not None and len(words) < 2:
            self._words, self._wanted = words, min(int(literal[1]), LITERAL_LIMIT)
        elif len(words) >= 2:
            self._login = Login.clear(words[0], words[1])

    def _answer(self, packet: Packet, line: bytes) -> list[Parsed]:
        tag, _, rest = line.partition(b" ")
        verdict, _, text = rest.partition(b" ")
        verdict = verdict.upper()
        judged = verdict == b"NO" and not text.upper().startswith(OTHER_REASONS)
        if packet.one_sided and judged and (text.upper().startswith(WRONG) or names_failed_login(text)):
            return [ImapLogin(packet, "", "", False)]
        if tag == self._tls and self._tls:
            self._tls, self.done = b"", verdict == b"OK"
        elif self._login is not None and tag == self._tag and verdict in (b"OK", b"NO", b"BAD"):
            login, self._login, self._exchange = self._login, None, False
            right = verdict == b"OK"
            self.done = right
            if right or (judged and not is_other_reason(text)):
                return [ImapLogin(packet, login.user, login.method, right, login.seal)]
        return []
