"""SADP (Hikvision): an inquiry, the response of a camera without a password, of a recorder, and of a recorder about a
camera behind it; a command with a password.
"""

from __future__ import annotations

from pcaps.dissectors._frames import ALL, CAMERA, DESKTOP, GATEWAY, Frames, udp

GROUP, GROUP_MAC = "239.255.255.250", "01:00:5e:7f:ff:fa"


def answer(mac: str, address: str, model: str, serial: str, activated: str, more: str = "") -> bytes:
    return (
        '<?xml version="1.0" '
        'encoding="UTF-8"?>\r\n<ProbeMatch>\r\n<Uuid>13A888A9-F1B1-4020-AE9F-05607682D23B</Uuid>\r\n<Types>inquiry</Types>\r\n'
        f"<DeviceType>139665</DeviceType>\r\n<DeviceDescription>{model}</DeviceDescription>\r\n<DeviceSN>{serial}</DeviceSN>\r\n"
        f"<CommandPort>8000</CommandPort>\r\n<HttpPort>80</HttpPort>\r\n<MAC>{mac}</MAC>\r\n<IPv4Address>{address}</IPv4Address>\r\n"
        "<DHCP>false</DHCP>\r\n<SoftwareVersion>V5.5.82build "
        f"190220</SoftwareVersion>\r\n<Activated>{activated}</Activated>\r\n{more}</ProbeMatch>"
    ).encode()


def frames() -> Frames:
    inquiry = (
        b'<?xml version="1.0" '
        b'encoding="utf-8"?><Probe><Uuid>13A888A9-F1B1-4020-AE9F-05607682D23B</Uuid><Types>inquiry</Types></Probe>'
    )
    yield udp(DESKTOP, GROUP_MAC, "10.20.30.14", GROUP, 37020, 37020, inquiry)
    camera = answer(
        CAMERA.replace(":", "-"),
        "10.20.30.16",
        "DS-2CD2042WD-I",
        "DS-2CD2042WD-I20160530AAWR612345678",
        "false",
        "<OEMInfo>N/A</OEMInfo>\r\n",
    )
    yield udp(CAMERA, GROUP_MAC, "10.20.30.16", GROUP, 37020, 37020, camera)
    recorder = answer(
        GATEWAY,
        "10.20.30.17",
        "DS-7608NI-I2/8P",
        "DS-7608NI-I2/8P0820170701CCRR812345678WCVU",
        "true",
        "<OEMInfo>LTS &amp; Sons</OEMInfo>\r\n",
    )
    yield udp(GATEWAY, GROUP_MAC, "10.20.30.17", GROUP, 37020, 37020, recorder)
    proxied = answer(
        "44-19-b6-5e-53-09", "192.168.254.3", "DS-2CD2142FWD-I", "DS-2CD2142FWD-I20161111AAWR699999999", "true"
    )
    yield udp(GATEWAY, GROUP_MAC, "10.20.30.17", GROUP, 37020, 37020, proxied)
    command = b"<Probe><Uuid>1</Uuid><MAC>02-00-5e-00-53-06</MAC><Types>update</Types><Password>secret</Password><IPv4Address>10.0.0.9</IPv4Address></Probe>"
    yield udp(DESKTOP, ALL, "10.20.30.14", "255.255.255.255", 37020, 37020, command)
