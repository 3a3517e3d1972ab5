"""Dropbox LAN sync: announcements of two computers."""

from __future__ import annotations

import json

from pcaps.dissectors._frames import ALL, DESKTOP, PBX, Frames, udp


def announcement(name: str) -> bytes:
    return json.dumps(
        {"host_int": 123456789012, "version": [2, 0], "displayname": name, "port": 17500, "namespaces": [11, 22, 33]}
    ).encode()


def frames() -> Frames:
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 17500, 17500, announcement(""))
    yield udp(PBX, ALL, "10.20.30.5", "10.20.30.255", 17500, 17500, announcement("accounting-2"))
