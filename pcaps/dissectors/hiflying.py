"""Hi-Flying Wi-Fi modules: a discovery request, responses of a lamp and about another module, commands."""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

LAMP = "5c:cf:7f:5e:53:2c"


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 48899, 48899, b"HF-A11ASSISTHREAD")
    yield udp(LAMP, DESKTOP, "10.20.30.61", "10.20.30.14", 48899, 48899, b"10.20.30.61,5CCF7F5E532C,AK001-ZJ2101")
    yield udp(LAMP, DESKTOP, "10.20.30.61", "10.20.30.14", 48899, 48899, b"10.20.30.62,ACCF235E532D,HF-LPB100")
    yield udp(DESKTOP, LAMP, "10.20.30.14", "10.20.30.61", 48899, 48899, b"AT+LVER\r")
    yield udp(DESKTOP, LAMP, "10.20.30.14", "10.20.30.61", 48899, 48899, b"AT+WSKEY=WPA2PSK,AES,secret\r")
