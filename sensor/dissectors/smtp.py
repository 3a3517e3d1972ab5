"""SMTP and submission (RFC 5321, RFC 6409; AUTH of RFC 4954, STARTTLS of RFC 3207): clients and servers, logins and
recipients with their result, and of a mail its subject and the names of its attachments (RFC 5322, RFC 2183).

Reads until TLS begins; of the first mails of a connection the header and the beginning of the text. A cleartext
password is stored as a seal. Texts of mails are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors._mail_header import MailHeader
from sensor.dissectors.shared.lines import SERVICE_READY
from sensor.dissectors.shared.login_events import PasswordLogin, PasswordSent
from sensor.dissectors.shared.odd_arguments import odd_commands
from sensor.dissectors.shared.sasl import Login, LoginStream
from sensor.dissectors.shared.sender_facts import fact

PORTS = (25, 587, 2525)
BANNER_LIMIT, ADDRESS_LIMIT = 512, 256
MAILBOXES_LIMIT = 1024  # commands without an answer yet
READY, RIGHT, GO_ON, DATA_FOLLOWS, WRONG = 220, 235, 334, 354, 535
# Commands that name a mailbox (RFC 5321, 4.1.1).
MAILBOXES = frozenset((b"MAIL", b"RCPT", b"VRFY", b"EXPN"))
# Commands with a name as argument.
NAMED = MAILBOXES | frozenset((b"HELO", b"EHLO", b"HELP", b"ETRN", b"SEND", b"SOML", b"SAML"))
_REPLY = lazy_pattern(rb"([2-5]\d\d)([ -])?(.*)", re.DOTALL)


class SmtpBanner(Event):
    """A server greets."""

    text: str


class SmtpLogin(PasswordLogin):
    """``method``: ``clear``, or the SASL mechanism."""


class SmtpPassword(PasswordSent):
    """A client sent a password, and the capture holds no packet of the server."""


class SmtpMailbox(Event):
    """The answer ``code`` to a command that names a mailbox: ``command`` in capitals, ``address`` as sent."""

    command: str
    address: str
    code: int


class SmtpMail(Event):
    """The header of a mail: its subject, and the program that wrote it."""

    subject: str
    mailer: str


class SmtpAttachment(Event):
    """An attachment by its name."""

    name: str


class Smtp(Dissector):
    """Whole connections until the text of a mail becomes long."""

    interest = Interest(tcp=PORTS, starts=SERVICE_READY, stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return SmtpStream(sure=packet.sport in PORTS or packet.dport in PORTS)


class SmtpStream(LoginStream):
    """One connection: the client's current command, and the mail that it sends."""

    def __init__(self, *, sure: bool = True) -> None:
        """``sure``: another protocol with similar replies (FTP) is excluded."""
        super().__init__()
        self._sure = sure
        self._begun = self._wants_tls = False
        self._login: Login | None = None
        self._mailboxes: list[tuple[str, str]] = []  # without an answer yet, since commands may be pipelined
        self._mail: MailHeader | None = None

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        if from_client and self._mail is not None:
            yield from self._text(packet, self._mail, line)
        elif from_client:
            verb, _, rest = line.partition(b" ")
            if self._login is None and verb.upper() in NAMED:
                yield from odd_commands(packet, "smtp", verb, rest)
            self._command(packet, line)
            yield from self._sent(packet)
        elif (found := _REPLY.fullmatch(line)) is None:
            self.done = True  # another protocol
        elif found[2] != b"-":
            yield from self._reply(packet, int(found[1]), found[3])

    def _text(self, packet: Packet, mail: MailHeader, line: bytes) -> Iterator[Parsed]:
        """A line of a mail, which ends with a single dot (RFC 5321, 4.1.1.4)."""
        if line == b".":
            self._mail = None
            return
        header, attachment = mail.line(line)
        if header is not None:
            yield SmtpMail(packet, *header)
        if attachment:
            yield SmtpAttachment(packet, attachment)
        self.done = mail.over

    def _command(self, packet: Packet, line: bytes) -> None:
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
        elif verb in MAILBOXES:
            self._mailboxes.append((verb.decode("ascii"), clean(rest, ADDRESS_LIMIT)))
        elif verb == b"DATA" and packet.one_sided:
            self._mailboxes.clear()  # their answers were not captured, and neither was that to DATA
            self._mail = MailHeader()
        if verb == b"BDAT" or not (self._begun or packet.one_sided) or len(self._mailboxes) > MAILBOXES_LIMIT:
            self.done = True

    def _sent(self, packet: Packet) -> Iterator[Parsed]:
        login = self._login
        if login is not None and self.is_sent(packet, login):
            self._login = None
            yield SmtpPassword(packet, login.user, login.seal, login.password_seal)

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
            if code in (RIGHT, WRONG):
                return [SmtpLogin(packet, login.user, login.method, code == RIGHT, login.seal)]
        elif code == WRONG and packet.one_sided:
            return [SmtpLogin(packet, "", "", False)]
        elif code == DATA_FOLLOWS:
            self._mail = MailHeader()
        elif self._mailboxes:
            return [SmtpMailbox(packet, *self._mailboxes.pop(0), code)]
        return []
