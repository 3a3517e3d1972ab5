"""SSDP: a search and its response, announcements with vendor fields, an update and a byebye, a response about another
host, an error, the search response of a Yeelight lamp.
"""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, GATEWAY, PBX, PHONE, PRINTER, Frames, udp

GROUP, GROUP_MAC = "239.255.255.250", "01:00:5e:7f:ff:fa"
HOST = "HOST: 239.255.255.250:1900"


def ssdp_message(start: str, *fields: str) -> bytes:
    return "\r\n".join((start, *fields, "", "")).encode()


def frames() -> Frames:
    def notify(src_mac: str, src: str, *fields: str) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, 1900, 1900, ssdp_message("NOTIFY * HTTP/1.1", HOST, *fields), ttl=4)

    def response(src_mac: str, src: str, *fields: str, start: str = "HTTP/1.1 200 OK") -> bytes:
        return udp(src_mac, DESKTOP, src, "10.20.30.66", 1900, 50200, ssdp_message(start, *fields))

    search = ssdp_message(
        "M-SEARCH * HTTP/1.1",
        HOST,
        'MAN: "ssdp:discover"',
        "MX: 1",
        "ST: roku:ecp",
        "USER-AGENT: Google Chrome/131.0.6778.86 Windows",
    )
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.66", GROUP, 50200, 1900, search, ttl=1)
    yield response(
        CAMERA, "10.20.30.44", "Cache-Control: max-age=3600", "ST: roku:ecp", (
            "USN: "
            "uuid:roku:ecp:X00400AAAAAA"
        ), "Ext: ",
        "Server: Roku/12.5.0 UPnP/1.0 Roku/12.5.0",
        "LOCATION: http://10.20.30.44:8060/", "device-group.roku.com: D1E1D1C1", (
            "WAKEUP: "
            "MAC=02:00:5e:00:53:06;Timeout=10"
        ),
    )  # fmt: skip
    bridge = ("CACHE-CONTROL: max-age=100", "LOCATION: http://10.20.30.12:80/description.xml", (
        "SERVER: Hue/1.0 UPnP/1.0 "
        "IpBridge/1.56.0"
    ),
              "hue-bridgeid: 02005EFFFE005302")  # fmt: skip
    name = "uuid:2f402f80-da50-11e1-9b23-02005e005302"
    yield notify(
        PHONE, "10.20.30.12", *bridge, "NTS: ssdp:alive", "NT: upnp:rootdevice", f"USN: {name}::upnp:rootdevice"
    )
    yield notify(PHONE, "10.20.30.12", *bridge, "NTS: ssdp:alive", f"NT: {name}", f"USN: {name}")
    yield notify(PHONE, "10.20.30.12", "LOCATION: http://10.20.30.12:80/description.xml", "NTS: ssdp:update",
    "NT: upnp:rootdevice",
               f"USN: {name}::upnp:rootdevice", "BOOTID.UPNP.ORG: 1", "NEXTBOOTID.UPNP.ORG: 2")  # fmt: skip
    yield notify(PHONE, "10.20.30.12", "NTS: ssdp:byebye", "NT: upnp:rootdevice", f"USN: {name}::upnp:rootdevice")
    gateway = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
    yield response(
        PBX, "10.20.30.5", "CACHE-CONTROL: max-age=120", f"ST: {gateway}", f"USN: uuid:1::{gateway}", "EXT:",
        "SERVER: Asus UPnP/1.1 MiniUPnPd/2.2.0", "LOCATION: http://10.20.30.1:41955/rootDesc.xml",
    )  # fmt: skip
    yield response(PRINTER, "10.20.30.40", "SERVER: web", "CONTENT-LENGTH: 0", start="HTTP/1.1 400 Bad Request")
    lamp = ssdp_message(
        "HTTP/1.1 200 OK", "Cache-Control: max-age=3600", "Date: ", "Ext: ", (
            "Location: "
            "yeelight://10.20.30.1:55443"
        ), "Server: POSIX UPnP/1.0 YGLC/1",
        "id: 0x000000000015243f", "model: color", "fw_ver: 18", "support: get_prop set_power", "power: on",
        "bright: 100", "name: ",
    )  # fmt: skip
    yield udp(GATEWAY, DESKTOP, "10.20.30.1", "10.20.30.66", 1982, 50201, lamp)
