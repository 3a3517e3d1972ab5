"""OSPF, EIGRP and RIP: who takes part, and how many routes are announced."""

from __future__ import annotations

import pytest

from pcaps.dissectors import eigrp, ospf, rip
from sensor.core.dissector import Dissector
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.eigrp import Eigrp
from sensor.dissectors.ospf import Ospf
from sensor.dissectors.rip import Rip
from tests.dissectors.samples import events, packets


@pytest.mark.parametrize(
    ("name", "unit", "expected"),
    [
        (
            "ospf",
            Ospf(),
            [
                ("OspfMessage", "hello", 0, False, 2),
                ("OspfMessage", "hello", 0, True, 2),
                ("OspfMessage", "update", 3, False, 2),
                ("OspfMessage", "hello", 0, False, 3),
            ],
        ),
        (
            "eigrp",
            Eigrp(),
            [
                ("EigrpMessage", "hello", 0, False, 100),
                ("EigrpMessage", "hello", 0, True, 100),
                ("EigrpMessage", "update", 3, False, 100),
            ],
        ),
        (
            "rip",
            Rip(),
            [
                ("RipMessage", "request", 0, False, 2, False),
                ("RipMessage", "update", 1, False, 2, False),
                ("RipMessage", "update", 2, True, 2, False),
                ("RipMessage", "update", 2, False, 1, True),
            ],
        ),
    ],
)
def test_samples(name: str, unit: Dissector, expected: list[tuple[object, ...]]) -> None:
    """Each message yields its kind, its routes and whether it is authenticated."""
    assert [event for packet in packets(name) for event in events(unit.dissect(packet))] == expected


@pytest.mark.parametrize(
    ("unit", "payload"),
    [
        (Ospf(), b""),
        (Ospf(), b"\4" + ospf.version_2(1, ospf.BODY)[1:]),
        (Ospf(), ospf.version_2(9, ospf.BODY)),
        (Eigrp(), b""),
        (Eigrp(), b"\1" + eigrp.message(5)[1:]),
        (Eigrp(), eigrp.message(77)),
        (Rip(), b""),
        (Rip(), rip.message(2, version=3)),
        (Rip(), rip.message(9)),
        (Rip(), b"\2\2\0\1" + rip.route(1, 1)),
    ],
)
def test_others_report_nothing(unit: Dissector, payload: bytes) -> None:
    """Other versions, unknown kinds and other protocols yield nothing."""
    assert list(unit.dissect(Packet(payload, proto=17, dport=520))) == []


@pytest.mark.parametrize(
    ("unit", "payload"),
    [(Ospf(), ospf.version_2(1, b"")), (Ospf(), ospf.version_3(1, b"")), (Eigrp(), eigrp.message(5)[:9])],
)
def test_messages_that_end_early(unit: Dissector, payload: bytes) -> None:
    """A message that ends early is malformed, unless the capture truncated it."""
    assert list(unit.dissect(Packet(payload, problem=1))) == []
    with pytest.raises(Malformed):
        list(unit.dissect(Packet(payload)))


def test_parts_without_a_size_end_reading() -> None:
    """A part shorter than its head ends the list of parts."""
    [event] = events(Eigrp().dissect(Packet(eigrp.message(1, b"\1\2\0\0" + bytes(40), eigrp.tlv(0x0102, 25)))))
    assert event == ("EigrpMessage", "update", 0, False, 100)


def test_routes_of_a_truncated_update() -> None:
    """Complete routes of a truncated message count; a whole message that ends within a route is malformed."""
    payload = rip.message(2, rip.route(1, 1), rip.route(2, 1))[:-3]
    assert events(Rip().dissect(Packet(payload, problem=1))) == [("RipMessage", "update", 1, False, 2, False)]
    with pytest.raises(Malformed):
        list(Rip().dissect(Packet(payload)))
