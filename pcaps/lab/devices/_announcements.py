"""Announcements and discovery of devices: DHCP, mDNS, SSDP, LLDP, CDP, WS-Discovery, NetBIOS, and discovery protocols
of vendors. Each builder takes the network and a time.
"""

from __future__ import annotations

import struct

from pcaps import _office_traffic as traffic
from pcaps.dissectors import bjnp as canon
from pcaps.dissectors import dhip as dahua
from pcaps.dissectors import slp as service_location
from pcaps.dissectors import wisenet as hanwha
from pcaps.dissectors import wsd as web_services
from pcaps.dissectors._frames import ip, mac
from pcaps.dissectors._neighbour import addresses, field, snap, with_checksum
from pcaps.dissectors.cdp import GROUP as CDP_GROUP
from pcaps.dissectors.lldp import DOT3, MED, NEAREST, management_address, organization_specific, tlv
from pcaps.lab.devices._network import Network

BROADCAST = "255.255.255.255"
# Subtypes of the inventory of LLDP-MED (ANSI/TIA-1057, 10.2.6).
INVENTORY = {"hardware": 5, "firmware": 6, "software": 7, "serial": 8, "manufacturer": 9, "model": 10}
UPNP_DOMAIN = "urn:schemas-upnp-org:"


def dhcp(
    net: Network,
    at: float,
    parameters: list[int],
    *,
    vendor: str = "",
    hostname: str = "",
    size: int = 0,
    fqdn: bool = False,
    more: dict[int, str] | None = None,
) -> None:
    """A lease (RFC 2131). ``more``: other options, as hexadecimal digits."""
    options = traffic.dhcp_options(
        net.host, parameters=parameters, vendor=vendor.encode(), hostname=hostname, size=size, fqdn=fqdn
    )
    options[-1:-1] = [(code, bytes.fromhex(digits)) for code, digits in (more or {}).items()]
    traffic.lease(net.capture, at, net.host, net.router, options)


def mdns(net: Network, at: float, host: str, services: list[tuple[str, str, int, dict[str, str]]]) -> None:
    """Services with their TXT records (RFC 6763). A device with many services needs several datagrams."""
    traffic.announce(
        net.capture,
        at,
        net.host,
        host,
        [(kind, name, port, {key: str(value) for key, value in texts.items()}) for kind, name, port, texts in services],
    )


def ssdp(
    net: Network,
    at: float,
    server: str,
    location: str,
    targets: list[str],
    fields: list[str] | None = None,
    uuid: str = "",
) -> None:
    """Announcements of a UPnP device (UPnP Device Architecture, 1.2)."""
    device_uuid = uuid or net.spec.uuid
    for number, target in enumerate(targets):
        name = target if target.startswith(("urn:", "roku:", "upnp:", "uuid:")) else UPNP_DOMAIN + target
        usn = name if name.startswith("uuid:") else f"uuid:{device_uuid}::{name}"
        lines = [
            "NOTIFY * HTTP/1.1",
            "HOST: 239.255.255.250:1900",
            "CACHE-CONTROL: max-age=1800",
            f"LOCATION: {location}",
            f"NT: {name}",
            "NTS: ssdp:alive",
        ]
        lines += [f"SERVER: {server}", f"USN: {usn}", *(fields or ()), "", ""]
        net.capture.group(
            at + number * 0.05,
            net.host,
            "239.255.255.250",
            1900,
            "\r\n".join(lines).encode(),
            ttl=4,
            sport=net.host.port,
        )


def lldp(
    net: Network, at: float, *, name: str = "", description: str = "", port: str = "1",
    capabilities: tuple[int, int] = (0x24, 0x24),
    med: dict[str, str] | None = None, kind: int = 3, address: bool = True,
) -> None:  # fmt: skip
    """IEEE 802.1AB, with LLDP-MED inventory if given. ``kind``: LLDP-MED device class."""
    tlvs = [
        tlv(1, b"\x05\x01" + ip(net.host.ip)) if kind == 3 else tlv(1, b"\x04" + mac(net.host.mac)),
        tlv(2, b"\x03" + mac(net.host.mac)),
    ]
    tlvs += [tlv(3, struct.pack("!H", 120)), tlv(4, f"port {port}".encode())]
    tlvs += [tlv(code, text.encode()) for code, text in ((5, name), (6, description)) if text]
    tlvs += [
        tlv(7, struct.pack("!HH", *capabilities)),
        *([management_address(net.host.ip)] if address else []),
        organization_specific(DOT3, 1, b"\x03\x6c\x03\x00\x1e"),
    ]
    if med is not None:
        tlvs.append(organization_specific(MED, 1, struct.pack("!HB", 0x33, kind)))
        tlvs += [organization_specific(MED, code, med[key].encode()) for key, code in INVENTORY.items() if key in med]
    frame = mac(NEAREST) + mac(net.host.mac) + b"\x88\xcc" + b"".join(tlvs) + bytes(2)
    net.capture.put(at, frame.ljust(60, b"\0"))


def cdp(
    net: Network,
    at: float,
    device: str,
    platform: str,
    version: str,
    *,
    port: str = "Port 1",
    capabilities: int = 0x490,
    power: int = 6300,
) -> None:
    """CDP version 2."""
    fields = [
        field(1, device.encode()),
        field(2, addresses(net.host.ip)),
        field(3, port.encode()),
        field(4, struct.pack("!I", capabilities)),
    ]
    fields += [
        field(5, version.encode()),
        field(6, platform.encode()),
        field(11, b"\x01"),
        field(16, struct.pack("!H", power)),
    ]
    net.capture.put(
        at, snap(net.host.mac, CDP_GROUP, "00000c", 0x2000, with_checksum(b"\x02\xb4" + bytes(2) + b"".join(fields)))
    )


def wsd(
    net: Network, at: float, uuid: str, types: str, address: str, *, scopes: str = "", answer: bool = False
) -> None:
    """A multicast Hello, or a Probe and its ProbeMatches (WS-Discovery). ``types``: with the prefixes of the common
    namespaces.
    """
    prefixes = {
        "wsdp": "http://schemas.xmlsoap.org/ws/2006/02/devprof",
        "wprt": "http://schemas.microsoft.com/windows/2006/08/wdp/print",
        "wscn": "http://schemas.microsoft.com/windows/2006/08/wdp/scan",
        "dn": "http://www.onvif.org/ver10/network/wsdl", "tds": "http://www.onvif.org/ver10/device/wsdl",
    }  # fmt: skip
    if answer:
        probe = web_services.envelope("Probe", "<wsd:Types>dn:NetworkVideoTransmitter</wsd:Types>", dn=prefixes["dn"])
        net.capture.group(at - 0.2, net.workstation, "239.255.255.250", 3702, probe, ttl=1, sport=50300)
        found = web_services.envelope("ProbeMatches", web_services.match(uuid, types, scopes, address), **prefixes)
        net.capture.udp(at, net.host, net.workstation, 3702, 50300, found)
        return
    body = f"{web_services.endpoint(uuid)}<wsd:Types>{types}</wsd:Types><wsd:XAddrs>{address}</wsd:XAddrs><wsd:MetadataVersion>1</wsd:MetadataVersion>"
    net.capture.group(at, net.host, "239.255.255.250", 3702, web_services.envelope("Hello", body, **prefixes), ttl=1)


def sip_profile(net: Network, at: float, vendor: str, model: str, version: str, agent: str = "") -> None:
    """SIP plug and play: a SUBSCRIBE for the profile of the device (RFC 6080)."""
    user, address = f"MAC%3a{net.host.hex}", f"{net.host.ip}:5060"
    lines = [
        f"SUBSCRIBE sip:{user}@224.0.1.75 SIP/2.0",
        f"Via: SIP/2.0/UDP {address};branch=z9hG4bK{net.host.hex}",
        "Max-Forwards: 20",
    ]
    lines += [
        f"Contact: <sip:{address}>",
        f"To: <sip:{user}@224.0.1.75>",
        f"From: <sip:{user}@224.0.1.75>;tag={net.host.hex[:8]}",
        f"Call-ID: {net.host.hex}",
    ]
    lines += [
        "CSeq: 1 SUBSCRIBE",
        f'Event: ua-profile;profile-type="device";vendor="{vendor}";model="{model}";version="{version}"',
        "Expires: 0",
    ]
    lines += ["Accept: application/url", *([f"User-Agent: {agent}"] if agent else []), "Content-Length: 0", "", ""]
    net.capture.group(at, net.host, "224.0.1.75", 5060, "\r\n".join(lines).encode(), ttl=4)


def sadp(net: Network, at: float, model: str, serial: str, firmware: str, number: int) -> None:
    """SADP (Hikvision): an inquiry and the multicast response of a device."""
    probe = (
        '<?xml version="1.0" '
        'encoding="utf-8"?><Probe><Uuid>5C1F2B7E-3D1A-4D6C-9C11-0F0E5A1B2C3D</Uuid><Types>inquiry</Types></Probe>'
    )
    net.capture.group(at - 0.2, net.workstation, "239.255.255.250", 37020, probe.encode(), ttl=64)
    fields = {
        "Uuid": "5C1F2B7E-3D1A-4D6C-9C11-0F0E5A1B2C3D",
        "Types": "inquiry",
        "DeviceType": number,
        "DeviceDescription": model,
        "DeviceSN": serial,
        "CommandPort": 8000,
        "HttpPort": 80,
        "MAC": net.host.mac.replace(":", "-"),
        "IPv4Address": net.host.ip,
        "IPv4SubnetMask": "255.255.255.0",
        "IPv4Gateway": net.router.ip,
        "DHCP": "true",
        "SoftwareVersion": firmware,
        "DSPVersion": "V7.3 build 201120",
        "BootTime": "2026-12-01 08:29:12",
        "Encrypt": "true",
        "Activated": "true",
    }
    body = "".join(f"<{name}>{value}</{name}>\r\n" for name, value in fields.items())
    net.capture.group(
        at,
        net.host,
        "239.255.255.250",
        37020,
        f'<?xml version="1.0" encoding="UTF-8"?>\r\n<ProbeMatch>\r\n{body}</ProbeMatch>'.encode(),
        ttl=64,
    )


def dhip(net: Network, at: float, info: dict[str, object]) -> None:
    """DHIP (Dahua): a discovery request and the response of a device."""
    net.capture.group(
        at - 0.2,
        net.workstation,
        dahua.GROUP,
        37810,
        dahua.message({"method": "DHDiscover.search", "params": {"mac": "", "uni": 1}}),
        ttl=64,
    )
    net.capture.udp(at, net.host, net.workstation, 37810, 37810, dahua.answer(net.host.mac, net.host.ip, info))


def wisenet(net: Network, at: float, model: str) -> None:
    """Wisenet (Hanwha): a discovery request and the response of a camera."""
    head = b"\1" + bytes(261)
    net.capture.group(at - 0.2, net.workstation, BROADCAST, 7701, head, sport=7711)
    net.capture.group(
        at, net.host, BROADCAST, 7711, hanwha.answer(net.host.mac.upper(), net.host.ip, model), sport=7701
    )


def bjnp(net: Network, at: float, identity: str) -> None:
    """BJNP (Canon): a discovery request, and the device identity of the printer."""
    net.capture.group(at - 0.4, net.workstation, BROADCAST, 8611, canon.message(1, 1), sport=49000)
    address = b"\0\1\x08\0\6\4" + mac(net.host.mac) + ip(net.host.ip)
    net.capture.udp(at - 0.3, net.host, net.workstation, 8611, 49000, canon.message(0x81, 1, address))
    net.capture.udp(at - 0.1, net.workstation, net.host, 49000, 8611, canon.message(1, 0x30))
    text = identity.encode()
    net.capture.udp(
        at, net.host, net.workstation, 8611, 49000, canon.message(0x81, 0x30, struct.pack("!H", len(text) + 2) + text)
    )


def enpc(net: Network, at: float, name: str) -> None:
    """ENPC (Epson): a discovery request and the response of the printer."""
    net.capture.group(
        at - 0.2, net.workstation, BROADCAST, 3289, b"EPSONQ" + bytes.fromhex("0300000100000000"), sport=3289
    )
    answer = b"EPSONq" + bytes.fromhex("0300000100000000") + struct.pack("!6s36x128s", mac(net.host.mac), name.encode())
    net.capture.udp(at, net.host, net.workstation, 3289, 3289, answer)


def slp(net: Network, at: float, attributes: str) -> None:
    """An attribute request of a driver and its reply (RFC 2608, 10.4)."""
    request = service_location.message(
        6, b"".join(map(service_location.string, ("", "service:x-hpnp-discover:", "DEFAULT", "", "")))
    )
    net.capture.udp(at - 0.2, net.workstation, net.host, 50427, 427, request)
    net.capture.udp(
        at,
        net.host,
        net.workstation,
        427,
        50427,
        service_location.message(7, struct.pack("!H", 0) + service_location.string(attributes) + b"\0"),
    )


def netbios(net: Network, at: float, name: str) -> None:
    """A name registration (RFC 1002, 4.2.2)."""
    coded = (
        b"\x20"
        + b"".join(
            bytes((0x41 + (byte >> 4), 0x41 + (byte & 15))) for byte in name.upper().encode().ljust(15)[:15] + b"\0"
        )
        + b"\0"
    )
    head = struct.pack("!HHHHHH", net.host.rng.getrandbits(16), 0x2910, 1, 0, 0, 1) + coded + b"\0\x20\0\1"
    net.capture.group(
        at,
        net.host,
        f"{net.host.ip.rpartition('.')[0]}.255",
        137,
        head + b"\xc0\x0c\0\x20\0\1" + struct.pack("!IHH", 300000, 6, 0) + ip(net.host.ip),
    )
