"""Arguments of commands in text protocols that no client sends: filler that overflows a buffer, machine code, and
directives of a format string. Only their kind is reported, since the argument may be a password. In binary messages,
where any byte is ordinary, only directives and repetition are.
"""

from __future__ import annotations

import re

from sensor.core.dissector import Parsed
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.service_command import ServiceCommand

VERB_LIMIT = 16
SHORTEST = 64  # bytes; shorter arguments are not searched for filler and code
NOPS = b"\x90" * 16  # x86
# One character again and again, but for those that people draw lines with.
_FILLER = lazy_pattern(rb"([A-Za-z0-9/\\\x80-\xff])\1{63}")
# No letter here is a hexadecimal digit, as in percent-encoding.
_DIRECTIVES = lazy_pattern(rb"(?:%(?:[\d.$*]{0,12}[hl]{0,2}[xXpsun]|\.\d{0,8}f)\W?){4}|%\d{1,4}\$[hl]{0,2}n")
# Four bytes again and again: a sled of instructions of any processor, filler, or an address to return to.
_REPEATED = lazy_pattern(rb"([^\0]{4})\1{31}", re.DOTALL)
_CONTROLS = bytes({*range(32), 127} - set(b"\t\r\n\x1b"))
CONTROLS_LEAST = 4


def odd_commands(packet: Packet, service: str, verb: bytes, argument: bytes) -> list[Parsed]:
    """The command, with the kind of its argument; empty for an ordinary argument."""
    kind = oddness(argument)
    return [ServiceCommand(packet, service, f"{clean(verb, VERB_LIMIT).upper()} {kind}")] if kind else []


def oddness(argument: bytes) -> str:
    """``overflow``, ``machine code`` or ``format string``; empty for an ordinary argument."""
    if b"%" in argument and _DIRECTIVES.search(argument):
        return "format string"
    if len(argument) < SHORTEST:
        return ""
    if NOPS in argument:
        return "machine code"
    if len(argument) - len(argument.translate(None, _CONTROLS)) >= CONTROLS_LEAST and not _is_text(argument):
        return "machine code"
    return "overflow" if _FILLER.search(argument) else ""


def odd_message(packet: Packet, service: str, name: str, message: bytes) -> list[Parsed]:
    """The name of a request in binary, with the kind of what it contains; empty for an ordinary request."""
    kind = "overflow" if _REPEATED.search(message) else "format string" if _DIRECTIVES.search(message) else ""
    return [ServiceCommand(packet, service, f"{name.upper()} {kind}")] if kind else []


def _is_text(argument: bytes) -> bool:
    try:
        argument.decode()
    except UnicodeDecodeError as error:
        return error.end == len(argument)  # a character at the end may be truncated
    return True
