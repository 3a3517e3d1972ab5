"""PJL: a print job that first requests the identity of the printer, an attempt to read a file of the printer; a label
printer (ZPL) that returns its identity.
"""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, PRINTER, Frames, conversation

EXIT = b"\x1b%-12345X"


def frames() -> Frames:
    parts = [
        (True, EXIT + b"@PJL\r\n@PJL INFO ID\r\n@PJL INFO PRODINFO\r\n@PJL USTATUS DEVICE = ON\r\n"),
        (
            False,
            b'@PJL INFO ID\r\n"HP LaserJet M402dn"\r\n\f@PJL INFO PRODINFO\r\nProductName = "HP LaserJet M402dn"\r\n',
        ),
        (False, b'ProductSerialNumber = "PHB5E00530"\r\nFirmwareDateCode = 20180920\r\n\f'),
        (False, b'@PJL USTATUS DEVICE\r\nCODE=10001\r\nDISPLAY="Ready"\r\nONLINE=TRUE\r\n\f'),
        (
            True,
            (
                b'@PJL JOB NAME="payroll" PASSWORD=4711\r\n@PJL SET HOLDKEY="1234"\r\n@PJL DEFAULT LPARM:PCL '
                b"PASSWORD=99\r\n@PJL ENTER LANGUAGE=PCL\r\n"
            ),
        ),
        (
            True,
            b"\x1bE page data @PJL INFO ID\r\n"
            + EXIT
            + b'@PJL FSUPLOAD NAME="0:\\..\\..\\etc\\passwd" OFFSET=0 SIZE=1000\r\n@PJL EOJ\r\n'
            + EXIT,
        ),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 49190), (PRINTER, "10.20.30.41", 9100), parts)
    label = [(True, b"~HI\r\n"), (False, b"\x02ZD420-203dpi,V84.20.15Z,8,8176KB\x03\r\n")]
    yield from conversation((DESKTOP, "10.20.30.66", 49191), (CAMERA, "10.20.30.71", 9100), label)
