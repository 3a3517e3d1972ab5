"""SDDP (Control4): a discovery request, the response of a projector, the notification of a TV, one about another
address.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, Frames, udp

PROJECTOR, TV = "00:26:ab:5e:53:39", "04:5d:4b:5e:53:3a"
GROUP, GROUP_MAC = "239.255.255.250", "01:00:5e:7f:ff:fa"


def message(start: str, address: str, proxy: str, vendor: str, model: str) -> bytes:
    head = (
        start,
        f'From: "{address}:1902"',
        f'Host: "{vendor}-{model}-5E5339"',
        f'Type: "{vendor}:{model}"',
        f'Primary-Proxy: "{proxy}"',
        f'Proxies: "{proxy}"',
    )
    return "\r\n".join(
        (*head, f'Manufacturer: "{vendor}"', f'Model: "{model}"', 'Driver: "projector.c4i"', "Max-Age: 1800", "")
    ).encode()


def frames() -> Frames:
    yield udp(
        DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 50000, 1902, b'SEARCH * SDDP/1.0\r\nHost: "239.255.255.250:1902"\r\n'
    )
    yield udp(
        PROJECTOR,
        DESKTOP,
        "10.20.30.72",
        "10.20.30.14",
        1902,
        50000,
        message("SDDP/1.0 200 OK", "10.20.30.72", "projector", "Epson", "LS12000"),
    )
    yield udp(
        TV,
        GROUP_MAC,
        "10.20.30.73",
        GROUP,
        1902,
        1902,
        message("NOTIFY ALIVE SDDP/1.0", "10.20.30.73", "tv", "Sony", "XBR-65X900F"),
    )
    yield udp(
        DESKTOP,
        GROUP_MAC,
        "10.20.30.14",
        GROUP,
        1902,
        1902,
        message("NOTIFY ALIVE SDDP/1.0", "10.20.30.73", "tv", "Sony", "XBR-65X900F"),
    )
