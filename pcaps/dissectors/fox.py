"""Fox: a tool and a station of Niagara greet each other, with the properties that nmap's script fox-info lists."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PRINTER, Frames, conversation

SCAN = b"fox a 1 -1 fox hello\n{\nfox.version=s:1.0\nid=i:1\n};;\n"


def hello(number: int, **properties: str) -> bytes:
    """A greeting; underscores in names stand for dots."""
    lines = "".join(f"{name.replace('_', '.')}=s:{value}\n" for name, value in properties.items())
    return f"fox a {number} -1 fox hello\n{{\nid=i:{number}\n{lines}}};;\n".encode()


STATION = hello(
    0, fox_version="1.0.1", hostName="jace-west", hostAddress="10.20.30.13", app_name="Station",
    app_version="3.7.106.1", vm_name="Java HotSpot(TM) Embedded Client VM", os_name="QNX", os_version="6.4.1",
    station_name="WestWing", lang="en", timeZone="Europe/Berlin", hostId="Qnx-NPM6-0000-12EA-FDCC", brandId="vykon",
)  # fmt: skip
TOOL = hello(
    1, fox_version="1.0.1", hostName="10.20.30.20", app_name="Workbench", app_version="3.7.44", os_name="Windows 10",
    hostId="Win-99CB-D49D-5442-07BB", brandId="vykon",
)  # fmt: skip


def frames() -> Frames:
    rest = b"fox a 2 0 fox authenticate\n{\nusername=s:admin\n};;\n"
    parts = [(True, TOOL), (False, STATION), (True, rest)]
    yield from conversation((DESKTOP, "10.20.30.20", 50311), (PRINTER, "10.20.30.13", 1911), parts)
    parts = [(True, SCAN), (False, STATION)]
    yield from conversation((DESKTOP, "10.20.30.20", 50312), (PRINTER, "10.20.30.13", 1911), parts)
