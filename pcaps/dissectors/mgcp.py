"""MGCP: a gateway of a cable network restarts and notifies off-hook of a telephone; its call agent requests
notifications, audits an endpoint and creates a connection; an unrelated response of a proxy.
"""

from __future__ import annotations

from pcaps.dissectors._frames import PBX, PHONE, Frames, udp


def frames() -> Frames:
    def up(*lines: str) -> bytes:
        return udp(PHONE, PBX, "10.20.30.12", "10.20.30.5", 2427, 2727, "\r\n".join((*lines, "")).encode())

    def down(*lines: str) -> bytes:
        return udp(PBX, PHONE, "10.20.30.5", "10.20.30.12", 2727, 2427, "\r\n".join((*lines, "")).encode())

    yield up("RSIP 1201 *@mta-02005e005302.cable.example MGCP 1.0 NCS 1.0", "RM: restart", "RD: 0")
    yield down("200 1201 OK")
    yield down(
        "RQNT 1202 aaln/1@mta-02005e005302.cable.example MGCP 1.0 NCS 1.0",
        "X: 1",
        "R: hd(N)",
        ".",
        "AUEP 1203 aaln/*@[10.20.30.12] MGCP 1.0",
        "F: A",
    )
    yield up(
        "200 1202 OK",
        ".",
        "200 1203 OK",
        "Z: aaln/1@mta-02005e005302.cable.example, aaln/2@mta-02005e005302.cable.example",
    )
    yield up("NTFY 1204 aaln/1@[10.20.30.12] MGCP 1.0 NCS 1.0", "X: 1", "O: hd")
    yield down("CRCX 1205 aaln/1@[10.20.30.12] MGCP 1.0", "C: 9", "M: recvonly", "", "v=0", "RM: none")
    yield up("510 1205 Protocol error")
    yield down("DLCX 1206 aaln/1@[10.20.30.12] MGCP 1.0", "C: 9")
