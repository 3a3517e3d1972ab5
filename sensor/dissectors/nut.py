"""Network UPS Tools over TCP (RFC 9271): UPSs that a server reports, and logins.

Reads manufacturer, model, serial number and firmware in a list of variables, the version of the server, and logins with
their result; a password is stored as a seal. Ignores status, measurements and settings, and what follows STARTTLS. The
UPS is attached to the server, which may be any computer: its product does not identify the server.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.lines import LineStream
from sensor.dissectors.shared.login_events import CLEAR, PasswordLogin
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import facts

PORT = 3493
LINES_LIMIT = 4096  # of a connection: clients poll for months
NAME_LIMIT, VALUE_LIMIT = 64, 255
LIST = b"BEGIN LIST VAR "
LIST_END = b"END LIST VAR "
VERSION = b"Network UPS Tools upsd "
VERBS = frozenset((
    b"DETACH", b"FSD", b"GET", b"HELP", b"INSTCMD", b"LIST", b"LOGIN", b"LOGOUT", b"MASTER", b"NETVER", b"PASSWORD",
    b"PRIMARY", b"PROTVER", b"SET", b"STARTTLS", b"USERNAME", b"VER",
))  # fmt: skip
# Commands that need a login; only their result shows whether the password is right (4.2.5).
PRIVILEGED = frozenset((b"FSD", b"INSTCMD", b"LOGIN", b"MASTER", b"PRIMARY", b"SET"))
REFUSED = b"ERR ACCESS-DENIED"
FIELDS = (b"mfr", b"model", b"serial", b"firmware")
_VARIABLE = lazy_pattern(rb'VAR \S{1,64} (?:ups|device)\.(mfr|model|serial|firmware) "((?:[^"\\]|\\.){0,255})"$')


class NutUps(Event):
    """A server describes a UPS that is attached to it."""

    name: str
    vendor: str
    model: str
    serial: str
    firmware: str


class NutLogin(PasswordLogin):
    """``method``: always ``clear``."""


class Nut(Dissector):
    """Whole conversations; each polls a few variables every five seconds."""

    interest = Interest(tcp=(PORT,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return NutStream()


class NutStream(LineStream):
    """One connection: the last command, the credentials until their result, and the variables of a list."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = 0
        self._verb = self._user = b""
        self._password: bytes | None = None
        self._variables: dict[bytes, str] | None = None
        self._known: set[tuple[str, ...]] = set()

    def line(self, packet: Packet, line: bytes, from_client: bool) -> Iterator[Parsed]:
        self._lines += 1
        self.done = self._lines >= LINES_LIMIT
        return iter(self._command(line) if from_client else self._answer(packet, line))

    def lost(self, from_client: bool) -> None:
        self._verb, self._password, self._variables = b"", None, None

    def _command(self, line: bytes) -> list[Parsed]:
        verb, _, rest = line.partition(b" ")
        self._verb = verb.upper()
        if self._verb not in VERBS:
            self.done = True
        elif self._verb == b"USERNAME":
            self._user = rest.strip()
        elif self._verb == b"PASSWORD":
            self._password = rest.strip()
        return []

    def _answer(self, packet: Packet, line: bytes) -> list[Parsed]:
        if self._verb == b"STARTTLS":
            self.done = line.startswith(b"OK")
        elif line.startswith(LIST):
            self._variables = {}
        elif line.startswith(LIST_END):
            return self._listed(packet, clean(line[len(LIST_END) :], NAME_LIMIT))
        elif self._variables is not None:
            if found := _VARIABLE.match(line):
                self._variables.setdefault(found[1], clean(found[2].replace(b"\\", b""), VALUE_LIMIT))
        elif line.startswith(VERSION):
            return facts(packet, [("nut.version", clean(line[len(VERSION) :].split(b" ", 1)[0], NAME_LIMIT))])
        elif self._password is not None and self._verb in PRIVILEGED:
            return self._judged(packet, line)
        return []

    def _listed(self, packet: Packet, name: str) -> list[Parsed]:
        variables, self._variables = self._variables or {}, None
        product = (name, *(variables.get(field, "") for field in FIELDS))
        if not variables or product in self._known:
            return []
        self._known.add(product)
        return [NutUps(packet, *product), *facts(packet, [("nut.ups", f"{product[1]} {product[2]}".strip())])]

    def _judged(self, packet: Packet, line: bytes) -> list[Parsed]:
        """The result of a command that needs a login, once for each password; other errors do not judge it."""
        accepted = line.startswith(b"OK")
        if not accepted and not line.startswith(REFUSED):
            return []
        user, password, self._password = clean(self._user, NAME_LIMIT), self._password or b"", None
        return [NutLogin(packet, user, CLEAR, accepted, seal(user, password))]
