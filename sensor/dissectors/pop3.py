"""POP3 (RFC 1939; AUTH of RFC 5034, STLS of RFC 2595): greetings, and logins with their result.

Reads the greeting and logins until one succeeds, or TLS begins; no mail. A cleartext password is stored as a seal.
"""

from __future__ import annotations

from collections import deque
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
PENDING_LIMIT = 16
_TIMESTAMP = lazy_pattern(rb"<[^>]*>")  # for APOP (RFC 1939, 7)
TLS, LIST, OTHER = "tls", "list", "other"
WRONG = b"-ERR [AUTH]"  # RFC 3206
LISTS = frozenset((b"CAPA", b"LIST", b"UIDL"))


class Pop3Banner(Event):
    """A server greets."""

    text: str


class Pop3Login(PasswordLogin):
    """``method``: ``clear``, ``apop``, or the SASL mechanism."""


class Pop3Password(PasswordSent):
    """A client sent a password, and the capture holds no packet of the server."""


class Pop3(Dissector):
    """Whole conversations until a login succeeds."""

    interest = Interest(tcp=(110,), starts=(b"+OK ",), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return Pop3Stream()


class Pop3Stream(LoginStream):
    """One connection: pending commands, since they may be pipelined."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = self._listing = False
        self._user = b""
        self._pending: deque[Login | str] = deque(maxlen=PENDING_LIMIT)
        self._exchange: Login | None = None  # a SASL exchange in progress

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        if not self._begun and not (from_client and packet.one_sided):
            return iter(self._greeting(packet, line, from_client))
        if not from_client:
            return iter(self._answer(packet, line))
        login = self._exchange
        if login is not None:
            login.line(line)
        else:
            command = self._command(line)
            self._pending.append(command)
            login = command if isinstance(command, Login) else None
        verb, _, rest = line.partition(b" ")
        encoded = verb.upper() == b"AUTH" or not verb.isalpha()  # by SASL
        odd = [] if encoded else odd_commands(packet, "pop3", verb, rest)
        if login is None or not self.is_sent(packet, login):
            return iter(odd)
        self._exchange = None
        return iter((*odd, Pop3Password(packet, login.user, login.seal, login.password_seal)))

    def _greeting(self, packet: Packet, line: bytes, from_client: bool) -> list[Parsed]:
        if from_client or not line.startswith(b"+OK"):
            self.done = True
            return []
        self._begun = True
        program = clean(_TIMESTAMP.sub(b"", line[3:]), BANNER_LIMIT).strip()
        return [Pop3Banner(packet, clean(line[3:], BANNER_LIMIT)), *facts(packet, [("pop3.banner", program)])]

    def _command(self, line: bytes) -> Login | str:
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if verb == b"USER":
            self._user = rest.strip()
        elif verb == b"PASS":
            return Login.clear(self._user, rest)
        elif verb == b"APOP":
            return Login(clean(rest.partition(b" ")[0], 128), "apop")
        elif verb == b"AUTH" and rest:
            mechanism, _, first = rest.partition(b" ")
            self._exchange = Login.by(mechanism, first)
            return self._exchange
        elif verb == b"STLS":
            return TLS
        return LIST if verb in LISTS or (verb == b"AUTH" and not rest) else OTHER

    def _answer(self, packet: Packet, line: bytes) -> list[Parsed]:
        if self._listing:
            self._listing = line != b"."
            return []
        if packet.one_sided and _is_verdict(line) and (line.startswith(WRONG) or names_failed_login(line)):
            return [Pop3Login(packet, "", "", False)]
        if line.startswith(b"+ ") or line == b"+" or not self._pending:  # SASL continues
            return []
        requested, right = self._pending.popleft(), line.startswith(b"+OK")
        self._exchange = None
        if isinstance(requested, Login):
            self.done = right
            if not right and not _is_verdict(line):
                return []
            return [Pop3Login(packet, requested.user, requested.method, right, requested.seal)]
        self.done = right and requested == TLS
        self._listing = right and requested == LIST
        return []


def _is_verdict(line: bytes) -> bool:
    """Whether a failure is about the password, not about a mailbox in use, a server error (RFC 2449, 8; RFC 3206), or
    a login without encryption.
    """
    other = line[5:].lstrip().upper().startswith((b"[IN-USE]", b"[LOGIN-DELAY]", b"[SYS/"))
    return line.startswith(b"-ERR") and not other and not is_other_reason(line)
