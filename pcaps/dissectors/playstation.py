"""PlayStation device discovery: a request, a PS4 in standby, a PS5 that is on, a response about another console, a
wake-up request.
"""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

PS4, PS5 = "00:d9:d1:5e:53:2e", "0c:70:43:5e:53:2f"


def status(line: str, mac: str, kind: str, name: str, version: str) -> bytes:
    return (
        "HTTP/1.1 "
        f"{line}\nhost-id:{mac.replace(':', '').upper()}\nhost-type:{kind}\nhost-name:{name}\nhost-request-port:997\n"
        f"device-discovery-protocol-version:00020020\nsystem-version:{version}\n"
    ).encode()


def frames() -> Frames:
    yield udp(
        DESKTOP,
        ALL,
        "10.20.30.14",
        "255.255.255.255",
        50000,
        987,
        b"SRCH * HTTP/1.1\ndevice-discovery-protocol-version:00020020\n\0",
    )
    yield udp(
        PS4,
        DESKTOP,
        "10.20.30.62",
        "10.20.30.14",
        987,
        50000,
        status("620 Server Standby", PS4, "PS4", "PS4-017", "09000000"),
    )
    yield udp(
        PS5, DESKTOP, "10.20.30.63", "10.20.30.14", 9302, 50000, status("200 Ok", PS5, "PS5", "Break room", "08200003")
    )
    yield udp(
        PS5, DESKTOP, "10.20.30.63", "10.20.30.14", 9302, 50000, status("200 Ok", PS4, "PS4", "PS4-017", "09000000")
    )
    wake = b"WAKEUP * HTTP/1.1\nuser-credential:123456789\ndevice-discovery-protocol-version:00020020\n\0"
    yield udp(DESKTOP, PS4, "10.20.30.14", "10.20.30.62", 50000, 987, wake)
