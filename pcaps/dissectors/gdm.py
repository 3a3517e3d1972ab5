"""GDM (Plex): a discovery request, the response of a server, a HELLO of a player."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, udp

TV = "a8:23:fe:5e:53:31"
GROUP, GROUP_MAC = "239.0.0.250", "01:00:5e:00:00:fa"


def frames() -> Frames:
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 50000, 32414, b"M-SEARCH * HTTP/1.1\r\n\r\n")
    server = (
        "HTTP/1.0 200 OK",
        "Content-Type: plex/media-server",
        "Host: 0123.plex.direct",
        "Name: films",
        "Port: 32400",
        "Resource-Identifier: 45b1",
        "Version: 1.32.5.7349",
    )
    yield udp(PBX, DESKTOP, "10.20.30.5", "10.20.30.14", 32414, 50000, "\r\n".join((*server, "", "")).encode())
    player = (
        "HELLO * HTTP/1.0",
        "Content-Type: plex/media-player",
        "Resource-Identifier: 77",
        "Name: Living room",
        "Port: 32433",
        "Product: Plex for LG",
        "Version: 5.58.1",
    )
    yield udp(TV, GROUP_MAC, "10.20.30.65", GROUP, 32413, 32413, "\r\n".join((*player, "", "")).encode())
