"""FTP: a printer rejects a login and accepts another; an upload and a download. A second server with a multiline
greeting, and AUTH TLS.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, PRINTER, Frames, conversation


def frames() -> Frames:
    parts = [
        (False, b"220 PRN-3F-EAST FTP server (KM FTPD version 1.00) ready.\r\n"),
        (True, b"USER admin\r\n"),
        (False, b"331 Password required for admin.\r\n"),
        (True, b"PASS wrong-secret\r\n"),
        (False, b"530 Login incorrect.\r\n"),
        (True, b"user anonymous\r\n"),
        (False, b"331 Guest login ok.\r\n"),
        (True, b"pass guest@example.org\r\n"),
        (False, b"230-Welcome\r\n 220 is no code here\r\n230 Logged in.\r\n"),
        (True, b"SYST\r\n"),
        (False, b"215 UNIX Type: L8\r\n"),
        (True, b"TYPE I\r\nSTOR report.pdf\r\n"),
        (False, b"200 Type set.\r\n150 Opening data connection.\r\n226 Done.\r\n"),
        (True, b"RETR /config/address book.csv\r\nQUIT\r\n"),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 49170), (PRINTER, "10.20.30.41", 21), parts)
    long = (
        b"220---------- Welcome to Pure-FTPd [privsep] ----------\r\n220-You are user number 1 of 50 "
        b"allowed.\r\n220 IPv6 connections are also welcome.\r\n"
    )
    yield from conversation(
        (DESKTOP, "10.20.30.66", 49171),
        (GATEWAY, "10.20.30.1", 21),
        [(False, long), (True, b"AUTH TLS\r\n"), (False, b"234 AUTH TLS OK.\r\n")],
    )
