"""FINS: commands to controllers, and their models."""

from __future__ import annotations

import pytest

from pcaps.dissectors.fins import IDENTITY, MODEL, READ, STOP, WRITE, answer, framed, request
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.fins import SEEN_LIMIT, Fins
from tests.dissectors.samples import events, packets, values

SERVER = ("fins.role", "FINS server")
FOUND = [SERVER, ("fins.model", "CJ2M-CPU33"), ("fins.version", "02.01")]


def dissect(payload: bytes, problem: int = 0) -> list[object]:
    return list(Fins().dissect(Packet(payload, dport=9600, sport=9600, problem=problem)))


def feed(*parts: tuple[bool, bytes]) -> list[object]:
    stream = Fins().stream(Packet())
    return [parsed for from_client, part in parts for parsed in stream.feed(Packet(proto=6), part, from_client)]


def test_datagrams() -> None:
    found = [list(Fins().dissect(packet)) for packet in packets("fins") if packet.proto == 17]
    assert [events(parsed) for parsed in found] == [
        [("FinsRequest", MODEL, "", False)],
        [("FinsAnswer", MODEL, 0, "CJ2M-CPU33", "02.01")],
        [("FinsRequest", READ, "", False)],
        [("FinsAnswer", READ, 0, "", "")],
    ]
    assert [values(parsed) for parsed in found] == [[], FOUND, [], [SERVER]]


def test_stream() -> None:
    """Reads and responses are reported once, writes and commands always."""
    parsed = feed(*[(packet.dport == 9600, packet.payload) for packet in packets("fins") if packet.proto == 6])
    assert events(parsed) == [
        ("FinsRequest", READ, "", False),
        ("FinsAnswer", READ, 0, "", ""),
        ("FinsRequest", WRITE, "write memory", True),
        ("FinsRequest", WRITE, "write memory", True),
        ("FinsAnswer", WRITE, 0, "", ""),
        ("FinsRequest", STOP, "stop", True),
    ]


def test_reads_are_limited() -> None:
    """A client that sends any number of commands fills no memory, and its writes are still reported."""
    reads = [(True, framed(request(0x8000 + number))) for number in range(2 * SEEN_LIMIT)]
    found = events(feed(*reads, (True, framed(request(WRITE)))))
    assert (len(found), found[-1]) == (SEEN_LIMIT + 1, ("FinsRequest", WRITE, "write memory", True))


def test_a_failed_request_reports_no_model() -> None:
    assert events(dissect(answer(MODEL, IDENTITY, end=0x0401))) == [("FinsAnswer", MODEL, 0x0401, "", "")]
    assert values(dissect(answer(MODEL, bytes(80)))) == [SERVER]


@pytest.mark.parametrize(
    "payload", [b"", b"\x80\0", b"\x80\0\x60\0" + bytes(20), b"\x80\x60" + bytes(20), b"GET / HTTP/1.1\r\n\r\n"]
)
def test_others_report_nothing(payload: bytes) -> None:
    """The port is also that of voice and of other programs."""
    assert dissect(payload) == feed((True, payload)) == []


def test_malformed() -> None:
    with pytest.raises(Malformed):
        dissect(answer(READ)[:-1])
    assert dissect(answer(READ)[:-1], problem=1) == []


def test_a_connection_captured_from_its_middle() -> None:
    """The rest of a response is skipped, and commands after it are read. Later bytes without a header are a fault."""
    stop = next(packet.payload for packet in packets("fins") if STOP.to_bytes(2, "big") in packet.payload)
    middle = (False, b"\x20" * 100)
    assert events(feed(middle, (True, stop))) == [("FinsRequest", STOP, "stop", True)]
    with pytest.raises(Malformed):
        feed(middle, (True, stop), (True, bytes(20)))
