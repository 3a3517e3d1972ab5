"""PJL over TCP 9100 (HP, Printer Job Language Technical Reference Manual): responses of a printer about itself, and
commands of jobs and users.

Reads commands (``@PJL …`` lines after the universal exit sequence) and the printer's responses to INFO, ECHO and
USTATUS. Of page data in PostScript only operators are read that access files or settings (PostScript Language
Reference, third edition, 3.8 and C.3), at the beginning of a job; all other page data is skipped. Passwords are never
stored. Also reads the response of label printers to ~HI (host identification of ZPL) on the same port.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.ieee1284 import device_id
from sensor.dissectors.shared.sender_facts import facts

EXIT = b"\x1b%-12345X"
PREFIX = b"@PJL"
LINE_LIMIT = 1024
ANSWER_LIMIT = 4096
COMMANDS_LIMIT = 128
TEXT_LIMIT = 255
SCRIPT, SCRIPT_LIMIT = b"%!", 4096
# Files are opened with a name and an access mode in parentheses; those of the interpreter begin with %std or %line.
_OPERATORS = lazy_pattern(
    rb"\b(filenameforall|deletefile|renamefile|setsystemparams|devformat)\b"
    rb"|\((?!%(?:std|line|state))([^()]{1,255})\)\s{0,8}\(([rwa]\+?)\)\s{0,8}file\b"
)
# Commands of two words before their options (Technical Reference, 2.4).
TWO_WORDS = frozenset(("INFO", "ENTER", "USTATUS", "DINQUIRE", "INQUIRE", "DEFAULT", "SET"))
_NAME = lazy_pattern(r'\b(?:NAME|DISPLAY)\s{0,4}=\s{0,4}"([^"]{0,255})"', re.IGNORECASE)
_QUOTED = lazy_pattern(rb'"?([^"\r\n]{2,255})"?')
_PAIR = lazy_pattern(rb"^[ \t]*([A-Za-z][\w ]{0,40}?)\s{0,4}=\s{0,4}\"?([^\"\r\n]{1,255})\"?", re.MULTILINE)
# Names of serial number, version and product in INFO CONFIG and INFO PRODINFO.
_FIELDS = {
    b"SERIALNUMBER": "pjl.serial", b"SERIAL NUMBER": "pjl.serial", b"PRODUCTSERIALNUMBER": "pjl.serial",
    b"FIRMWAREVERSION": "pjl.firmware",
    b"FIRMWARE VERSION": "pjl.firmware", b"FIRMWAREDATECODE": "pjl.firmware", b"PRODUCTNAME": "pjl.id",
}  # fmt: skip
_ZPL = lazy_pattern(rb"\x02([\w -]{3,40}),(V[\w.]{3,20}),\d{1,3},")


class PjlCommand(Event):
    """A command to the printer. ``command``: ``INFO``, ``FSUPLOAD`` …; ``argument``: its topic, variable or language;
    ``name``: the file or text it names. Values of variables are not reported.
    """

    command: str
    argument: str
    name: str


class PostscriptOperator(Event):
    """A job runs an operator on the printer that printing does not need: ``filenameforall``, ``deletefile``,
    ``renamefile``, ``setsystemparams``, ``devformat``, or ``read``, ``write`` and ``append`` of the file ``name``.
    """

    operator: str
    name: str


class PjlAnswer(Event):
    """A response of the printer. ``topic``: ``INFO ID``, ``USTATUS DEVICE`` …; ``lines``: their number."""

    topic: str
    lines: int


class Pjl(Dissector):
    """Only the beginning of jobs, and each payload that begins with the exit sequence or a command."""

    interest = Interest(
        tcp=(9100, 9101, 9102), starts=(b"\x1b%-12345", b"@PJL INF", b"@PJL UST"), stream=True, opening=4
    )

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return PjlStream()


class PjlStream(Stream):
    """One connection: commands in one direction, responses in the other."""

    def __init__(self) -> None:
        self._line, self._answer, self._script = bytearray(), bytearray(), bytearray()
        self._found: set[tuple[str, str]] = set()
        self._data = self._lost = False
        self._commands = 0

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        if not from_client:
            yield from self._answered(packet, data)
            return
        yield from self._sent(packet, data)
        if len(self._script) < SCRIPT_LIMIT:
            self._script += data[: SCRIPT_LIMIT - len(self._script)]
            yield from self._operators(packet)

    def gap(self, packet: Packet, missing: int, from_client: bool) -> Iterator[Parsed]:
        if from_client:
            self._line.clear()
            self._data = True
        else:
            self._answer.clear()
            self._lost = True
        return iter(())

    def _sent(self, packet: Packet, data: bytes) -> Iterator[Parsed]:
        """Lines of commands; page data lasts until the exit sequence."""
        kept = self._line
        kept += data
        while kept and self._commands < COMMANDS_LIMIT:
            if self._data:
                at = kept.find(EXIT)
                if at < 0:
                    del kept[: -len(EXIT)]
                    return
                del kept[:at]
                self._data = False
            if kept.startswith(EXIT):
                del kept[: len(EXIT)]
                continue
            if EXIT.startswith(kept[: len(EXIT)]) or (len(kept) < len(PREFIX) and PREFIX.startswith(kept.upper())):
                return
            end = kept.find(b"\n", 0, LINE_LIMIT)
            if kept[:4].upper() != PREFIX and kept[:1] not in b"\r\n":
                self._data = True
                continue
            if end < 0:
                self._data = len(kept) >= LINE_LIMIT
                if not self._data:
                    return
                continue
            line = bytes(kept[:end])
            del kept[: end + 1]
            yield from self._command(packet, line)
        if self._commands >= COMMANDS_LIMIT:
            kept.clear()

    def _operators(self, packet: Packet) -> Iterator[Parsed]:
        """Operators of a script, each once for a file."""
        start = self._script.find(SCRIPT)
        for match in _OPERATORS.finditer(self._script, start) if start >= 0 else ():
            operator, name, mode = match.groups()
            kind = operator.decode() if operator else {b"r": "read", b"w": "write"}.get(mode[:1], "append")
            found = (kind, clean(name or b"", TEXT_LIMIT))
            if found not in self._found and len(self._found) < COMMANDS_LIMIT:
                self._found.add(found)
                yield PostscriptOperator(packet, *found)

    def _command(self, packet: Packet, line: bytes) -> Iterator[Parsed]:
        words = clean(line[4:], LINE_LIMIT).split(None, 2)
        if not words or words[0].upper() == "COMMENT":
            return
        command = words[0].partition("=")[0].upper()[:TEXT_LIMIT]
        argument = ""
        if command in TWO_WORDS and len(words) > 1:
            argument = words[1].rpartition("=")[2] if command == "ENTER" else words[1].partition("=")[0]
            if argument.upper().startswith("LPARM") and len(words) > 2:
                argument = words[2].partition("=")[0].rstrip().rpartition(" ")[2]
        rest = clean(line, LINE_LIMIT)
        name = found[1] if (found := _NAME.search(rest)) and "PASSWORD" not in rest.upper() else ""
        self._commands += 1
        self._data = command == "ENTER"
        yield PjlCommand(packet, command, clean(argument, TEXT_LIMIT).upper(), clean(name, TEXT_LIMIT))

    def _answered(self, packet: Packet, data: bytes) -> Iterator[Parsed]:
        """Responses end with a form feed (Technical Reference, 7.1)."""
        kept = self._answer
        kept += data
        while kept:
            end = kept.find(b"\3" if kept[:1] == b"\2" else b"\f")
            if end < 0:
                if len(kept) > ANSWER_LIMIT:
                    kept.clear()
                    self._lost = True
                return
            answer = bytes(kept[: end + 1])
            del kept[: end + 1]
            if not self._lost or answer.startswith((PREFIX, b"\2")):
                self._lost = False
                yield from _answer(packet, answer)


def _answer(packet: Packet, answer: bytes) -> list[Parsed]:
    """One complete response."""
    pairs: list[tuple[str, str]] = []
    if found := _ZPL.match(answer):
        parsed: list[Parsed] = [PjlAnswer(packet, "ZPL HI", 1)]
        pairs += (("pjl.zpl", clean(found[1] + b"," + found[2])),)
    else:
        head, _, body = answer.lstrip().partition(b"\n")
        if head[:4].upper() != PREFIX:
            return []
        topic = " ".join(clean(head[4:], TEXT_LIMIT).upper().split()[:2])
        parsed = [PjlAnswer(packet, topic, body.count(b"\n"))]
        if topic == "INFO ID":
            pairs += _identity(body)
        elif topic in ("INFO CONFIG", "INFO PRODINFO"):
            pairs += [
                (kind, clean(value, TEXT_LIMIT))
                for name, value in _PAIR.findall(body)
                if (kind := _FIELDS.get(name.strip().upper()))
            ]
    return parsed + facts(packet, pairs)


def _identity(body: bytes) -> list[tuple[str, str]]:
    """The response to INFO ID: a name in quotes, or on some printers a device id."""
    found = _QUOTED.match(body.strip(b"\r\n\f "))
    text = clean(found[1], TEXT_LIMIT) if found else ""
    if not text.startswith(("MFG:", "MANUFACTURER:")):
        return [("pjl.id", text)]
    fields = device_id(text)
    return [
        ("pjl.id", f"{fields.get('MFG', '')} {fields.get('MDL', '')}".strip()),
        ("pjl.serial", fields.get("SN", "")),
    ]
