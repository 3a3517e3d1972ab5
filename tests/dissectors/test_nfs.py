"""NFS: servers, and the names of their clients."""

from __future__ import annotations

from typing import Any

import pytest

from pcaps.dissectors.nfs import COMPOUND, NULL, call, exchange, reply
from sensor.core.packet import Packet
from sensor.dissectors.nfs import Nfs
from tests.dissectors.samples import packets, values

ROLE, NAME = ("nfs.role", "NFS server"), ("nfs.hostname", "web01")
EXPECTED = {49430: [ROLE, NAME], 49431: [ROLE]}


def conversation(*parts: tuple[bool, bytes]) -> list[Any]:
    stream, packet = Nfs().stream(Packet()), Packet(proto=6)
    return values(parsed for from_client, data in parts for parsed in stream.feed(packet, data, from_client))


@pytest.mark.parametrize("port", EXPECTED)
def test_mounts(port: int) -> None:
    """A server that answers, and its client; the name that a library sends is of no host."""
    found = [one for one in packets("nfs") if port in (one.sport, one.dport)]
    assert conversation(*((one.sport == port, one.payload) for one in found)) == EXPECTED[port]


def test_the_middle_of_a_connection() -> None:
    """After the rest of a record, reading resumes with a segment that begins one."""
    rest = [(True, b"data of a file"), (False, b"\x80\0\0\x10" + b"data of a file")]
    assert conversation(*rest, *exchange(2, COMPOUND, b"web01")) == [NAME, ROLE]


@pytest.mark.parametrize(
    "parts",
    [
        [(False, reply(1))],  # its call is not captured
        [(True, call(1, NULL)), (False, reply(1, status=1))],
        [(True, call(1, NULL)), (False, reply(2))],
        [(True, call(1, NULL, b"web01", program=100005)), (False, reply(1))],
        [(True, b"\x16\x03\x01\2\0" + bytes(60)), (False, b"\x16\x03\x03" + bytes(60))],
        [(True, call(1, NULL, b"web01")[:60])],
    ],
)
def test_other_messages(parts: list[tuple[bool, bytes]]) -> None:
    """Rejected calls, other answers, programs and protocols, and incomplete calls yield nothing."""
    assert conversation(*parts) == []
