"""The native API of ESPHome over TCP (its source, api.proto): devices with ESP chips describe themselves to Home
Assistant.

Reads the names, the version, the board and the project of a device, and a login with its result; a password is stored
as a seal. Of encrypted connections (Noise) only the name in the greeting is readable. Nothing is read after these.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.framing import FramedStream
from sensor.dissectors.shared.login_events import CLEAR, NONE, PasswordLogin
from sensor.dissectors.shared.protobuf import fields, text, varint
from sensor.dissectors.shared.seal import seal
from sensor.dissectors.shared.sender_facts import facts

PORT = 6053
PLAIN, NOISE = 0, 1  # first byte of a frame
LOGIN, LOGIN_RESULT, DEVICE = 3, 4, 10  # types of messages
PASSWORD, INVALID = 1, 1  # fields of a login and of its result
# Fields of a device.
NAME, MAC, VERSION, BOARD, PROJECT, PROJECT_VERSION, MAKER, FRIENDLY_NAME = 2, 3, 4, 6, 8, 9, 12, 13
LONGEST, MESSAGES_LIMIT = 1 << 16, 64
SIZE_BYTES = 3  # of a length or a type of message
NOISE_HEAD = 3


class EsphomeDevice(Event):
    """A device describes itself; of an encrypted connection, name and MAC only. ``project``: author and product."""

    name: str
    mac: str
    version: str = ""
    board: str = ""
    project: str = ""
    project_version: str = ""
    maker: str = ""


class EsphomeLogin(PasswordLogin):
    """``user``: always empty; ``method``: ``clear``, or ``none`` if no password was sent."""


class Esphome(Dissector):
    """Conversations up to the description of the device."""

    interest = Interest(tcp=(PORT,), stream=True)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return EsphomeStream()


class EsphomeStream(FramedStream):
    """One connection, and the password until its result."""

    resumes = False

    def __init__(self) -> None:
        super().__init__()
        self._messages = 0
        self._password: bytes | None = None

    def size(self, data: bytes, at: int) -> int:
        if data[at] == NOISE:
            end = at + NOISE_HEAD
            return NOISE_HEAD + int.from_bytes(data[at + 1 : end], "big") if len(data) >= end else 0
        if data[at] != PLAIN:
            raise Malformed("unknown kind of frame")
        head = data[at + 1 : at + 1 + 2 * SIZE_BYTES]
        ends = [place for place, byte in enumerate(head) if byte < 0x80][:2]
        if len(ends) < 2:
            if len(head) == 2 * SIZE_BYTES:
                raise Malformed("frame too long")
            return 0
        size = varint(Reader(head))
        if size > LONGEST:
            raise Malformed("frame too long")
        return 2 + ends[1] + size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        self._messages += 1
        self.done = self._messages >= MESSAGES_LIMIT
        if data[0] == NOISE:
            return iter(() if from_client else self._greeted(packet, data[NOISE_HEAD:]))
        reader = Reader(data, 1)
        varint(reader)  # size
        kind = varint(reader)
        if from_client and kind == LOGIN:
            value = dict(fields(reader)).get(PASSWORD, b"")
            self._password = value if isinstance(value, bytes) else b""
        elif not from_client and kind == LOGIN_RESULT:
            return iter(self._judged(packet, dict(fields(reader)).get(INVALID, 0) == 1))
        elif not from_client and kind == DEVICE:
            self.done = True
            return iter(_described(packet, reader))
        return iter(())

    def _greeted(self, packet: Packet, payload: bytes) -> list[Parsed]:
        """The greeting of Noise: protocol, then name and MAC, each with a zero byte at its end."""
        self.done = True
        parts = payload[1:].split(b"\0")
        if payload[:1] != b"\1" or len(parts) < 2:
            return []
        name = clean(parts[0])
        return [EsphomeDevice(packet, name, clean(parts[1])), *facts(packet, [("esphome.hostname", name)])]

    def _judged(self, packet: Packet, refused: bool) -> list[Parsed]:
        password, self._password = self._password, None
        if password is None:
            return []
        method, sealed = (CLEAR, seal("", password)) if password else (NONE, "")
        return [EsphomeLogin(packet, "", method, not refused, sealed)]


def _described(packet: Packet, reader: Reader) -> list[Parsed]:
    found = dict(fields(reader))
    words = [text(found, number) for number in (NAME, MAC, VERSION, BOARD, PROJECT, PROJECT_VERSION, MAKER)]
    event = EsphomeDevice(packet, *words)
    pairs = (
        ("esphome.hostname", event.name),
        ("esphome.friendly_name", text(found, FRIENDLY_NAME)),
        ("esphome.version", event.version),
        ("esphome.board", event.board),
        ("esphome.project", event.project),
        ("esphome.firmware", event.project_version),
    )
    return [event, *facts(packet, pairs)]
