"""Printers announced to CUPS: by a print server to all, by a host to another one (CVE-2024-47176), and a probe."""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, DESKTOP, PBX, Frames, udp


def frames() -> Frames:
    printer = b'1010 3 ipp://prints.office.example:631/printers/floor2 "Floor 2" "Laser" "HP LaserJet 4250"\n'
    yield udp(PBX, ALL, "10.20.30.5", "10.20.30.255", 631, 631, printer)
    printer = b'0 3 http://198.51.100.7:12345/printers/a "Office" "Printer"\n'
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 50000, 631, printer)
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 50000, 631, b"hello there\n")
