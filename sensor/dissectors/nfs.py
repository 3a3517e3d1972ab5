"""NFS over TCP (RFC 1813, RFC 7530, RFC 8881) in ONC RPC (RFC 5531): servers, and the host names of their clients.

Reads the heads of calls and replies, with the credentials of AUTH_SYS. Procedures and files are not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sensor.core.dissector import Dissector, Interest, Parsed, Stream
from sensor.core.packet import Packet
from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors.shared.rpc_records import CALL, HEAD, REPLY, RPC_VERSION, RecordStream
from sensor.dissectors.shared.sender_facts import facts

PORT = 2049
PROGRAM = 100003
AUTH_SYS = 1
NAME_LIMIT = 255
LIBRARY = "libnfs"  # sent by a library in place of the host name
# Behind the head of a call: the version of RPC, program, its version, procedure, flavor and size of the credentials; of
# a reply: whether it was accepted.
_CALL = struct.Struct("!IIIIII")


class Nfs(Dissector):
    """The first messages of each side."""

    interest = Interest(tcp=(PORT,), stream=True, opening=2)

    def dissect(self, packet: Packet) -> Iterator[Parsed]:
        return iter(())

    def stream(self, packet: Packet) -> Stream:
        return NfsStream()


class NfsStream(RecordStream):
    """One client and its server: the last call, and what was reported."""

    keep = 512

    def __init__(self) -> None:
        super().__init__()
        self._called: int | None = None
        self._name = ""
        self._served = False

    def message(self, packet: Packet, data: bytes, from_client: bool) -> Iterator[Parsed]:
        _, number, kind = HEAD.unpack_from(data)
        reader = Reader(data, HEAD.size)
        if kind == CALL and from_client and reader.left >= _CALL.size:
            return iter(self._call(packet, number, reader))
        if kind == REPLY and not from_client and number == self._called and not reader.u32() and not self._served:
            self._served = True
            return iter(facts(packet, [("nfs.role", "NFS server")]))
        return iter(())

    def _call(self, packet: Packet, number: int, reader: Reader) -> list[Parsed]:
        """A call, and the name of the client in its credentials (RFC 5531, appendix A)."""
        version, program, _, _, flavor, size = reader.unpack(_CALL)
        if (version, program) != (RPC_VERSION, PROGRAM):
            raise Malformed("call of another program")
        self._called = number
        if flavor != AUTH_SYS or self._name:
            return []
        credentials = Reader(reader.take(size))
        credentials.skip(4)
        self._name = clean(credentials.take(credentials.u32()), NAME_LIMIT)
        return facts(packet, [("nfs.hostname", "" if self._name == LIBRARY else self._name)])
