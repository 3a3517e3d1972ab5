"""SQL Server commands ([MS-TDS] 2.2.6.7, 2.2.6.6) with effects outside of the database: procedures that run programs,
write the registry or open files on other hosts. On any port, if the connection is not encrypted.

Only these procedures of a batch or remote call are reported, with the following words; queries and data are not stored.
"""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.framing import FramedStream

BATCH, CALL = 1, 3
KINDS = frozenset(range(1, 19))  # [MS-TDS] 2.2.3.1.1
HEAD_SIZE, TEXT_LIMIT, SHOWN = 8, 4096, 160
HEADERS = b"\x16\0\0\0"  # the length of all headers, which come first in both types of messages (2.2.5.3)
PROCEDURES = (
    "xp_cmdshell", "sp_oacreate", "xp_regwrite", "xp_dirtree", "sp_execute_external_script", "create assembly",
    "sp_start_job",
)  # fmt: skip


def _wide(name: str) -> bytes:
    """A case-insensitive regular expression for a name in UTF-16."""
    return b"".join(b"[" + letter.lower().encode() + letter.upper().encode() + b"]\\0" for letter in name)


_FOUND = lazy_pattern(b"|".join(b"(" + _wide(name) + b")" for name in PROCEDURES))


class TdsCommand(Event):
    """A client calls one of PROCEDURES. ``text``: it, and the following words."""

    procedure: str
    text: str


class TdsBatch(Dissector):
    """Payloads that begin with the headers of a batch or call."""

    interest = Interest(magic=((HEAD_SIZE, HEADERS),), stream=True, opening=1)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return TdsBatchStream()


class TdsBatchStream(FramedStream):
    """One connection; each message is parsed separately, from its first bytes if it is long."""

    head = HEAD_SIZE
    keep = TEXT_LIMIT

    def size(self, data: bytes, at: int) -> int:
        """The length in the header of a message ([MS-TDS] 2.2.3.1)."""
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at] not in KINDS or size < HEAD_SIZE:
            self.done = True  # another protocol, or encrypted from here on
            return 0
        return size

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        asks = data[0] in (BATCH, CALL) and data[HEAD_SIZE : HEAD_SIZE + len(HEADERS)] == HEADERS
        found = _FOUND.search(data) if from_client and asks else None
        if found is not None and found.lastindex is not None:
            text = data[found.start() : found.start() + 2 * SHOWN].decode("utf-16-le", "replace")
            yield TdsCommand(packet, PROCEDURES[found.lastindex - 1], clean(text, SHOWN))
