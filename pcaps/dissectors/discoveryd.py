"""HID discoveryd: a discovery request, the response of a door controller, one about another controller, a command."""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, DESKTOP, Frames, udp

DOOR = "00:06:8e:5e:53:36"


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 50000, 4070, b"discover;013;")
    response = f"discovered;096;{DOOR.upper()};door-east;10.20.30.69;1;EH400-K;3.5.1.1483;2015-08-31"
    yield udp(DOOR, DESKTOP, "10.20.30.69", "10.20.30.14", 4070, 50000, response.encode())
    yield udp(
        DOOR,
        DESKTOP,
        "10.20.30.69",
        "10.20.30.14",
        4070,
        50000,
        response.replace(DOOR.upper(), "00:06:8E:5E:53:37").replace("30.69", "30.70").encode(),
    )
    yield udp(DESKTOP, DOOR, "10.20.30.14", "10.20.30.69", 50000, 4070, b"command_blink_on;044;00:06:8E:5E:53:36;30;")
