"""Edimax: a discovery request, the registration of a smart plug, a relayed registration of another one, the response of
a server, a command to use a relay.
"""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, GATEWAY, Frames, udp
from sensor.dissectors.edimax import turned

PLUG, SERVER = "74:da:38:5e:53:09", "192.0.2.87"


def message(code: int, **fields: str) -> bytes:
    elements = "".join(f'\n<{name} value="{value}" />' for name, value in {"code": str(code), **fields}.items())
    return f"<param>{elements}\n</param>".encode()


def registration(mac: str, address: str) -> bytes:
    product = {"model": "SP-2101W", "id": mac.replace(":", "").upper(), "type": "SmartPlug", "alias": "Coffee corner"}
    return message(
        1010, **product, lanip=address, lanport="35681", sn="KKKKKKKK", encryption="0", devfwver="2.08#010001"
    )


def frames() -> Frames:
    yield udp(
        PLUG,
        ALL,
        "10.20.30.17",
        "255.255.255.255",
        35681,
        35681,
        b'<param><code value="1300" /><port value="35681" /></param>',
    )
    yield udp(PLUG, GATEWAY, "10.20.30.17", SERVER, 35681, 8765, turned(registration(PLUG, "10.20.30.17"), 5))
    yield udp(
        PLUG, GATEWAY, "10.20.30.17", SERVER, 35681, 8765, turned(registration("74:da:38:5e:53:77", "10.20.30.99"), 2)
    )
    yield udp(
        GATEWAY, PLUG, SERVER, "10.20.30.17", 8765, 35681, turned(message(1020, id="74DA385E5309", status="000"), 4)
    )
    yield udp(
        GATEWAY,
        PLUG,
        SERVER,
        "10.20.30.17",
        8765,
        35681,
        turned(message(1040, relayip="192.0.2.88", auth="38f989453c733de4afaf64b6db7361df"), 3),
    )
