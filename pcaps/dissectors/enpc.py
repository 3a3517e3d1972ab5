"""ENPC (Epson): a discovery request, the response of a printer, one about another printer, a status request and its
response.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import ALL, DESKTOP, PRINTER, Frames, mac, udp


def answer(address: str, name: str) -> bytes:
    return b"EPSONq" + bytes.fromhex("0300000100000000") + struct.pack("!6s36x128s", mac(address), name.encode())


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 3289, 3289, b"EPSONQ" + bytes.fromhex("0300000100000000"))
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 3289, 3289, answer(PRINTER, "WF-2650 Series"))
    yield udp(PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 3289, 3289, answer("00:26:ab:5e:53:09", "EPSON5E5309"))
    yield udp(DESKTOP, PRINTER, "10.20.30.14", "10.20.30.13", 3289, 3289, b"EPSONP" + bytes.fromhex("0300000000000000"))
    yield udp(
        PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 3289, 3289, b"EPSONp" + bytes.fromhex("03000000000000020000")
    )
