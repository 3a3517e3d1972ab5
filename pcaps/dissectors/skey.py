"""Brother scan key: registration requests for two functions."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, udp


def frames() -> Frames:
    for function in ("IMAGE", "FILE"):
        text = (
            'TYPE=BR;BUTTON=SCAN;USER="front '
            f'desk";FUNC={function};HOST=10.20.30.14:54925;APPNUM=1;P1=0;P2=0;P3=0;P4=0;REGID=59830;SEQ=5;'
        ).encode()
        yield udp(
            PRINTER, DESKTOP, "10.20.30.13", "10.20.30.14", 49152, 54925, bytes((2, 0, len(text) + 4, 0x30)) + text
        )
