"""Yeelight: a discovery request, the response of a lamp, a notification of a ceiling light, a response with another
address.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, Frames, udp

LAMP, CEILING = "78:11:dc:5e:53:28", "78:11:dc:5e:53:29"
GROUP, GROUP_MAC = "239.255.255.250", "01:00:5e:7f:ff:fa"


def message(start: str, address: str, model: str, name: str) -> bytes:
    head = (
        start,
        "Cache-Control: max-age=3600",
        "Date: ",
        "Ext: ",
        f"Location: yeelight://{address}:55443",
        "Server: POSIX UPnP/1.0 YGLC/1",
        "id: 0x000000000015243f",
    )
    return "\r\n".join(
        (
            *head,
            f"model: {model}",
            "fw_ver: 18",
            "support: get_prop set_default set_power",
            "power: on",
            "bright: 100",
            f"name: {name}",
            "",
        )
    ).encode()


def frames() -> Frames:
    search = b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1982\r\nMAN: "ssdp:discover"\r\nST: wifi_bulb\r\n'
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 50000, 1982, search)
    yield udp(
        LAMP,
        DESKTOP,
        "10.20.30.57",
        "10.20.30.14",
        1982,
        50000,
        message("HTTP/1.1 200 OK", "10.20.30.57", "color", "Hall"),
    )
    yield udp(
        CEILING,
        GROUP_MAC,
        "10.20.30.58",
        GROUP,
        1982,
        1982,
        message("NOTIFY * HTTP/1.1", "10.20.30.58", "ceiling1", ""),
    )
    yield udp(
        DESKTOP,
        GROUP_MAC,
        "10.20.30.14",
        GROUP,
        1982,
        1982,
        message("NOTIFY * HTTP/1.1", "10.20.30.58", "ceiling1", ""),
    )
