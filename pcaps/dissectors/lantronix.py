"""Lantronix: a search, the responses of a device server and of another one behind it, and a request for a setup record
with its response.
"""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, DESKTOP, PRINTER, Frames, mac, udp


def found(address: str) -> bytes:
    return b"\0\0\0\xf7" + bytes.fromhex("000004205835000000000000000000000000ffff") + mac(address)


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.20", "255.255.255.255", 50718, 30718, b"\0\0\0\xf6")
    for payload in (found(PRINTER), found("00:80:a3:5e:53:07")):
        yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 30718, 50718, payload)
    yield udp(DESKTOP, PRINTER, "10.20.30.20", "10.20.30.13", 50718, 30718, b"\0\0\0\xf8")
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.20", 30718, 50718, b"\0\0\0\xf9" + bytes(120))
