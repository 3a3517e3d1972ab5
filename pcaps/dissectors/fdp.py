"""FDP: a switch of Foundry, and one of Ruckus without an address."""

from __future__ import annotations

from pcaps.dissectors._frames import GATEWAY, PRINTER, Frames
from pcaps.dissectors._neighbour import addresses, field, snap, with_checksum

GROUP = "01:e0:52:cc:cc:cc"


def frames() -> Frames:
    def frame(src: str, *fields: bytes) -> bytes:
        return snap(src, GROUP, "00e052", 0x2000, with_checksum(b"\x01\xb4\0\0" + b"".join(fields)))

    yield frame(
        GATEWAY,
        field(1, b"edge-7"),
        field(2, addresses("10.20.0.7")),
        field(3, b"ethernet1/1/12"),
        field(4, b"Switch"),
        field(
            5,
            (
                b"Foundry Networks, Inc. Router, IronWare Version 04.3.01T7f1 Compiled on Jul 14 2009 at "
                b"15:45:55 labeled as FES04301"
            ),
        ),
        field(6, b"Stackable_FES2402"),
        field(0x0101, bytes(32)),
    )
    yield frame(
        PRINTER,
        field(1, b"icx-3f"),
        field(3, b"ethernet1/1/3"),
        field(4, b"Router, Switch"),
        field(5, b"Version 08.0.95"),
        field(6, b"Ruckus ICX7150-48-POEF"),
    )
