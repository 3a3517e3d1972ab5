"""Devices of the office, and what each announces. Values are those of real products; serial numbers and names are
fictitious.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pcaps._capture import Host
from pcaps._office_traffic import Service

VOICE = 20  # VLAN of phones and conferencing systems; other devices are untagged

WINDOWS = (1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)
APPLE = (1, 121, 3, 6, 15, 108, 114, 119, 252)
ANDROID = (1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108)
UDHCP = (1, 3, 6, 12, 15, 28, 42)


@dataclass
class Dhcp:
    """Options of a DHCP client: parameter request list (55), vendor class (60), host name (12), maximum message size
    (57), FQDN (81).
    """

    parameters: tuple[int, ...]
    vendor: bytes = b""
    hostname: str = ""
    size: int = 0
    fqdn: bool = False


@dataclass
class Device:
    """``kind``: expected device type. ``cloud``: external names it connects to. ``sip``: extension, user agent.
    ``ssdp``: target, path, server field.
    """

    host: Host
    kind: str
    dhcp: Dhcp | None = None
    mdns: str = ""
    services: list[Service] = field(default_factory=list)
    sip: tuple[str, str] | None = None
    cloud: tuple[str, ...] = ()
    ssdp: tuple[str, str, str] | None = None
    ipv6: bool = False


def lan(name: str, mac: str, last: int, **more: int) -> Host:
    return Host(name, mac, f"10.20.10.{last}", **more)


def voice(name: str, mac: str, last: int, **more: int) -> Host:
    return Host(name, mac, f"10.20.20.{last}", vlan=VOICE, **more)


ROUTER = lan("router", "74:83:c2:10:4e:01", 1)
ROUTER_VOICE = voice("router-voice", "74:83:c2:10:4e:01", 1)
SWITCH = lan("switch", "24:de:c6:41:07:80", 2)
ACCESS_POINT = lan("access-point", "d8:c7:c8:c2:55:1a", 3)
FILES = lan("fs01", "00:11:32:6e:20:b7", 5)
PBX = voice("pbx", "00:0c:29:5d:73:1f", 5)


def _printer(kind: str, product: str, vendor: str, model: str, host: str, note: str) -> list[Service]:
    txt = {
        "txtvers": "1",
        "ty": product,
        "product": f"({product})",
        "usb_MFG": vendor,
        "usb_MDL": model,
        "note": note,
        "adminurl": f"http://{host}.local./",
    }
    ipp = txt | {
        "rp": "ipp/print",
        "pdl": "application/octet-stream,application/pdf,image/urf",
        "URF": "CP1,MT1-2-8-9,RS300-600,V1.4",
        "Duplex": "T",
    }
    return [("_ipp._tcp", kind, 631, ipp), ("_pdl-datastream._tcp", kind, 9100, txt), ("_http._tcp", kind, 80, {})]


def printers() -> list[Device]:
    hp = lan("hp", "80:ce:62:a3:1c:5d", 21)
    kyocera = lan("kyocera", "00:17:c8:1a:2b:3c", 22)
    brother = lan("brother", "3c:2a:f4:0b:91:e2", 23)
    canon = lan("canon", "18:0c:ac:7f:02:9a", 24)
    return [
        Device(
            hp, "printer", Dhcp((6, 3, 1, 15, 66, 67, 13, 44, 12, 81, 252), b"Hewlett-Packard LaserJet", "NPIA31C5D"),
            "NPIA31C5D",
            _printer("HP Color LaserJet MFP M479fdw (A31C5D)", "HP Color LaserJet MFP M479fdw", "HP", (
                "Color LaserJet MFP "
                "M479fdw"
            ), "NPIA31C5D", "1F west"),
            cloud=("h20593.www2.hp.example",),
        ),
        Device(
            kyocera, "printer", Dhcp((1, 3, 12, 23, 6, 15, 44, 47), b"", "KM1A2B3C"), "KM1A2B3C",
            _printer("Kyocera ECOSYS M3655idn", "Kyocera ECOSYS M3655idn", "Kyocera", "ECOSYS M3655idn", "KM1A2B3C",
            "3F east"),
        ),
        Device(
            brother, "printer", Dhcp((1, 3, 6, 12, 15, 28, 42, 40, 44, 46), b"", "BRN3C2AF40B91E2"), "BRN3C2AF40B91E2",
            _printer("Brother HL-L5200DW series", "Brother HL-L5200DW series", "Brother", "HL-L5200DW series",
            "BRN3C2AF40B91E2", "store"),
        ),
        Device(
            canon, "printer", Dhcp((1, 3, 6, 12, 15, 44), b"Canon iR-ADV C3826", "Canon7F029A"), "Canon7F029A",
            _printer("Canon iR-ADV C3826", "Canon iR-ADV C3826", "Canon", "iR-ADV C3826", "Canon7F029A", "2F hall"),
        ),
    ]  # fmt: skip


def phones() -> list[Device]:
    yealink = voice("yealink", "80:5e:c0:34:aa:10", 31)
    polycom = voice("polycom", "64:16:7f:8b:20:c4", 32)
    cisco = voice("cisco", "a0:b4:39:5e:11:d6", 33)
    grandstream = voice("grandstream", "c0:74:ad:66:0d:3b", 34)
    snom = voice("snom", "00:04:13:91:5a:2e", 35)
    provisioning = (1, 2, 3, 4, 6, 7, 12, 15, 28, 42, 66, 67, 43, 120)
    return [
        Device(yealink, "voip_phone", Dhcp(provisioning, b"yealink", "SIP-T46S"), sip=("201", (
            "Yealink SIP-T46S "
            "66.86.0.15"
        ))),
        Device(
            polycom, "voip_phone", Dhcp((1, 2, 3, 4, 6, 15, 42, 54, 160, 66, 43), b"Polycom-VVX411", "64167f8b20c4",
            1456),
            sip=("202", "PolycomVVX-VVX_411-UA/5.9.5.0614"),
        ),
        Device(
            cisco, "voip_phone", Dhcp((1, 66, 6, 3, 15, 150, 35), b"Cisco Systems, Inc. IP Phone CP-8841\0",
            f"SEP{cisco.hex.upper()}"),
            sip=("203", "Cisco-CP8841/14.1.1"),
        ),
        Device(
            grandstream, "voip_phone", Dhcp((1, 2, 3, 6, 12, 15, 28, 42, 43, 66, 120, 125), (
                b"Grandstream GXP2170 "
                b"dslforum.org"
            ), "GXP2170"),
            sip=("204", "Grandstream GXP2170 1.0.11.35"),
        ),
        Device(
            snom, "voip_phone", Dhcp((1, 3, 6, 12, 15, 42, 66, 67, 120), b"snom720", "snom720-915A2E"),
            sip=("205", "snom720/8.9.3.40"),
        ),
    ]  # fmt: skip


def conferencing() -> list[Device]:
    """Conferencing systems. The Logitech bar runs Android and does not use SIP."""
    studio = voice("studio", "48:25:67:0e:c1:77", 41)
    codec = voice("roomkit", "6c:fa:89:2c:4b:03", 42)
    rally = lan("rally", "00:1f:20:d4:5b:8c", 43)
    return [
        Device(
            studio, "conferencing", Dhcp((1, 3, 6, 12, 15, 28, 42, 43, 66, 160), b"Poly-StudioX50",
            "PolyStudioX50-0EC177", 1500),
            sip=("301", "PolyStudioX50/3.14.1"), cloud=("lens.poly.example",),
        ),
        Device(
            codec, "conferencing", Dhcp((1, 3, 6, 12, 15, 42, 43, 66, 150), b"Cisco Telepresence", "RoomKit-2C4B03"),
            sip=("302", "Cisco-RoomOS/11.9.1"), cloud=("idbroker.webex.example",),
        ),
        Device(
            rally, "conferencing", Dhcp(ANDROID, b"android-dhcp-10", "Rally-Bar-D45B8C", 1500),
            cloud=("sync.logitech.example",),
        ),
    ]  # fmt: skip


def screens() -> list[Device]:
    samsung = lan("samsung-tv", "8c:77:12:5d:e0:41", 51)
    lg = lan("lg-tv", "38:8c:50:93:7f:12", 52)
    roku = lan("roku-tv", "d8:31:34:6a:0b:cc", 53)

    def airplay(manufacturer: str, model: str, host: Host, version: str) -> dict[str, str]:
        return {
            "deviceid": host.mac.upper(),
            "features": "0x7F8AD0,0x38BCB46",
            "manufacturer": manufacturer,
            "model": model,
            "fv": version,
            "srcvers": "377.40.00",
        }

    return [
        Device(
            samsung, "tv", Dhcp((1, 3, 26, 252, 43, 42, 6, 12), b"udhcpc1.21.1", "Samsung", 576), "Samsung",
            [
                ("_airplay._tcp", "Samsung Q80 Reception", 7000,
                airplay("Samsung", "QE55Q80TATXXU", samsung, "p20.0.0.2301")),
                ("_samsungmsf._tcp", "Samsung Q80 Reception", 8001,
                {"md": "QE55Q80TATXXU", "fn": "[TV] Reception", "ve": "2.0.25"}),
            ],
            cloud=("osb.samsungqbe.example",), ssdp=("urn:samsung.com:device:RemoteControlReceiver:1", "9197/dmr", (
                "SHP, UPnP/1.0, Samsung UPnP "
                "SDK/1.0"
            )),
        ),
        Device(
            lg, "tv", Dhcp(UDHCP, b"udhcp 1.25.1", "LGwebOSTV", 576), "LGwebOSTV",
            [("_airplay._tcp", "[LG] webOS TV OLED55C1", 7000, airplay("LG", "OLED55C14LB", lg, "03.34.10"))],
            cloud=("lgtvsdp.example",), ssdp=("urn:lge-com:service:webos-second-screen:1", "1754/",
            "WebOS/4.1.0 UPnP/1.0"),
        ),
        Device(
            roku, "tv", Dhcp((1, 3, 6, 15, 12), b"Roku/DVP-12.5", "RokuTV-Canteen"), "RokuTV-Canteen",
            [
                ("_airplay._tcp", "65 Roku Plus Series TV", 7000, airplay("Roku", "65R8A5", roku, "12.5.0")),
                ("_hap._tcp", "65 Roku Plus Series TV", 37381,
                {"md": "65R8A5", "ci": "31", "pv": "1.1", "id": "4A:C0:19:E2:77:05", "sf": "1"}),
            ],
            cloud=("api.roku.example",), ssdp=("roku:ecp", "8060/", "Roku/12.5.0 UPnP/1.0 Roku/12.5.0"),
        ),
    ]  # fmt: skip


def cameras() -> list[Device]:
    axis = lan("axis", "ac:cc:8e:4f:71:0a", 61)
    hikvision = lan("hikvision", "bc:ad:28:90:3e:66", 62)
    serial = "DS-2CD2143G0-I20190814AAWRD53310771"
    return [
        Device(
            axis, "camera", Dhcp((1, 3, 6, 12, 15, 26, 28, 42, 43, 66, 67, 119), (
                b"AXIS,Network "
                b"Camera,P3245-V,10.12.199"
            ), "axis-accc8e4f710a"),
            "axis-accc8e4f710a",
            [
                ("_axis-video._tcp", "AXIS P3245-V - ACCC8E4F710A", 80, {"macaddress": "ACCC8E4F710A"}),
                ("_rtsp._tcp", "AXIS P3245-V - ACCC8E4F710A", 554, {"path": "axis-media/media.amp"}),
            ],
        ),
        Device(
            hikvision, "camera", Dhcp(UDHCP, b"udhcp 1.18.4", serial), serial.lower(),
            [("_http._tcp", "HIKVISION DS-2CD2143G0-I - D53310771", 80, {"path": "/"}), ("_rtsp._tcp", (
                "HIKVISION DS-2CD2143G0-I - "
                "D53310771"
            ), 554, {})],
            cloud=("dev.hik-connect.example",),
        ),
    ]  # fmt: skip


def iot_devices() -> list[Device]:
    """Hub, speaker, media players."""
    hue = lan("hue", "ec:b5:fa:2d:18:90", 71)
    sonos = lan("sonos", "54:2a:1b:c7:3f:28", 72)
    apple_tv = lan("apple-tv", "a4:cf:99:10:be:57", 73)
    cast = lan("chromecast", "f4:f5:d8:84:6d:a1", 74)
    return [
        Device(
            hue, "hub", Dhcp(UDHCP, b"udhcp 1.23.2", "Philips-hue", 576), "Philips-hue",
            [
                ("_hue._tcp", "Hue Bridge - 2D1890", 443, {"bridgeid": "ecb5fafffe2d1890", "modelid": "BSB002"}),
                ("_hap._tcp", "Hue Bridge - 2D1890", 8080, {"md": "BSB002", "ci": "2", "pv": "1.1",
                "id": "3E:81:0C:55:2A:97", "sf": "0"}),
            ],
            cloud=("ws.meethue.example",), ssdp=("upnp:rootdevice", "80/description.xml", (
                "Hue/1.0 UPnP/1.0 "
                "IpBridge/1.65.0"
            )),
        ),
        Device(
            sonos, "speaker", Dhcp((1, 3, 6, 12, 15, 28, 40, 41, 42), b"", "SonosZP", 576),
            f"Sonos-{sonos.hex.upper()}",
            [
                ("_sonos._tcp", f"Sonos-{sonos.hex.upper()}@Canteen", 1443,
                {"vers": "3", "protovers": "1.38.4", "bootseq": "41"}),
                ("_spotify-connect._tcp", f"sonos{sonos.hex.upper()}", 1400,
                {"CPath": "/spotifyzc", "VERSION": "1.0", "Stack": "SP"}),
            ],
            cloud=("ws.sonos.example",),
            ssdp=("urn:schemas-upnp-org:device:ZonePlayer:1", "1400/xml/device_description.xml", (
                "Linux UPnP/1.0 Sonos/79.1-54060 "
                "(ZPS13)"
            )),
        ),
        Device(
            apple_tv, "media_player", Dhcp(APPLE, b"", "Meeting-Room", 1500), "Meeting-Room",
            [
                ("_airplay._tcp", "Meeting Room", 7000, {"deviceid": apple_tv.mac.upper(), "model": "AppleTV11,1",
                "srcvers": "760.20.1", "osvers": "17.4"}),
                ("_companion-link._tcp", "Meeting Room", 49153,
                {"rpMd": "AppleTV11,1", "rpVr": "530.6", "rpFl": "0xB6782"}),
            ],
            cloud=("gs-loc.apple.example",), ipv6=True,
        ),
        Device(
            cast, "media_player", Dhcp((1, 33, 3, 6, 15, 28, 51, 58, 59),
            b"dhcpcd-6.8.2:Linux-3.8.13+:armv7l:Marvell", "Chromecast-Ultra", 1500),
            "a91b6c1e-77d2-4a05-b0c2-6f41",
            [("_googlecast._tcp", "Chromecast-Ultra-a91b6c1e77d24a05", 8009,
            {"id": "a91b6c1e77d24a05", "md": "Chromecast Ultra", "fn": "Training room"})],
            cloud=("clients3.google.example",),
        ),
    ]  # fmt: skip


def user_devices() -> list[Device]:
    """Workstations and mobile devices. The mobile devices have randomized MAC addresses."""
    office = ("outlook.office365.example", "teams.microsoft.example")
    browsing = ("www.news.example", "cdn.news.example")
    windows = [
        Device(
            lan(name, mac, last, ttl=128),
            "workstation",
            Dhcp(WINDOWS, b"MSFT 5.0", name, fqdn=True),
            cloud=office + browsing,
        )
        for name, mac, last in (
            ("LT-ACC-04", "88:b1:11:3a:66:70", 101),
            ("LT-HR-02", "a4:bb:6d:5c:09:1e", 102),
            ("PC-DESK-11", "8c:ec:4b:71:2f:d3", 103),
        )
    ]
    macs = [
        Device(
            lan(name, mac, last), "workstation", Dhcp((*APPLE, 95, 44, 46), b"", name, 1500), name,
            [("_companion-link._tcp", title, 49152, {"rpMd": model, "rpVr": "530.6", "rpFl": "0x20000"})],
            cloud=("www.icloud.example", *browsing), ipv6=True,
        )
        for name, title, mac, last, model in (
            ("Annes-MacBook-Pro", "Anne's MacBook Pro", "3c:22:fb:9e:41:05", 104, "MacBookPro18,1"),
            ("Jonas-MacBook-Air", "Jonas's MacBook Air", "f0:18:98:27:b3:6c", 105, "Mac14,2"),
        )
    ]  # fmt: skip
    linux = Device(
        lan("tp-lab", "6c:a1:00:4d:82:f9", 106), "workstation",
        Dhcp((1, 2, 6, 12, 15, 26, 28, 121, 3, 33, 40, 41, 42, 119, 249, 252, 17), b"", "tp-lab"),
        cloud=("deb.debian.example",),
    )  # fmt: skip
    mobiles = [
        Device(
            lan("iphone", "da:4c:1e:77:30:8b", 121),
            "mobile",
            Dhcp(APPLE, b"", "iPhone", 1500),
            cloud=("gateway.icloud.example",),
            ipv6=True,
        ),
        Device(
            lan("pixel", "3e:92:05:b8:6f:14", 122),
            "mobile",
            Dhcp(ANDROID, b"android-dhcp-14", "Pixel-8", 1500),
            cloud=("play.googleapis.example",),
        ),
    ]
    return [*windows, *macs, linux, *mobiles]


def infrastructure() -> list[Device]:
    """Router, switch, access point, file server and PBX; router, file server and PBX have static addresses."""
    version = {"version_major": "7", "version_minor": "2", "version_build": "64570"}
    dsm = {
        "vendor": "Synology",
        "model": "DS920+",
        "serial": "2150PDN1A2B3C",
        "admin_port": "5000",
        "mac_address": FILES.mac,
    } | version
    return [
        Device(ROUTER, "router"),
        Device(SWITCH, "switch", Dhcp((1, 3, 6, 12, 15, 42, 43, 66, 67), (
            b"Aruba JL253A 2930F-24G-4SFP+ "
            b"Switch"
        ), "sw-1f")),
        Device(ACCESS_POINT, "access_point", Dhcp((1, 3, 4, 6, 12, 15, 28, 42, 43, 60), b"ArubaAP", "ap-1f", 1500)),
        Device(
            FILES, "nas", None, "fs01",
            [
                ("_http._tcp", "fs01", 5000, dsm), ("_smb._tcp", "fs01", 445, {}),
                ("_device-info._tcp", "fs01", 0, {"model": "Xserve"}),
                ("_adisk._tcp", "fs01", 9, {"sys": f"waMa={FILES.mac.upper()},adVF=0x100"}),
            ],
            cloud=("checkip.synology.example",),
        ),
        Device(PBX, "server"),
    ]  # fmt: skip


def all_devices() -> list[Device]:
    return [
        *infrastructure(),
        *printers(),
        *phones(),
        *conferencing(),
        *screens(),
        *cameras(),
        *iot_devices(),
        *user_devices(),
    ]
