"""Dynamic Device Discovery Protocol (AMX): beacons of a conferencing system and of a projector."""

from __future__ import annotations

from pcaps.dissectors._frames import Frames, udp

ROOM, PROJECTOR = "00:e0:db:5e:53:38", "00:26:ab:5e:53:39"
GROUP, GROUP_MAC = "239.255.250.250", "01:00:5e:7f:fa:fa"


def beacon(kind: str, make: str, model: str) -> bytes:
    return f"AMXB<-UUID=1234567890><-SDKClass={kind}><-Make={make}><-Model={model}><-Revision=6.2.2><-Config-URL=http://10.20.30.71/>\r".encode()


def frames() -> Frames:
    yield udp(
        ROOM,
        GROUP_MAC,
        "10.20.30.71",
        GROUP,
        9131,
        9131,
        beacon("VideoConferencer", "Polycom", "RealPresence Group 500"),
    )
    yield udp(PROJECTOR, GROUP_MAC, "10.20.30.72", GROUP, 9131, 9131, beacon("VideoProjector", "EPSON", "EB-L615U"))
