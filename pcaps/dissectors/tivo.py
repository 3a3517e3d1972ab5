"""TiVo Connect: the beacons of a recorder, and of MiniDLNA on a router."""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, CAMERA, GATEWAY, Frames, udp


def beacon(**fields: str) -> bytes:
    return b"".join(f"{key}={value}\n".encode() for key, value in fields.items())


RECORDER = beacon(
    tivoconnect="1", swversion="20.7.4d.RC2-746-2-746", method="broadcast", identity="746000190E1F2A3",
    machine="Living Room", platform="tcd/Series4", services="TiVoMediaServer:80/http",
)  # fmt: skip
PROGRAM = beacon(
    TiVoConnect="1", swversion="1.0", method="broadcast", identity="uuid:4d696e69-444c-164e-9d41-02005e005301",
    machine="R7000P", platform="pc/minidlna", services="TiVoMediaServer:8200/http",
)  # fmt: skip


def frames() -> Frames:
    yield udp(CAMERA, ALL, "10.20.30.16", "255.255.255.255", 2190, 2190, RECORDER)
    yield udp(GATEWAY, ALL, "10.20.30.1", "255.255.255.255", 2190, 2190, PROGRAM)
