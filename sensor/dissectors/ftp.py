"""FTP control connections (RFC 959, RFC 2428, RFC 4217): server identity, logins with their result, file transfers.

Reads greetings, answers to SYST, logins, the commands that name files, and data connections that are requested to a
host other than the client. Ignores the data connections themselves. A password is stored as a seal only; after AUTH TLS
nothing is read. A server's greeting describes that server, even if it asks for a login.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.addresses import Address, is_host, parse
from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, clean
from sensor.dissectors.service_command import ServiceCommand
from sensor.dissectors.shared.lines import SERVICE_READY, LineStream
from sensor.dissectors.shared.login_events import PasswordSent
from sensor.dissectors.shared.odd_arguments import odd_commands
from sensor.dissectors.shared.seal import password_seal, seal
from sensor.dissectors.shared.sender_facts import facts

PORT = 21
USER_LIMIT = 128
PATH_LIMIT = 512
BANNER_LIMIT = 512
# Commands about files (RFC 959, 4.1.3).
FILES = frozenset(
    (b"RETR", b"STOR", b"STOU", b"APPE", b"DELE", b"RNFR", b"RNTO", b"MKD", b"RMD", b"XMKD", b"XRMD", b"SITE")
)
# Those that servers accept after a login only.
ENTERED = FILES | frozenset((
    b"CWD", b"CDUP", b"SMNT", b"PORT", b"PASV", b"EPRT", b"EPSV", b"PWD", b"XPWD", b"XCWD", b"LIST", b"NLST", b"SIZE",
    b"MDTM", b"MLST", b"MLSD", b"XCRC", b"MFMT",
))  # fmt: skip
COMMANDS = ENTERED | frozenset((
    b"USER", b"PASS", b"ACCT", b"QUIT", b"REIN", b"TYPE", b"STRU", b"MODE", b"ALLO", b"REST", b"ABOR", b"SYST", b"STAT",
    b"HELP", b"NOOP", b"AUTH", b"PBSZ", b"PROT", b"FEAT", b"OPTS", b"LANG", b"CLNT", b"HOST", b"CCC",
))  # fmt: skip
# Greetings of mail clients (RFC 5321, 4.1.1.1; RFC 2033, 4.1). If the server accepts one, mail follows.
MAIL_CLIENTS = frozenset((b"EHLO", b"HELO", b"LHLO"))
GREETING, SYSTEM, NEED_PASSWORD, TLS, DONE = 220, 215, 331, 234, 250
# Replies that judge a password (RFC 959, 4.2.2; RFC 2228, 5.1). 421 is no verdict: a server that ends the connection
# may reply so to any command.
ACCEPTED, REFUSED = (230, 232), (530, 430)
# No verdict either: the server, or the account, has as many connections as it allows.
_FULL = lazy_pattern(r"\bmaximum\b|\btoo many (?:clients|connect|users)|\blimit\b", re.IGNORECASE)
_ODD_USER = lazy_pattern(rb"[^\w.@+%\\ -]|.{100}")
_PORT = lazy_pattern(rb"(\d{1,3}(?:,\d{1,3}){3}),(\d{1,3}),(\d{1,3})")
_EPRT = lazy_pattern(rb"\|[12]\|([0-9a-fA-F.:]{2,45})\|(\d{1,5})\|")
_REPLY = lazy_pattern(rb"([1-5]\d\d)([ -])(.*)", re.DOTALL)


class FtpBanner(Event):
    """A server greets."""

    text: str


class FtpLogin(Event):
    """The result of a login. ``password``: one was sent; ``code``: the reply; ``seal``: of user and password."""

    user: str
    password: bool
    accepted: bool
    code: int
    seal: str = ""


class FtpPassword(PasswordSent):
    """A client sent a password, and the capture holds no packet of the server."""


class FtpEntered(Event):
    """After a password the client uses files, and the capture holds no packet of the server: the login was accepted.
    ``seal``: of user and password.
    """

    user: str
    seal: str


class FtpUser(Event):
    """A client logs in with a name that has characters or a length of no account."""

    user: str


class FtpFile(Event):
    """A client requests an operation on a file: ``command`` in capitals. The result is not part of the event."""

    command: str
    path: str
    user: str


class FtpDataTarget(Event):
    """A client requests that data connections lead to a host that is not the client (PORT, EPRT)."""

    address: Address
    port: int


class Ftp(Dissector):
    """Whole connections: they are small."""

    interest = Interest(tcp=(PORT,), starts=SERVICE_READY, stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return FtpStream(sure=PORT in (packet.sport, packet.dport))


class FtpStream(LineStream):
    """One control connection: the user, and the last command."""

    def __init__(self, *, sure: bool = True) -> None:
        """``sure``: another protocol with similar replies (SMTP) is excluded."""
        super().__init__()
        self._sure = sure
        self._user = self._seal = ""
        self._password = self._logging_in = self._begun = self._mail = False
        self._open: tuple[int, list[bytes]] | None = None  # a multi-line reply: its code, its texts

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        return iter(self._command(packet, line) if from_client else self._answer(packet, line))

    def lost(self, from_client: bool) -> None:
        self._open = None
        self._logging_in = False
        self._begun = True

    def is_whole(self, line: bytes, from_client: bool) -> bool:
        return line.partition(b" ")[0].upper() in COMMANDS if from_client else _REPLY.fullmatch(line) is not None

    def _command(self, packet: Packet, line: bytes) -> list[Parsed]:
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if verb not in COMMANDS:
            if not self._begun:
                raise Malformed("no command")
            self._mail = verb in MAIL_CLIENTS
            return []
        if verb == b"HELP" and rest:  # a backdoor has its own topic
            return [ServiceCommand(packet, "ftp", f"HELP {clean(rest, USER_LIMIT)}")]
        return [*odd_commands(packet, "ftp", verb, rest), *self._known_command(packet, verb, rest)]

    def _known_command(self, packet: Packet, verb: bytes, rest: bytes) -> list[Parsed]:
        if verb == b"USER":
            self._user, self._password, self._logging_in, self._seal = clean(rest, USER_LIMIT), False, True, ""
            return [FtpUser(packet, self._user)] if _ODD_USER.search(rest) else []
        if verb == b"PASS":
            self._password, self._seal = bool(rest.strip()), seal(self._user, rest)
            self._logging_in = True  # again, if the reply to the name was lost
            if self._password and packet.one_sided:
                return [FtpPassword(packet, self._user, self._seal, password_seal(rest))]
            return []
        parsed: list[Parsed] = _data_target(packet, verb, rest)
        if verb in ENTERED and self._password and self._logging_in and packet.one_sided:
            self._logging_in = False
            parsed.append(FtpEntered(packet, self._user, self._seal))
        if verb in FILES and not (verb == b"SITE" and b"pass" in rest.lower()):
            parsed.append(FtpFile(packet, verb.decode("ascii"), clean(rest, PATH_LIMIT), self._user))
        return parsed

    def _answer(self, packet: Packet, line: bytes) -> list[Parsed]:
        """A line of a reply; the last line has its code and a blank (RFC 959, 4.2)."""
        found = _REPLY.fullmatch(line)
        if self._open is not None:
            code, texts = self._open
            if found is None or int(found[1]) != code or found[2] == b"-":
                if sum(map(len, texts)) < BANNER_LIMIT:
                    texts.append(line if found is None else found[3])
                return []
            self._open = None
            return self._reply(packet, code, [*texts, found[3]])
        if found is None:
            if not self._begun:
                raise Malformed("no reply")
            return []
        if found[2] == b"-":
            self._open = int(found[1]), [found[3]]
            return []
        return self._reply(packet, int(found[1]), [found[3]])

    def _reply(self, packet: Packet, code: int, texts: list[bytes]) -> list[Parsed]:
        text = clean(b" ".join(one.strip() for one in texts if one.strip()), BANNER_LIMIT)
        first, self._begun = not self._begun, True
        if first and code == GREETING and (self._sure or "ftp" in text.casefold()):
            return [FtpBanner(packet, text), *facts(packet, [("ftp.banner", text)])]
        if code == SYSTEM:
            return facts(packet, [("ftp.system", text)])
        if code == NEED_PASSWORD and packet.one_sided:  # the client's commands are not captured
            self._user, self._password, self._logging_in, self._seal = "", True, True, ""
        mail, self._mail = self._mail, False
        if code == TLS or (mail and code == DONE):
            self.done = True
        elif self._logging_in and (code in ACCEPTED or (code in REFUSED and self._password)):
            self._logging_in = False
            if code in REFUSED and _FULL.search(text):
                return []
            return [FtpLogin(packet, self._user, self._password, code in ACCEPTED, code, self._seal)]
        return []


def _data_target(packet: Packet, verb: bytes, argument: bytes) -> list[Parsed]:
    """The end of the next data connection, if it is not the client (RFC 959, 4.1.2; RFC 2428, 2)."""
    if verb == b"PORT" and (found := _PORT.match(argument)):
        host, port = found[1].replace(b",", b"."), 256 * int(found[2]) + int(found[3])
    elif verb == b"EPRT" and (found := _EPRT.match(argument)):
        host, port = found[1], int(found[2])
    else:
        return []
    try:
        address = parse(host.decode("ascii"))
    except ValueError:
        return []
    third = is_host(address) and address != packet.src and port <= 0xFFFF
    return [FtpDataTarget(packet, address, port)] if third else []
