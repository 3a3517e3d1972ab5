"""Commands for SQL Server ([MS-TDS] 2.2.6.7, 2.2.6.6) that leave the database: procedures that run programs, write the
registry or open files on other hosts. On any port, as far as the connection is not encrypted.

Of a batch or remote call only such a procedure is told, with the words that follow; queries and data stay unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.reader import clean

BATCH, CALL = 1, 3
HEAD_SIZE, TEXT_LIMIT, SHOWN = 8, 4096, 160
HEADERS = b"\x16\0\0\0"  # the length of all headers, which come first in both kinds of messages (2.2.5.3)
PROCEDURES = (
    "xp_cmdshell", "sp_oacreate", "xp_regwrite", "xp_dirtree", "sp_execute_external_script", "create assembly",
    "sp_start_job",
)  # fmt: skip


def _wide(name: str) -> bytes:
    """A regular expression for a name in UTF-16, letter case aside."""
    return b"".join(b"[" + letter.lower().encode() + letter.upper().encode() + b"]\\0" for letter in name)


_FOUND = re.compile(b"|".join(b"(" + _wide(name) + b")" for name in PROCEDURES))


class TdsCommand(Event):
    """A client runs one of PROCEDURES. ``text``: it, and the words that follow."""

    procedure: str
    text: str


class TdsBatch(Dissector):
    """Payloads that begin with the headers of a batch or call."""

    interest = Interest(magic=((HEAD_SIZE, HEADERS),), stream=True, opening=1)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return TdsBatchStream()


class TdsBatchStream(Stream):
    """One connection; each message is read by itself."""

    def feed(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        begins = data[:1] in (b"\x01", b"\x03") and data[HEAD_SIZE : HEAD_SIZE + len(HEADERS)] == HEADERS
        if not from_client or not begins:
            return
        found = _FOUND.search(data[:TEXT_LIMIT])
        if found is not None and found.lastindex is not None:
            text = data[found.start() : found.start() + 2 * SHOWN].decode("utf-16-le", "replace")
            yield TdsCommand(packet, PROCEDURES[found.lastindex - 1], clean(text, SHOWN))
