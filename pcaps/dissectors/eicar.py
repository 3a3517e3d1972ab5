"""The EICAR antivirus test file in an FTP data connection; and the same file with one letter changed, which is not
detected.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

STRING = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!" + b"$H+H*"


def frames() -> Frames:
    yield from conversation((DESKTOP, "10.20.30.14", 50000), (PRINTER, "10.20.30.13", 50001), [(False, STRING)])
    yield from conversation(
        (DESKTOP, "10.20.30.14", 50002), (PRINTER, "10.20.30.13", 50003), [(False, STRING.replace(b"TEST", b"TOST"))]
    )
